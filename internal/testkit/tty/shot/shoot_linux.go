package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

// shoot takes the picture.
func shoot(r testing.TB, o options) {
	terminal := tty.Start(r, o.terminal, o.command[0], o.command[1:]...)
	for _, step := range o.keys {
		if err := do(terminal, step); err != nil {
			r.Fatal(err)
		}
	}
	var picture bytes.Buffer
	switch filepath.Ext(o.out) {
	case ".svg":
		if err := terminal.SVG(&picture); err != nil {
			r.Fatal(err)
		}
	case ".png":
		photograph(r, terminal, o.out)
		return
	case ".ansi":
		picture.WriteString(terminal.ANSI() + "\n")
	default:
		picture.WriteString(terminal.Text() + "\n")
	}
	if err := os.WriteFile(o.out, picture.Bytes(), 0o600); err != nil {
		r.Fatal(err)
	}
}

// do does one step.
func do(terminal *tty.Terminal, step string) error {
	verb, text, _ := strings.Cut(step, ":")
	switch verb {
	case "wait":
		terminal.WaitFor(text)
	case "gone":
		terminal.WaitGone(text)
	case "type":
		terminal.Type(text)
	case "paste":
		terminal.Paste(text)
	case "size":
		width, height, err := parseSize(text)
		if err != nil {
			return err
		}
		terminal.Resize(width, height)
	case "focus":
		terminal.Focus()
	case "blur":
		terminal.Blur()
	case "exit":
		terminal.WaitExit()
	case "comma":
		terminal.Press(",")
	default:
		terminal.Press(step)
	}
	return nil
}

// photograph has Chromium paint the picture at twice its size.
func photograph(r testing.TB, terminal *tty.Terminal, out string) {
	var svg bytes.Buffer
	if err := terminal.SVG(&svg); err != nil {
		r.Fatal(err)
	}
	width, height := terminal.PictureSize()
	page := fmt.Sprintf(`<body style="margin:0"><img style="display:block" width="%d" height="%d" src="data:image/svg+xml;base64,%s">`,
		2*width, 2*height, base64.StdEncoding.EncodeToString(svg.Bytes()))
	browser := testkit.NewBrowser(r)
	browser.Show(2*width, 2*height, true)
	browser.Open("data:text/html;base64," + base64.StdEncoding.EncodeToString([]byte(page)))
	browser.Await("document.images.length == 1 && document.images[0].naturalWidth > 0")
	browser.Picture(out)
}
