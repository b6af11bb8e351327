package kit_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gctl-dev/gctl/svc/kit"
)

// idle is a server that never runs.
func idle(t *testing.T) (*kit.Server, *buffer) {
	t.Helper()
	log := &buffer{}
	s, err := kit.New(t.Context(), kit.Options{Config: kit.Config{Plaintext: true, Listen: "127.0.0.1:0"}, Service: "test", LogTo: log})
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

// A handler may connect to others at any time.
func TestWhatIsOpenedWhileTheServerClosesIsClosed(t *testing.T) {
	s, _ := idle(t)
	const n = 200
	var closed [n]atomic.Int64
	var all sync.WaitGroup
	begun := make(chan struct{}, n)
	for i := range n {
		all.Go(func() {
			begun <- struct{}{}
			s.OnStop(func() error { closed[i].Add(1); return nil })
		})
	}
	<-begun
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for i := range closed {
		if times := closed[i].Load(); times != 1 {
			t.Errorf("%d was closed %d times", i, times)
		}
	}
}

func TestTheLastThatWasOpenedIsClosedFirst(t *testing.T) {
	s, log := idle(t)
	var order []int
	broken := errors.New("a broken pipe")
	for i := range 3 {
		s.OnStop(func() error {
			order = append(order, i)
			if i == 1 {
				s.OnStop(func() error { order = append(order, 9); return nil })
				return broken
			}
			return nil
		})
	}
	if err := s.Close(); !errors.Is(err, broken) {
		t.Errorf("Close = %v", err)
	}
	s.OnStop(func() error { order = append(order, 10); return fmt.Errorf("late: %w", broken) })
	if want := []int{2, 1, 0, 9, 10}; !slices.Equal(order, want) {
		t.Errorf("order = %v, want %v", order, want)
	}
	if lines := log.lines(t, "closing what was opened after the end", "error.message", "late: a broken pipe"); len(lines) != 1 {
		t.Errorf("the log is %s", log)
	}
}
