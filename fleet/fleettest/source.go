package fleettest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// SourceWorld is a source of a store under test, of either kind, and the means to
// change what it finds.
type SourceWorld struct {
	Source fleet.Source
	// Before are the sources that it follows, if any.
	Before []fleet.Source
	// Set brings the world into one of three states: 0, 1 and 2.
	Set func(state int)
	// Show is what a snapshot shows of it, Want what that is in each state.
	Show func(*fleet.Snapshot) string
	Want [3]string
	// Break makes every question of the source fail until the returned function is
	// called.
	Break func() (mend func())
}

// Source runs the suite of what a Store relies on. Each test gets a world of its
// own from open.
func Source(t *testing.T, open func(t *testing.T) SourceWorld) {
	t.Run("it has a name and one way to run", func(t *testing.T) {
		s := open(t).Source
		if s.Name == "" || (s.Poll == nil) == (s.Watch == nil) {
			t.Errorf("source = %+v, want a name and either Poll or Watch", s)
		}
	})
	t.Run("the present is told, and no event of it", func(t *testing.T) { testPresent(t, open(t)) })
	t.Run("each change is told", func(t *testing.T) { testChanges(t, open(t)) })
	t.Run("a failure is told, what is known stays, and it comes back", func(t *testing.T) { testSourceFailure(t, open(t)) })
	t.Run("it ends with its context", func(t *testing.T) { testSourceEnds(t, open(t)) })
}

// SoonAfter is how often a source under test polls: suites need not wait long.
const SoonAfter = 20 * time.Millisecond

func (w SourceWorld) run(t *testing.T) *fleet.Store {
	t.Helper()
	source := w.Source
	if source.Poll != nil {
		source.Interval = SoonAfter
	}
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: append(append([]fleet.Source(nil), w.Before...), source), Every: time.Millisecond})
	t.Cleanup(store.Close)
	return store
}

// Await waits until a store has a snapshot that is as wanted.
func Await(t *testing.T, store *fleet.Store, what string, ok func(*fleet.Snapshot) bool) *fleet.Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var last *fleet.Snapshot
	for last = range store.Snapshots(ctx) {
		if ok(last) {
			return last
		}
	}
	t.Fatalf("no snapshot in which %s; sources: %+v", what, last.Sources())
	return nil
}

func (w SourceWorld) await(t *testing.T, store *fleet.Store, state int) *fleet.Snapshot {
	t.Helper()
	var shown string
	defer func() {
		if t.Failed() {
			t.Logf("shown at last:\n%s\nwanted:\n%s", shown, w.Want[state])
		}
	}()
	return Await(t, store, "the present is shown", func(s *fleet.Snapshot) bool {
		shown = w.Show(s)
		source, _ := s.Source(w.Source.Name)
		return shown == w.Want[state] && source.Status == fleet.SourceFresh
	})
}

func testPresent(t *testing.T, w SourceWorld) {
	w.Set(1)
	snap := w.await(t, w.run(t), 1)
	if len(snap.Events()) > 0 {
		t.Errorf("events = %+v, want none: all that was found was there before", snap.Events())
	}
	state, _ := snap.Source(w.Source.Name)
	if state.At.IsZero() || state.Err != nil {
		t.Errorf("state = %+v, want the time of an answer and no error", state)
	}
}

func testChanges(t *testing.T, w SourceWorld) {
	w.Set(0)
	store := w.run(t)
	for _, state := range []int{0, 1, 2, 0, 2} {
		w.Set(state)
		w.await(t, store, state)
	}
}

func testSourceFailure(t *testing.T, w SourceWorld) {
	w.Set(1)
	store := w.run(t)
	w.await(t, store, 1)
	mend := w.Break()
	failing := Await(t, store, "the source fails", func(s *fleet.Snapshot) bool {
		state, _ := s.Source(w.Source.Name)
		return state.Status == fleet.SourceFailing
	})
	state, _ := failing.Source(w.Source.Name)
	if state.Err == nil || state.Since.IsZero() || state.At.IsZero() {
		t.Errorf("state = %+v, want why, since when and the time of the last answer", state)
	}
	if got := w.Show(failing); got != w.Want[1] {
		t.Errorf("while the source fails\n%s\nis shown, want what was known\n%s", got, w.Want[1])
	}
	mend()
	w.Set(2)
	store.Refresh()
	w.await(t, store, 2)
}

func testSourceEnds(t *testing.T, w SourceWorld) {
	w.Set(1)
	store := w.run(t)
	w.await(t, store, 1)
	ended := make(chan struct{})
	go func() { store.Close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the source outlives its store")
	}
	if _, err := store.Wait(t.Context(), 1<<60); !errors.Is(err, fleet.ErrClosed) {
		t.Errorf("Wait = %v, want ErrClosed", err)
	}
}
