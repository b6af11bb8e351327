package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/fleettest"
)

// backend is a prober, a breaker reader and a metrics reader over states that a
// test chooses.
type backend struct {
	mu     sync.Mutex
	state  int
	broken bool
}

func (b *backend) get() (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return 0, errors.New("refused")
	}
	return b.state, nil
}

func (b *backend) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

var healthStates = [3]fleet.HealthState{fleet.Serving, fleet.NotServing, fleet.Unreachable}

func (b *backend) Health(ctx context.Context, in fleet.Instance, name string) fleet.Health {
	if in.ID == "hangs" {
		<-ctx.Done()
		return fleet.Health{Instance: in, Name: name, State: fleet.TimedOut, Err: ctx.Err()}
	}
	state, _ := b.get()
	return fleet.Health{Instance: in, Name: name, State: healthStates[state]}
}

func (*backend) HealthList(context.Context, fleet.Instance) []fleet.Health { return nil }

func (*backend) WatchHealth(context.Context, fleet.Instance, string, func(fleet.Health)) error {
	return nil
}

var breakerStates = [3]fleet.BreakerState{fleet.BreakerClosed, fleet.BreakerOpen, fleet.BreakerHalfOpen}

func (b *backend) Breakers(_ context.Context, callers []fleet.Instance, _ string) (fleet.BreakerList, error) {
	state, err := b.get()
	var list fleet.BreakerList
	for _, in := range callers {
		list.Breakers = append(list.Breakers, fleet.Breaker{Caller: in, Name: "b", State: breakerStates[state]})
	}
	return list, err
}

func (b *backend) RED(_ context.Context, q fleet.REDQuery) (fleet.REDList, error) {
	state, err := b.get()
	red := fleet.RED{Service: q.Instances[0].Service, Side: q.Side, Rate: float64(state), P99: math.NaN()}
	if q.Side == fleet.ClientSide {
		red.Service = "user"
	}
	for _, by := range q.By {
		red.Caller = map[fleet.Dimension]string{fleet.ByCaller: "edge"}[by]
		red.Method, red.Instance = map[fleet.Dimension]string{fleet.ByMethod: "m"}[by], map[fleet.Dimension]string{fleet.ByInstance: "u1"}[by]
	}
	return fleet.REDList{REDs: []fleet.RED{red}}, err
}

func (*backend) REDRange(context.Context, fleet.REDQuery, time.Time, time.Time, time.Duration) ([]fleet.REDSeries, error) {
	return nil, fleet.ErrNoHistory
}

func (b *backend) catalog() fleet.Source {
	return fleet.Source{Name: fleet.CatalogFeed, Watch: func(ctx context.Context, f *fleet.Feed) error {
		f.Say(fleet.Facts{Instances: []fleet.Instance{instance("user", "u1", "v1", fleet.Passing)}})
		<-ctx.Done()
		return ctx.Err()
	}}
}

// world is that of one source over a backend; show is what a service shows of it.
func (b *backend) world(s fleet.Source, want [3]string, show func(*fleet.ServiceFacts) string) fleettest.SourceWorld {
	return fleettest.SourceWorld{
		Source: s, Before: []fleet.Source{b.catalog()}, Want: want,
		Set:  func(state int) { b.change(func() { b.state = state }) },
		Show: func(snap *fleet.Snapshot) string { return show(orNone(snap.Service("user"))) },
		Break: func() func() {
			b.change(func() { b.broken = true })
			return func() { b.change(func() { b.broken = false }) }
		},
	}
}

func orNone(f *fleet.ServiceFacts) *fleet.ServiceFacts {
	if f == nil {
		return &fleet.ServiceFacts{}
	}
	return f
}

func TestBreakerSource(t *testing.T) {
	fleettest.Source(t, func(*testing.T) fleettest.SourceWorld {
		b := &backend{}
		return b.world(fleet.BreakerSource(b, b, time.Second, 0), [3]string{"closed", "open", "half_open"}, func(f *fleet.ServiceFacts) string {
			if found := f.BreakersOf("u1"); len(found) == 1 {
				return string(found[0].State)
			}
			return ""
		})
	})
}

