package tty

import (
	"errors"
	"testing"
	"time"
)

// written is what a program got, and when.
type written chan time.Time

func (w written) Write(b []byte) (int, error) {
	if string(b) == "gone" {
		return 0, errors.New("it is gone")
	}
	w <- time.Now()
	return len(b), nil
}

func TestALoneEscapeIsFollowedBySilence(t *testing.T) {
	var box outbox
	box.init()
	box.put([]byte("\x1b"), escSilence)
	box.put([]byte("j"), 0)
	program, over := make(written, 2), make(chan struct{})
	go func() {
		defer close(over)
		box.send(program)
	}()
	first, second := <-program, <-program
	if gap := second.Sub(first); gap < escSilence {
		t.Errorf("%s", gap)
	}
	box.close()
	<-over
}

func TestNothingIsSentToWhoIsGone(t *testing.T) {
	for name, box := range map[string]*outbox{"broken": {}, "closed": {}} {
		box.init()
		switch name {
		case "broken":
			box.put([]byte("gone"), 0)
		case "closed":
			box.put([]byte("\x1b"), time.Hour)
			box.close()
		}
		program := make(written, 2)
		box.put([]byte("more"), 0)
		box.send(program) // returns
		if len(program) > 1 {
			t.Errorf("%s: more was written", name)
		}
	}
}
