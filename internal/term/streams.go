// Package term is what gctl knows about the terminal it talks to: the three
// streams, which of them are terminals, whether colour is wanted, how wide a
// line may be, and what of a string from outside may be shown on it. It is one
// injected value with a twin for tests.
package term

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"

	xterm "github.com/charmbracelet/x/term"
)

// Streams are the standard streams of one run.
type Streams struct {
	In  io.Reader
	Out io.Writer // data
	Err io.Writer // everything else

	InTTY, OutTTY, ErrTTY bool

	Color bool // escape sequences are welcome on Out
	Width int  // columns of Out; 0 when Out is no terminal: nothing is cut
}

// colourless tells whether a kind of terminal has no colours, by terminfo's names.
func colourless(kind string) bool {
	name, _, _ := strings.Cut(kind, "-")
	return slices.Contains([]string{"dumb", "vt52", "vt100", "vt102", "vt200", "vt220", "vt320", "vt420"}, name) ||
		strings.HasSuffix(kind, "-m") || strings.HasSuffix(kind, "-mono")
}

// System returns the streams of the process. Colour needs a terminal that has it,
// and no NO_COLOR (https://no-color.org).
func System() *Streams {
	s := &Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTTY:  xterm.IsTerminal(os.Stdin.Fd()),
		OutTTY: xterm.IsTerminal(os.Stdout.Fd()),
		ErrTTY: xterm.IsTerminal(os.Stderr.Fd()),
	}
	s.Color = s.OutTTY && os.Getenv("NO_COLOR") == "" && !colourless(os.Getenv("TERM"))
	if s.OutTTY {
		s.Width = 80
		if w, _, err := xterm.GetSize(os.Stdout.Fd()); err == nil && w > 0 {
			s.Width = w
		}
	}
	return s
}

// Test returns streams over buffers, none of which is a terminal, and the
// buffers of stdin, stdout and stderr.
func Test() (s *Streams, in, out, errOut *bytes.Buffer) {
	in, out, errOut = &bytes.Buffer{}, &bytes.Buffer{}, &bytes.Buffer{}
	return &Streams{In: in, Out: out, Err: errOut}, in, out, errOut
}
