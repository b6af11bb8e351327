package tty

import (
	"testing"

	tea "charm.land/bubbletea/v2"
)

// A Bubble Tea program in the process of its test is given the screen as its
// output and messages instead of keys.
func TestABubbleTeaProgramInTheProcessOfItsTest(t *testing.T) {
	const width, height = 60, 16
	s := NewScreen(t, width, height)
	program := tea.NewProgram(&frames{}, tea.WithOutput(s), tea.WithInput(nil), tea.WithWindowSize(width, height),
		tea.WithEnvironment([]string{"TERM=xterm-256color", "COLORTERM=truecolor", "TTY_FORCE=1"}), tea.WithoutSignalHandler())
	over := make(chan error)
	go func() {
		_, err := program.Run()
		over <- err
	}()
	for n := range 20 {
		want := shown(frame(n, width, height))
		s.WaitUntil("the next picture:\n"+want, func(screen string) bool { return screen == want })
		if n == 0 {
			s.GoldenANSI(t, "frame")
		}
		program.Send(tea.KeyPressMsg{Code: 'n', Text: "n"})
	}
	program.Quit()
	if err := <-over; err != nil {
		t.Error(err)
	}
	if s.AltScreen() || s.Text() != "" {
		t.Errorf("%s", s.picture())
	}
}

func BenchmarkAFrameOf200x50(b *testing.B) {
	s := NewScreen(b, 200, 50)
	picture := []byte("\x1b[H" + frame(0, 200, 50))
	b.SetBytes(int64(len(picture)))
	for b.Loop() {
		s.Write(picture)
		s.Text()
	}
}

// FuzzScreen: whatever a program writes, the screen shows something.
func FuzzScreen(f *testing.F) {
	for _, seed := range []string{"", "\x1b[1;1H\x1b[2J", "日\x1b[4h日\b\x1b[K", "e\u0301\x1b[6n", "\x1b[?2026h\x1b]11;?\x07", "\x1b[99999b\x1b[99999@\x1b[99999P",
		"\x1b[5;2r\x1b[99999L\x1b[99999M\x1b[99999S\x1b[99999T", "\x1bc\x1b[?1049h\x1b[?69h\x1b[3;5s\x1b[?6h\x1b[H", "\x1bP+q\x1b\\\x1b_G\x1b\\\x1b^x\x1b\\", "\x9b31m\xff\xfe"} {
		f.Add(seed, byte(10), byte(4))
	}
	f.Fuzz(func(t *testing.T, written string, width, height byte) {
		s := NewScreen(t, 1+int(width%100), 1+int(height%50))
		s.Write([]byte(written))
		s.resize(1+int(height%50), 1+int(width%100))
		s.Write([]byte(written))
		_, _ = s.Text(), s.ANSI()
		if err := s.SVG(&discard{}); err != nil {
			t.Fatal(err)
		}
	})
}

type discard struct{}

func (*discard) Write(b []byte) (int, error) { return len(b), nil }
