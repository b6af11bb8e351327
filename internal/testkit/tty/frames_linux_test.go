package tty

import (
	"os"
	"testing"
)

// Only narrow, composed characters: the renderer of Bubble Tea 2.0.10 itself
// wipes out wide ones where it moves and erases by single columns
// (https://github.com/charmbracelet/ultraviolet/pull/103), and drops accents
// that follow ASCII.
func TestTheScreenShowsWhatBubbleTeaDraws(t *testing.T) {
	for name, c := range map[string]struct {
		term string
		old  bool
	}{
		"xterm":     {"xterm-256color", false},
		"old xterm": {"xterm-256color", true},
		"kitty":     {"xterm-kitty", false},
		"plain":     {"vt100", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait for Bubble Tea's 60 frames a second
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			const width, height = 60, 16
			term := Start(t, Options{Width: width, Height: height, Old: c.old,
				Env: Env("TTY_PROGRAM=frames", "TERM="+c.term)}, self)
			for n := range 60 {
				want := shown(frame(n, width, height))
				if problem := term.wait(func(screen string) bool { return screen == want }, patience); problem != "" {
					t.Fatalf("%s\n%s", problem, difference(want, term.Text()))
				}
				term.Press("n")
			}
		})
	}
}
