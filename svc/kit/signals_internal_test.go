package kit

import (
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestWhatCountsAsASecondSignal(t *testing.T) {
	for _, c := range []struct {
		name  string
		first os.Signal     // that began the drain, or nil
		since time.Duration // the first one
		come  []os.Signal
		want  bool
	}{
		{"none", syscall.SIGTERM, 0, nil, false},
		{"an echo", syscall.SIGTERM, 0, []os.Signal{syscall.SIGTERM}, false},
		{"the same, later", syscall.SIGTERM, sameSignal, []os.Signal{syscall.SIGTERM}, true},
		{"another one at once", syscall.SIGTERM, 0, []os.Signal{os.Interrupt}, true},
		{"another one behind an echo", syscall.SIGTERM, 0, []os.Signal{syscall.SIGTERM, os.Interrupt}, true},
		{"the first of a drain that no signal began", nil, 0, []os.Signal{syscall.SIGTERM}, false},
		{"and its echo", nil, 0, []os.Signal{syscall.SIGTERM, syscall.SIGTERM}, false},
		{"and the second", nil, 0, []os.Signal{syscall.SIGTERM, os.Interrupt}, true},
	} {
		come, done, second := make(chan os.Signal), make(chan struct{}), make(chan bool, 1)
		s := &signals{come: come, log: slog.New(slog.DiscardHandler)}
		if c.first != nil {
			s.begin(c.first)
			s.at = s.at.Add(-c.since)
		}
		go func() { second <- s.second(done) }()
		for _, sig := range c.come {
			come <- sig
		}
		if !c.want {
			close(done)
		}
		if got := <-second; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