func TestMetricsSource(t *testing.T) {
	fleettest.Source(t, func(*testing.T) fleettest.SourceWorld {
		b := &backend{}
		source := fleet.MetricsSource(b, time.Second, time.Minute, func(in []fleet.Instance) *fleet.Identity {
			return fleet.NewIdentity(fleet.IdentityOptions{Instances: in})
		})
		return b.world(source, [3]string{"0 0 0", "1 1 1", "2 2 2"}, func(f *fleet.ServiceFacts) string {
			all, method, in := f.RED("", "", fleet.ServerSide), f.RED("m", "", fleet.ServerSide), f.RED("", "u1", fleet.ServerSide)
			if all == nil || method == nil || in == nil {
				return ""
			}
			return fmt.Sprint(all.Rate, method.Rate, in.Rate)
		})
	})
}

func TestWhoCallsWhomIsKnownAsTheCallersCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{state: 1}
		store := run(t, b.catalog(), fleet.MetricsSource(b, time.Second, time.Minute, nil))
		after(500 * time.Millisecond)
		callers := store.Snapshot().Callers("user")
		if len(callers) != 1 || callers[0].Caller != "edge" || callers[0].RED.Side != fleet.ClientSide || callers[0].RED.Rate != 1 || callers[0].Provenance.Feed != fleet.MetricsFeed {
			t.Fatalf("callers = %+v", callers)
		}
		b.change(func() { b.state = 2 })
		after(time.Second)
		if is := store.Snapshot().Callers("user"); len(is) != 1 || is[0].RED.Rate != 2 || callers[0].RED.Rate != 1 {
			t.Errorf("callers = %+v", is)
		}
	})
}

// A prober does not fail: that an instance cannot be asked is an answer. So this is
// not the suite.
func TestHealthSourceAsksEveryInstanceAndIsHeldUpByNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		store := run(t, poll(fleet.CatalogFeed, func() (fleet.Facts, error) {
			var list []fleet.Instance
			for i := range 120 {
				list = append(list, instance("user", fmt.Sprintf("u%03d", i), "v1", fleet.Passing))
			}
			return fleet.Facts{Instances: append(list, instance("user", "hangs", "v1", fleet.Passing))}, nil
		}), fleet.HealthSource(b))
		after(3 * time.Second)
		user := store.Snapshot().Service("user")
		if len(user.Health) != 121 || user.HealthOf("hangs")[0].State != fleet.TimedOut || user.HealthOf("u007")[0].State != fleet.Serving {
			t.Fatalf("%d answers after the patience with one", len(user.Health))
		}
		b.change(func() { b.state = 1 })
		after(12 * time.Second)
		events := store.Snapshot().Events()
		if len(events) != 120 || events[0].Kind != fleet.HealthChanged || events[0].To != string(fleet.NotServing) {
			t.Errorf("%d events, want one of each instance that answers", len(events))
		}
	})
}

// Of a large fleet some are asked in each round, and all in turn; what the others
// said stays, and goes with the instance.
func TestHealthOfALargeFleetIsAskedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		var fleetOf atomic.Int32
		fleetOf.Store(500)
		store := run(t, poll(fleet.CatalogFeed, func() (fleet.Facts, error) {
			var list []fleet.Instance
			for i := range fleetOf.Load() {
				list = append(list, instance(fmt.Sprint("s", i%3), fmt.Sprintf("u%03d", i), "v1", fleet.Passing))
			}
			return fleet.Facts{Instances: list}, nil
		}), fleet.HealthSource(b))
		known := func() (n int) {
			for _, s := range store.Snapshot().Services() {
				n += len(s.Health)
			}
			return n
		}
		after(5 * time.Second)
		var seen []int
		for range 4 {
			seen = append(seen, known())
			after(10 * time.Second)
		}
		if want := []int{150, 300, 450, 500}; !slices.Equal(seen, want) {
			t.Errorf("after each round %v are known, want %v", seen, want)
		}
		fleetOf.Store(450)
		after(30 * time.Second)
		if n := known(); n != 450 {
			t.Errorf("%d are known of 450", n)
		}
	})
}

