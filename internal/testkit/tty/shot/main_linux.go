// Command shot runs a program in a terminal, presses keys and writes a picture of the
// screen: SVG for the documents, PNG to look at (by Chromium), the screen as text
// or with its colours (.txt, .ansi).
//
//	go run ./internal/testkit/tty/shot -size 120x40 -keys 'wait:SERVICE,down,enter,wait:RPS' -out dash.svg -- gctl dash
//
// The steps of -keys, divided by commas, are names of keys as Bubble Tea has
// them (comma for the comma itself) and wait:TEXT, gone:TEXT (wait until it is on the screen, or
// not any more), type:TEXT, paste:TEXT, size:WxH, focus, blur and exit (wait for
// the end of the program). The picture is taken after the last step, so that is
// best a wait.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gctl-dev/gctl/internal/testkit/alone"
	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

type options struct {
	terminal tty.Options
	keys     []string
	out      string
	command  []string
}

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "shot:", err)
		os.Exit(2)
	}
	run := alone.New("shot", os.Stderr, os.Exit)
	defer run.End()
	shoot(run, o)
}

func parse(args []string, help io.Writer) (options, error) {
	flags := flag.NewFlagSet("shot", flag.ContinueOnError)
	flags.SetOutput(help)
	size := flags.String("size", "120x40", "`columns x rows` of the terminal")
	keys := flags.String("keys", "", "`steps` before the picture, divided by commas")
	out := flags.String("out", "", "`file` to write, .svg, .png, .txt or .ansi")
	theme := flags.String("theme", "dark", "dark or light")
	dir := flags.String("dir", "", "working `directory` of the program")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o := options{out: *out, command: flags.Args()}
	o.terminal.Dir = *dir
	o.terminal.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor")
	if *keys != "" {
		o.keys = strings.Split(*keys, ",")
	}
	var err error
	if o.terminal.Width, o.terminal.Height, err = parseSize(*size); err != nil {
		return options{}, err
	}
	switch *theme {
	case "dark":
		o.terminal.Theme = tty.Dark
	case "light":
		o.terminal.Theme = tty.Light
	default:
		return options{}, fmt.Errorf("theme %q is neither dark nor light", *theme)
	}
	if len(o.command) == 0 {
		return options{}, errors.New("no program: shot -out FILE -- PROGRAM ARGS")
	}
	switch filepath.Ext(o.out) {
	case ".svg", ".png", ".txt", ".ansi":
		return o, nil
	}
	return options{}, fmt.Errorf("-out %q does not end in .svg, .png, .txt or .ansi", o.out)
}

func parseSize(text string) (width, height int, err error) {
	if n, err := fmt.Sscanf(text+";", "%dx%d;", &width, &height); n != 2 || err != nil || width < 1 || height < 1 || width > 1000 || height > 1000 {
		return 0, 0, fmt.Errorf("size %q is not of the form 120x40", text)
	}
	return width, height, nil
}
