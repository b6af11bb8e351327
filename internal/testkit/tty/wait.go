package tty

import (
	"fmt"
	"strings"
	"time"
)

// WaitFor waits until the screen shows a text.
func (s *Screen) WaitFor(text string) {
	s.t.Helper()
	s.WaitUntil(fmt.Sprintf("%q appears", text), func(screen string) bool { return strings.Contains(screen, text) })
}

// WaitGone waits until the screen does not show a text.
func (s *Screen) WaitGone(text string) {
	s.t.Helper()
	s.WaitUntil(fmt.Sprintf("%q is gone", text), func(screen string) bool { return !strings.Contains(screen, text) })
}

// WaitUntil waits until a condition holds of the screen's text, or, where
// seen asks the Screen itself, of anything else. It gives up after 20 s, or when
// the program has ended, and fails the test with the whole screen; what says
// which state never came.
func (s *Screen) WaitUntil(what string, seen func(screen string) bool) {
	s.t.Helper()
	if problem := s.wait(seen, patience); problem != "" {
		s.t.Fatalf("%s before %s\n%s", problem, what, s.picture())
	}
}

// wait returns what ended before seen held, or nothing.
func (s *Screen) wait(seen func(string) bool, atMost time.Duration) string {
	timeout := time.NewTimer(atMost)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		text, ended, changed := s.text(), s.ended, s.changed
		s.mu.Unlock()
		if seen(text) {
			return ""
		}
		if ended != "" {
			return ended
		}
		select {
		case <-changed:
		case <-timeout.C:
			return atMost.String() + " went by"
		}
	}
}

// picture describes the screen to who reads the failure of a test.
func (s *Screen) picture() string {
	width, height := s.Size()
	x, y := s.Cursor()
	text := strings.Split(s.Text(), "\n")
	edge := strings.Repeat("-", width)
	return fmt.Sprintf("%dx%d, cursor at %d,%d, alternate screen %t, title %q\n%s\n%s\n%s",
		width, height, x, y, s.AltScreen(), s.Title(), edge, strings.Join(text, "\n"), edge)
}
