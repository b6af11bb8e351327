package tui

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/tui/screen"
)

// watched is a prober that says which instances are watched.
type watched struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (*watched) Health(_ context.Context, in fleet.Instance, _ string) fleet.Health {
	return fleet.Health{Instance: in, State: fleet.Serving}
}

func (*watched) HealthList(context.Context, fleet.Instance) []fleet.Health { return nil }

func (w *watched) WatchHealth(ctx context.Context, in fleet.Instance, _ string, notify func(fleet.Health)) error {
	w.set(in.ID, true)
	defer w.set(in.ID, false)
	notify(w.Health(ctx, in, ""))
	<-ctx.Done()
	return ctx.Err()
}

func (w *watched) set(id string, is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids[id] = is
}

func (w *watched) is(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ids[id]
}

// catalogOf is a source of instances that stay.
func catalogOf(list []fleet.Instance) fleet.Source {
	return fleet.Source{Name: fleet.CatalogFeed, Watch: func(ctx context.Context, f *fleet.Feed) error {
		f.Say(fleet.Facts{Instances: list})
		<-ctx.Done()
		return ctx.Err()
	}}
}

// live is a dashboard over a store that runs.
func live(t *testing.T, o Options, w, h int, sources ...fleet.Source) *headless {
	t.Helper()
	o.Store = fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: sources})
	t.Cleanup(o.Store.Close)
	o.Context = "test"
	m, err := newModel(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	m.size(w, h)
	run := newHeadless(t.Context(), m)
	t.Cleanup(run.wait)
	return run
}

// reach handles messages, and draws, until it is as wanted.
func reach(t *testing.T, run *headless, what string, wanted func() bool) {
	t.Helper()
	timeout := time.AfterFunc(20*time.Second, func() { panic("never: " + what) })
	defer timeout.Stop()
	if err := run.until(func() bool { run.m.View(); return wanted() }); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsOnTheScreenIsWatched(t *testing.T) {
	var list []fleet.Instance
	for s := range 60 {
		for i := range 2 {
			id := fmt.Sprintf("s%02d-%d", s, i)
			list = append(list, fleet.Instance{ID: id, Service: id[:3], Addr: id + ":1", Catalog: fleet.Passing})
		}
	}
	w := &watched{ids: map[string]bool{}}
	run := live(t, Options{}, 100, 20, catalogOf(list), fleet.HealthSource(w))
	reach(t, run, "the services of the first page are watched", func() bool { return w.is("s00-0") && w.is("s00-1") && w.is("s15-0") })
	if w.is("s40-0") || w.is("s59-1") {
		t.Error("what is not on the screen is watched")
	}
	run.send(press('G'))
	reach(t, run, "those of the last page are watched", func() bool { return w.is("s59-1") && w.is("s50-0") })
	if w.is("s30-0") || !w.is("s00-0") {
		t.Error("what was not shown is watched, or what was shown a moment ago is not")
	}
	run.send(screen.Go{Place: screen.Place{Screen: "service", Subject: "s30"}})
	reach(t, run, "the instances of the service are watched", func() bool { return w.is("s30-0") && w.is("s30-1") })
	run.send(screen.Go{Place: screen.Place{Screen: "why", Subject: "s31"}})
	reach(t, run, "those of the service that is asked about are watched", func() bool { return w.is("s31-0") && w.is("s31-1") })
}

// The past does not change: who looks at it has nothing watched.
func TestNothingOfThePastIsWatched(t *testing.T) {
	in := fleet.Instance{ID: "u1", Service: "user", Addr: "u1:1", Catalog: fleet.Passing}
	later := make(chan struct{})
	w := &watched{ids: map[string]bool{}}
	catalog := catalogOf([]fleet.Instance{in})
	said := catalog.Watch
	catalog.Watch = func(ctx context.Context, f *fleet.Feed) error {
		select {
		case <-later:
		case <-ctx.Done():
		}
		return said(ctx, f)
	}
	run := live(t, Options{Place: "service/user"}, 100, 20, catalog, fleet.HealthSource(w))
	run.send(screen.At{Time: time.Now().Add(-time.Minute)})
	close(later)
	reach(t, run, "the health is known", func() bool {
		user := run.m.live.Service("user")
		return user != nil && len(user.Health) == 1
	})
	reach(t, run, "and a second later", func() bool { return time.Since(run.m.clock) < time.Minute && run.m.live.Version() > 1 })
	if w.is("u1") {
		t.Error("it is watched")
	}
	run.send(screen.At{Time: time.Now()})
	reach(t, run, "it is watched when one looks at the present", func() bool { return w.is("u1") })
}

// Whatever hangs, a key is answered: the sources of the store, and all that screens
// may ask.
func TestAHungBackendNeverFreezesAKey(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	env := screen.Env{
		Metrics:  func(ctx context.Context) (fleet.MetricsReader, error) { return nil, hang(ctx) },
		Traces:   func(ctx context.Context) (fleet.TraceReader, error) { return nil, hang(ctx) },
		Methods:  func(ctx context.Context, _ string) ([]reflection.MethodName, error) { return nil, hang(ctx) },
		Method:   func(ctx context.Context, _, _ string) (*screen.Method, error) { return nil, hang(ctx) },
		Command:  func(ctx context.Context, _ ...string) (string, int) { return "", map[bool]int{}[hang(ctx) == nil] },
		Identity: func([]fleet.Instance) *fleet.Identity { return fleet.NewIdentity(fleet.IdentityOptions{}) },
		Events: func(ctx context.Context, _ string, _, _ time.Time) (fleet.EventList, error) {
			return fleet.EventList{}, hang(ctx)
		},
		Why: func(ctx context.Context, _ string, _ time.Time) (*why.Report, error) { return nil, hang(ctx) },
	}
	in := fleet.Instance{ID: "u1", Service: "user", Addr: "u1:1", Catalog: fleet.Passing}
	hung := func(name string) fleet.Source {
		return fleet.Source{
			Name: name, Follows: fleet.CatalogFeed,
			Poll: func(ctx context.Context, _ *fleet.Snapshot) (fleet.Facts, error) { return fleet.Facts{}, hang(ctx) },
		}
	}
	run := live(t, Options{Env: env}, 100, 30, catalogOf([]fleet.Instance{in}), hung(fleet.HealthFeed), hung(fleet.BreakerFeed), hung(fleet.MetricsFeed))
	reach(t, run, "the catalog is shown", func() bool { return len(run.m.live.Services()) == 1 })
	watchdog := time.NewTimer(time.Minute)
	defer watchdog.Stop()
	done := make(chan struct{})
	go func() {
		select {
		case <-watchdog.C:
			panic("a key is not answered")
		case <-done:
		}
	}()
	defer close(done)
	slowest := time.Duration(0)
	for _, place := range []string{"services", "service/user", "breakers", "events/user", "traces/user", "trace/0123456789abcdef0123456789abcdef", "why/user", "invoke/user"} {
		for _, msg := range keys() {
			if k, ok := msg.(tea.KeyPressMsg); ok && (k.String() == "q" || k.String() == "ctrl+c") {
				continue
			}
			p, err := ParsePlace(place)
			if err != nil {
				t.Fatal(err)
			}
			run.do(run.m.open(p)) // its jobs hang
			began := time.Now()
			run.send(msg)
			run.m.View()
			slowest = max(slowest, time.Since(began))
		}
	}
	if slowest > 2*time.Second { // of a busy machine; what waits for a backend waits for ever
		t.Errorf("a key took %s", slowest)
	}
}