// fakeCatalog is a catalog whose watches a test drives.
type fakeCatalog struct {
	mu       sync.Mutex
	services []string
	err      error
	notify   map[string]func(fleet.Update)
}

func (c *fakeCatalog) Services(context.Context) (fleet.ServiceList, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := fleet.ServiceList{Hidden: len(c.services) == 1}
	for _, name := range c.services {
		list.Services = append(list.Services, fleet.Service{Name: name})
	}
	return list, c.err
}

func (*fakeCatalog) Instances(context.Context, string) (fleet.InstanceList, error) {
	return fleet.InstanceList{}, errors.New("not asked")
}

func (c *fakeCatalog) Watch(ctx context.Context, service string, notify func(fleet.Update)) error {
	c.mu.Lock()
	c.notify[service] = notify
	c.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

func (c *fakeCatalog) say(service string, err error, ids ...string) {
	c.mu.Lock()
	notify := c.notify[service]
	c.mu.Unlock()
	u := fleet.Update{List: fleet.InstanceList{Service: service}, Err: err}
	for _, id := range ids {
		u.List.Instances = append(u.List.Instances, instance(service, id, "v1", fleet.Passing))
	}
	notify(u)
}

func TestCatalogSourceJoinsItsWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeCatalog{services: []string{"cart", "user"}, notify: map[string]func(fleet.Update){}}
		store := run(t, fleet.CatalogSource(c))
		shown := func() string {
			var out []string
			for _, s := range store.Snapshot().Services() {
				for _, in := range s.Instances {
					out = append(out, in.ID)
				}
			}
			return fmt.Sprint(strings.Join(out, " "), " ", state(t, store, fleet.CatalogFeed).Status)
		}
		expect := func(when, want string) {
			t.Helper()
			after(time.Second)
			if got := shown(); got != want {
				t.Errorf("%s: %s, want %s", when, got, want)
			}
		}
		after(time.Second)
		c.say("cart", nil, "c1")
		expect("one service of two was heard of", " starting")
		c.say("user", errors.New("lost"))
		expect("the other one fails", " failing")
		c.say("user", nil, "u1")
		expect("both were heard of", "c1 u1 fresh")
		c.say("user", errors.New("lost"), "u1")
		expect("one is lost", "c1 u1 failing")
		c.say("cart", nil, "c1", "c2")
		expect("the other one changes meanwhile", "c1 c2 u1 failing")
		c.say("user", nil, "u1", "u2")
		expect("it comes back", "c1 c2 u1 u2 fresh")
		c.mu.Lock()
		c.services = []string{"cart"}
		c.mu.Unlock()
		after(6 * time.Second)
		expect("a service is gone", "c1 c2 fresh")
		c.mu.Lock()
		c.services, c.err = nil, errors.New("refused")
		c.mu.Unlock()
		after(6 * time.Second)
		expect("the list cannot be read", "c1 c2 failing")
		c.mu.Lock()
		c.services, c.err = []string{"cart", "user"}, nil
		c.mu.Unlock()
		after(6 * time.Second)
		c.say("user", nil, "u9")
		expect("a service came", "c1 c2 u9 fresh")
		got := strings.Join(told(store.Snapshot().Events()), "\n")
		for _, want := range []string{"instance_added cart/c2", "instance_added user/u2", "instance_removed user/u1", "instance_added user/u9"} {
			if !strings.Contains(got, want) {
				t.Errorf("events lack %q:\n%s", want, got)
			}
		}
		if strings.Contains(got, "instance_added user/u1") || strings.Contains(got, "instance_added cart/c1") {
			t.Errorf("what was there before did not come:\n%s", got)
		}
	})
}

func TestDiffAndApplyAreInverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		round := 0
		catalog := poll(fleet.CatalogFeed, func() (fleet.Facts, error) {
			round++
			f := fleet.Facts{Services: []fleet.Service{{Name: "idle"}}, Instances: []fleet.Instance{instance("user", "u1", fmt.Sprint(round), fleet.Passing)}}
			if round%3 == 0 {
				f.Services, f.Instances = nil, append(f.Instances, instance("cart", "c1", "v1", fleet.Critical))
			}
			f.SLOs = []fleet.SLO{{Service: "user", Objective: 0.99, BurnRate: float64(round)}}
			f.Dependencies = []fleet.Dependency{{Caller: "user", Callee: "cart", Method: fmt.Sprint(round % 2)}}
			return f, nil
		})
		store := run(t, catalog, fleet.BreakerSource(b, b, time.Second, 0), fleet.MetricsSource(b, time.Second, time.Minute, nil))
		copied := fleet.NewStore(t.Context(), fleet.StoreOptions{})
		defer copied.Close()
		var last *fleet.Snapshot
		after(500 * time.Millisecond) // between two rounds
		for i := range 20 {
			b.change(func() { b.state = i % 3 })
			after(time.Second)
			snap := store.Snapshot()
			d := fleet.Diff(last, snap)
			copied.Apply(&d)
			got, want := describe(copied.Flush()), describe(snap)
			if got != want {
				t.Fatalf("round %d: the copy is\n%s\nwant\n%s", i, got, want)
			}
			if d.Empty() || last != nil && d.Whole {
				t.Fatalf("round %d: delta = %+v", i, d)
			}
			last = snap
		}
		same := fleet.Diff(last, last)
		if !same.Empty() {
			t.Errorf("a snapshot differs from itself by %+v", same)
		}
		if n := len(last.Callers("cart")); n != 1 {
			t.Errorf("%d callers of cart", n)
		}
	})
}

// describe is a snapshot as text, without versions and the times of answers, which
// of breakers and health go on while all else stays.
func describe(s *fleet.Snapshot) string {
	var b strings.Builder
	for _, f := range s.Services() {
		fmt.Fprintf(&b, "%+v\n", f.Service)
		health, breakers := deref(f.Health), deref(f.Breakers)
		for i := range health {
			health[i].Provenance = fleet.Provenance{Feed: health[i].Provenance.Feed}
		}
		for i := range breakers {
			breakers[i].Provenance = fleet.Provenance{Feed: breakers[i].Provenance.Feed}
		}
		for _, list := range []any{deref(f.Instances), health, breakers, deref(f.REDs), deref(f.Dependencies)} {
			fmt.Fprintf(&b, "  %+v\n", list)
		}
		if f.SLO != nil {
			fmt.Fprintf(&b, "  %+v\n", *f.SLO)
		}
	}
	fmt.Fprintf(&b, "%+v\n%s", told(s.Events()), s.At())
	return b.String()
}

func deref[T any](list []*T) []T {
	out := make([]T, 0, len(list))
	for _, f := range list {
		out = append(out, *f)
	}
	return out
}

// missingReader is a breaker reader that can be kept from asking one instance.
type missingReader struct {
	backend

	missing error
}

func (m *missingReader) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	m.mu.Lock()
	missing := m.missing
	m.mu.Unlock()
	if missing == nil {
		return m.backend.Breakers(ctx, callers, target)
	}
	return fleet.BreakerList{Missing: []fleet.Missing{{Instance: callers[0], What: "breakers", Err: missing}}}, nil
}

func TestBreakersOfThoseWhoCouldNotBeAskedStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &missingReader{}
		store := run(t, r.catalog(), fleet.BreakerSource(r, r, time.Second, 0))
		after(3 * time.Second)
		r.change(func() { r.missing = errors.New("refused") })
		after(3 * time.Second)
		if n := len(store.Snapshot().Service("user").Breakers); n != 1 || len(state(t, store, fleet.BreakerFeed).Missing) != 1 {
			t.Errorf("%d breakers, %+v", n, state(t, store, fleet.BreakerFeed))
		}
		r.change(func() { r.missing = fleet.ErrNoPart })
		after(3 * time.Second)
		if n := len(store.Snapshot().Service("user").Breakers); n != 0 {
			t.Errorf("%d breakers of one that has none any more", n)
		}
	})
}
