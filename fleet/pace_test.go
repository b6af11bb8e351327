package fleet_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// asked counts how often a source was asked, and remembers when.
type asked struct {
	mu    sync.Mutex
	when  []time.Time
	fails error
}

func (a *asked) ask() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.when = append(a.when, time.Now())
	return a.fails
}

func (a *asked) times() []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.when)
}

func (a *asked) mend() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fails = nil
}

func (a *asked) poll(every time.Duration) fleet.Source {
	return fleet.Source{Name: "s", Interval: every, Poll: func(context.Context, *fleet.Snapshot) (fleet.Facts, error) {
		return fleet.Facts{}, a.ask()
	}}
}

func (a *asked) watch() fleet.Source {
	return fleet.Source{Name: "s", Watch: func(context.Context, *fleet.Feed) error { return a.ask() }}
}

// hold holds a key down that refreshes, for so long.
func hold(store *fleet.Store, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		store.Refresh()
	}
	synctest.Wait()
}

func TestAHeldRefreshHammersNobody(t *testing.T) {
	refused := errors.New("refused")
	for name, c := range map[string]struct {
		err    error
		source func(*asked) fleet.Source
		most   int // in a minute
	}{
		"a poll that works":  {nil, func(a *asked) fleet.Source { return a.poll(time.Minute) }, 61},
		"a poll that fails":  {refused, func(a *asked) fleet.Source { return a.poll(time.Minute) }, 10},
		"a watch that fails": {refused, (*asked).watch, 12},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &asked{fails: c.err}
				store := run(t, c.source(a))
				hold(store, time.Minute)
				times := a.times()
				if n := len(times); n > c.most || n < 4 {
					t.Errorf("asked %d times in a minute, want %d at most", n, c.most)
				}
				for i := 1; i < len(times); i++ {
					if gap := times[i].Sub(times[i-1]); gap < time.Second/2 {
						t.Errorf("asked again after %s", gap)
					}
				}
			})
		})
	}
}

// Whoever asks once need not wait for the end of a long pause.
func TestARefreshAsksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{fails: errors.New("refused")}
		store := run(t, a.poll(time.Second))
		after(10 * time.Minute)
		for times := a.times(); time.Since(times[len(times)-1]) < 2*time.Second; times = a.times() { // not just now
			after(time.Second)
		}
		n := len(a.times())
		store.Refresh()
		after(time.Millisecond)
		if len(a.times()) != n+1 {
			t.Errorf("asked %d times more, want once", len(a.times())-n)
		}
	})
}

// A window without focus slows down what fails, too.
func TestPausesAfterFailuresAreLongerToo(t *testing.T) {
	for name, source := range map[string]func(*asked) fleet.Source{
		"poll": func(a *asked) fleet.Source { return a.poll(time.Second) }, "watch": (*asked).watch,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &asked{fails: errors.New("refused")}
				store := run(t, source(a))
				store.Slow(5)
				after(time.Hour)
				gaps := map[time.Duration]bool{}
				times := a.times()
				for i := 10; i < len(times); i++ {
					gap := times[i].Sub(times[i-1])
					gaps[gap] = true
					if gap < 75*time.Second/2 || gap > 75*time.Second {
						t.Errorf("asked again after %s, want 37.5 to 75 s", gap)
					}
				}
				if len(gaps) < 20 {
					t.Errorf("%d different pauses in an hour", len(gaps))
				}
			})
		})
	}
}

// A terminal that reports its focus when it had it all along begins no round.
func TestTheUsualPaceIsNoRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{}
		store := run(t, a.poll(time.Minute))
		after(10 * time.Second)
		store.Slow(1)
		after(10 * time.Second)
		if len(a.times()) != 1 {
			t.Errorf("asked %d times", len(a.times()))
		}
		store.Slow(5)
		store.Slow(1)
		after(time.Second)
		if len(a.times()) != 2 {
			t.Errorf("asked %d times when somebody looks again, want once more", len(a.times()))
		}
	})
}

// Nothing that a key may ask for waits for a source.
func TestASourceThatHangsHoldsUpNoReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hang := func() { <-release } // whatever its context says
		store := run(t,
			fleet.Source{Name: "poll", Poll: func(context.Context, *fleet.Snapshot) (fleet.Facts, error) { hang(); return fleet.Facts{}, nil }},
			fleet.Source{Name: "watch", Watch: func(context.Context, *fleet.Feed) error { hang(); return nil }},
			fleet.Source{
				Name:  "both",
				Poll:  func(context.Context, *fleet.Snapshot) (fleet.Facts, error) { return fleet.Facts{}, nil },
				Watch: func(context.Context, *fleet.Feed) error { hang(); return nil },
			},
		)
		after(time.Minute)
		began := time.Now()
		for range 100 {
			store.Refresh()
			store.Slow(5)
			store.Slow(1)
			store.Attend([]fleet.Subject{{Service: "user"}})
			store.Event(fleet.Event{Kind: fleet.ActionTaken})
			store.Snapshot()
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %s", took)
		}
		if s := state(t, store, "both"); s.Status != fleet.SourceFresh {
			t.Errorf("both is %s: its rounds answer", s.Status)
		}
		close(release)
	})
}

// What a watch beside rounds says does not count as an answer of the rounds.
func TestTheRoundsSayHowASourceStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{fails: errors.New("refused")}
		source := a.poll(time.Second)
		source.Watch = func(ctx context.Context, f *fleet.Feed) error {
			for i := 0; ctx.Err() == nil; i++ {
				f.Say(fleet.Facts{Partial: true, Health: []fleet.Health{{Instance: instance("user", "u1", "", fleet.Passing), State: healthStates[i%2]}}})
				f.Fail(errors.New("not so"))
				time.Sleep(100 * time.Millisecond)
			}
			return ctx.Err()
		}
		store := run(t, source)
		after(time.Minute)
		if s := state(t, store, "s"); s.Status != fleet.SourceFailing || s.Err.Error() != "refused" || !s.At.IsZero() {
			t.Errorf("state = %+v", s)
		}
		if n := len(a.times()); n > 12 {
			t.Errorf("asked %d times in a minute: the watch ended the back-off", n)
		}
		if store.Snapshot().Service("user") == nil {
			t.Error("what the watch says is not there")
		}
		a.mend()
		after(time.Minute)
		if s := state(t, store, "s"); s.Status != fleet.SourceFresh {
			t.Errorf("state = %+v", s)
		}
	})
}
