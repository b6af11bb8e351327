package main

import (
	"bytes"
	"errors"
	"flag"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/internal/testkit/alone"
	"github.com/gctl-dev/gctl/internal/testkit/tty"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reads is a program that shows what it reads.
const reads = `stty size; while read -r line; do clear; stty size; echo "read $line."; done`

func TestPictures(t *testing.T) {
	for name, want := range map[string]string{
		"screen.txt":  "30 100\nread a,b. c.\n",
		"screen.ansi": "30 100\nread a,b. c.\n",
		"screen.svg":  ">read a,b. c.</text>",
	} {
		path := filepath.Join(t.TempDir(), name)
		o, err := parse([]string{"-out", path, "-size", "60x20", "-keys",
			"wait:20 60,a,comma,type:b. ,size:100x30,focus,blur,paste:c,enter,gone:20 60,wait:read a", "--", "sh", "-c", reads}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		shoot(t, o)
		picture, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(picture), want) {
			t.Errorf("%s: %v\n%s", name, err, picture)
		}
	}
}

func TestChromiumPaintsThePicture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "screen.png")
	o, err := parse([]string{"-out", path, "-size", "20x4", "-theme", "light", "-keys", "wait:blue", "--",
		"printf", `\033[2J\033[H\033[?25l\033[48;2;0;0;255m    blue    \033[m`}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	shoot(t, o)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size.X != 2*192 || size.Y != 2*114 {
		t.Errorf("%v", size)
	}
	blue, white := 0, 0
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			switch r, g, b, _ := picture.At(x, y).RGBA(); {
			case r < 0x1000 && g < 0x1000 && b > 0xf000:
				blue++
			case r > 0xf000 && g > 0xf000 && b > 0xf000:
				white++
			}
		}
	}
	if blue < 8*16*36 || white < 40_000 {
		t.Errorf("%d blue pixels, %d white ones", blue, white)
	}
}

func TestWrongArguments(t *testing.T) {
	for want, args := range map[string][]string{
		"no program":                {"-out", "a.svg"},
		`does not end in .svg`:      {"-out", "a.gif", "--", "true"},
		`-out ""`:                   {"--", "true"},
		`size "80" is not`:          {"-size", "80", "--", "true"},
		`size "80x24x3" is not`:     {"-size", "80x24x3", "--", "true"},
		`size "0x5" is not`:         {"-size", "0x5", "--", "true"},
		"neither dark nor light":    {"-theme", "blue", "--", "true"},
		"flag provided but not def": {"-update"},
	} {
		if _, err := parse(args, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := parse([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("%v", err)
	}
}

func TestARunThatFails(t *testing.T) {
	for want, o := range map[string]options{
		`shot: no key is named "hyper"`:                   {keys: []string{"hyper"}, command: []string{"cat"}},
		`shot: size "1" is not`:                           {keys: []string{"size:1"}, command: []string{"cat"}},
		`ended with code 1 before "never" appears`:        {keys: []string{"wait:never"}, command: []string{"false"}},
		`no such file or directory`:                       {keys: []string{"exit"}, command: []string{"echo", "x"}, out: "/no/such/directory/a.txt"},
		`shot: fork/exec ./no-such-program: no such file`: {command: []string{"./no-such-program"}},
	} {
		o.terminal = tty.Options{}
		var log bytes.Buffer
		code := 0
		over := make(chan struct{})
		go func() {
			defer close(over)
			shoot(alone.New("shot", &log, func(c int) { code = c; runtime.Goexit() }), o)
		}()
		<-over
		if code != 1 || !strings.Contains(log.String(), want) {
			t.Errorf("code %d, want %s:\n%s", code, want, log.String())
		}
	}
}
