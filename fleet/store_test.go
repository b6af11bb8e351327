package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// run starts a store in virtual time.
func run(t *testing.T, sources ...fleet.Source) *fleet.Store {
	t.Helper()
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: sources})
	t.Cleanup(store.Close)
	return store
}

// after lets virtual time pass, and everything that happens in it.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// poll makes a source of facts that a test changes.
func poll(name string, facts func() (fleet.Facts, error)) fleet.Source {
	return fleet.Source{Name: name, Interval: time.Second, Timeout: 5 * time.Second,
		Poll: func(context.Context, *fleet.Snapshot) (fleet.Facts, error) { return facts() }}
}

func instance(service, id, version string, status fleet.Status) fleet.Instance {
	return fleet.Instance{ID: id, Service: service, Addr: id + ":9090", Version: version, Catalog: status,
		Tags: []string{"all", id}, Meta: map[string]string{"version": version, "team": "a"}}
}

func state(t *testing.T, store *fleet.Store, name string) fleet.SourceState {
	t.Helper()
	s, ok := store.Snapshot().Source(name)
	if !ok {
		t.Fatalf("no source %s", name)
	}
	return s
}

func told(events []fleet.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprint(e.Kind, " ", e.Service, "/", e.Instance, " ", e.Subject, " ", e.From, ">", e.To, " ", e.Exact))
	}
	return out
}

func TestASnapshotHasWhatTheSourcesSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := run(t, poll("catalog", func() (fleet.Facts, error) {
			return fleet.Facts{
				Provenance: fleet.Provenance{Source: "test"},
				Services:   []fleet.Service{{Name: "idle", Tags: []string{"x"}}, {Name: "user"}},
				Instances:  []fleet.Instance{instance("user", "u2", "v2", fleet.Critical), instance("user", "u1", "v1", fleet.Passing), instance("cart", "c1", "v1", fleet.Passing)},
			}, nil
		}))
		after(time.Millisecond)
		snap := store.Snapshot()
		var names []string
		for _, s := range snap.Services() {
			names = append(names, s.Name)
		}
		if !slices.Equal(names, []string{"cart", "idle", "user"}) {
			t.Fatalf("services = %v", names)
		}
		user := snap.Service("user")
		if user.Counts != (fleet.Counts{Instances: 2, Passing: 1, Critical: 1}) || user.Instances[0].ID != "u1" ||
			!slices.Equal(user.Tags, []string{"all", "u1", "u2"}) || len(user.Meta) != 1 || user.Meta["team"] != "a" {
			t.Errorf("user = %+v", user.Service)
		}
		if user.Instance("u2").Version != "v2" || user.Instance("u3") != nil || snap.Service("nobody") != nil {
			t.Error("look-ups are wrong")
		}
		if p := user.Instance("u1").Provenance; p.Source != "test" || p.Feed != "catalog" {
			t.Errorf("provenance = %+v", p)
		}
		if idle := snap.Service("idle"); idle.Counts.Instances != 0 || !slices.Equal(idle.Tags, []string{"x"}) {
			t.Errorf("idle = %+v", idle.Service)
		}
		if c := snap.Counts(); c.Instances != 3 || c.Critical != 1 {
			t.Errorf("counts = %+v", c)
		}
	})
}

func TestWhatDoesNotChangeIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var round atomic.Int32
		store := run(t, poll("catalog", func() (fleet.Facts, error) {
			return fleet.Facts{Instances: []fleet.Instance{
				instance("user", "u1", fmt.Sprint("v", round.Add(1)), fleet.Passing), instance("cart", "c1", "v1", fleet.Passing),
			}}, nil
		}))
		after(time.Millisecond)
		first := store.Snapshot()
		after(time.Second)
		second := store.Snapshot()
		if first == second || first.Service("cart") != second.Service("cart") {
			t.Error("cart did not change and is another value")
		}
		if first.Service("user") == second.Service("user") || first.Service("user").Instances[0].Version != "v1" {
			t.Error("the first snapshot must keep what it said")
		}
		if second.Service("user").Changed != second.Version() || second.Service("cart").Changed != first.Version() {
			t.Errorf("changed = %d, %d", second.Service("user").Changed, second.Service("cart").Changed)
		}
		changed, gone := second.Since(first)
		if len(changed) != 1 || changed[0].Name != "user" || len(gone) != 0 {
			t.Errorf("Since = %v, %v", changed, gone)
		}
	})
}

func TestAtMostFourSnapshotsASecondAndNoneForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var round atomic.Int32
		busy := poll("busy", func() (fleet.Facts, error) {
			return fleet.Facts{Instances: []fleet.Instance{instance("user", "u1", fmt.Sprint(round.Add(1)), fleet.Passing)}}, nil
		})
		busy.Interval = 10 * time.Millisecond
		store := run(t, busy)
		after(10 * time.Second)
		if v := store.Snapshot().Version(); v < 39 || v > 41 {
			t.Errorf("%d snapshots in ten seconds, want forty", v)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		store := run(t, poll("calm", func() (fleet.Facts, error) { return fleet.Facts{}, nil }))
		after(10 * time.Second)
		v := store.Snapshot().Version()
		if v > 12 {
			t.Errorf("%d snapshots of a world without changes, want one a second at most", v)
		}
		if at := state(t, store, "calm").At; time.Since(at) > 1100*time.Millisecond {
			t.Errorf("the last answer is said to be %s old", time.Since(at))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		store := run(t, fleet.Source{Name: "silent", Watch: func(ctx context.Context, f *fleet.Feed) error {
			f.Say(fleet.Facts{})
			<-ctx.Done()
			return ctx.Err()
		}})
		after(time.Minute)
		if v := store.Snapshot().Version(); v != 1 {
			t.Errorf("%d snapshots of a silent watch, want one", v)
		}
		if s := state(t, store, "silent"); s.Status != fleet.SourceFresh {
			t.Errorf("a watch that is silent is %s, want fresh", s.Status)
		}
	})
}

func TestOneSourceThatHangsOrFailsLeavesTheOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		store := run(t,
			poll("good", func() (fleet.Facts, error) {
				return fleet.Facts{Instances: []fleet.Instance{instance("user", "u1", time.Now().String(), fleet.Passing)}}, nil
			}),
			fleet.Source{Name: "hangs", Interval: time.Second, Timeout: 2 * time.Second, Poll: func(context.Context, *fleet.Snapshot) (fleet.Facts, error) {
				<-release // whatever its context says
				return fleet.Facts{}, nil
			}},
			fleet.Source{Name: "slow", Interval: time.Second, Timeout: 2 * time.Second, Poll: func(ctx context.Context, _ *fleet.Snapshot) (fleet.Facts, error) {
				<-ctx.Done()
				return fleet.Facts{}, ctx.Err()
			}},
			poll("fails", func() (fleet.Facts, error) { return fleet.Facts{}, errors.New("refused") }),
		)
		after(time.Second)
		if s := state(t, store, "hangs"); s.Status != fleet.SourceStarting {
			t.Errorf("hangs is %s after a second", s.Status)
		}
		after(59 * time.Second)
		for name, want := range map[string]string{"hangs": "no answer within 2s", "slow": "no answer within 2s", "fails": "refused"} {
			s := state(t, store, name)
			if s.Status != fleet.SourceFailing || s.Err == nil || s.Err.Error() != want || !s.At.IsZero() {
				t.Errorf("%s: %+v, want failing with %q", name, s, want)
			}
			if since := time.Since(s.Since); since < 55*time.Second {
				t.Errorf("%s fails since %s, want since the beginning", name, since)
			}
		}
		if s := state(t, store, "good"); s.Status != fleet.SourceFresh || time.Since(s.At) > 2*time.Second {
			t.Errorf("good: %+v", s)
		}
		close(release)
		after(time.Second)
		if s := state(t, store, "hangs"); s.Status != fleet.SourceFresh {
			t.Errorf("hangs is %s although it answered at last", s.Status)
		}
	})
}

func TestFactsOutliveTheFailureOfTheirSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		store := run(t, poll("catalog", func() (fleet.Facts, error) {
			if broken.Load() {
				return fleet.Facts{}, errors.New("refused")
			}
			return fleet.Facts{Provenance: fleet.Provenance{Source: "c", At: time.Now()}, Instances: []fleet.Instance{instance("user", "u1", "v1", fleet.Passing)}}, nil
		}))
		after(5 * time.Second)
		broken.Store(true)
		after(10 * time.Second)
		snap := store.Snapshot()
		in := snap.Service("user").Instance("u1")
		if in == nil {
			t.Fatal("the instance is forgotten")
		}
		if age := snap.Age(in.Provenance, time.Now()); age < 9*time.Second || age > 11*time.Second {
			t.Errorf("age = %s, want that of the last good answer", age)
		}
		broken.Store(false)
		after(20 * time.Second)
		snap = store.Snapshot()
		if age := snap.Age(in.Provenance, time.Now()); age > 2*time.Second {
			t.Errorf("age = %s although the source says it again", age)
		}
		want := []string{"source_changed / catalog fresh>failing: refused true", "source_changed / catalog failing>fresh true"}
		if got := told(snap.Events()); !slices.Equal(got, want) {
			t.Errorf("events = %q, want %q", got, want)
		}
	})
}

func TestBackOffGrowsAndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Time
		run(t, poll("fails", func() (fleet.Facts, error) {
			times = append(times, time.Now())
			return fleet.Facts{}, errors.New("refused")
		}))
		after(10 * time.Minute)
		var gaps []time.Duration
		for i := 1; i < len(times); i++ {
			gaps = append(gaps, times[i].Sub(times[i-1]))
		}
		for i, limit := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
			if gaps[i] < limit/2 || gaps[i] > limit {
				t.Errorf("gap %d is %s, want %s to %s", i, gaps[i], limit/2, limit)
			}
		}
		jitter := map[time.Duration]bool{}
		for _, g := range gaps[4:] {
			jitter[g] = true
			if g < 15*time.Second/2 || g > 15*time.Second {
				t.Errorf("a gap of %s, want 7.5 s to 15 s", g)
			}
		}
		if len(jitter) < len(gaps)/2 {
			t.Error("the gaps are all alike: no jitter")
		}
	})
}

func TestAnOverdueSourceIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		source := fleet.Source{Name: "catalog", Interval: time.Second, Timeout: time.Minute, Poll: func(ctx context.Context, _ *fleet.Snapshot) (fleet.Facts, error) {
			if slow.Load() {
				select {
				case <-time.After(20 * time.Second):
				case <-ctx.Done():
				}
			}
			return fleet.Facts{}, ctx.Err()
		}}
		store := run(t, source)
		after(3500 * time.Millisecond)
		slow.Store(true)
		after(10 * time.Second)
		s := state(t, store, "catalog")
		if s.Status != fleet.SourceStale || time.Since(s.Since) < 6*time.Second || s.Err != nil {
			t.Errorf("state = %+v, want stale since three seconds after the round began", s)
		}
		slow.Store(false)
		after(20 * time.Second)
		if s := state(t, store, "catalog"); s.Status != fleet.SourceFresh {
			t.Errorf("status = %s, want fresh", s.Status)
		}
	})
}

func TestWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var feeds []*fleet.Feed
		end := make(chan error)
		store := run(t, fleet.Source{Name: "w", Timeout: 3 * time.Second, StaleAfter: time.Minute, Watch: func(ctx context.Context, f *fleet.Feed) error {
			feeds = append(feeds, f)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case err := <-end:
				return err
			}
		}})
		after(4 * time.Second)
		if s := state(t, store, "w"); s.Status != fleet.SourceFailing || s.Err.Error() != "no answer within 3s" {
			t.Errorf("a watch that says nothing is %+v", s)
		}
		feeds[0].Say(fleet.Facts{Instances: []fleet.Instance{instance("user", "u1", "v1", fleet.Passing), instance("user", "u2", "v1", fleet.Passing), instance("cart", "c1", "v1", fleet.Passing)}})
		after(time.Second)
		if s := state(t, store, "w"); s.Status != fleet.SourceFresh {
			t.Errorf("a watch that speaks is %+v", s)
		}
		feeds[0].Fail(errors.New("lost"))
		after(time.Second)
		if s := state(t, store, "w"); s.Status != fleet.SourceFailing || s.Err.Error() != "lost" || len(feeds) != 1 {
			t.Errorf("a watch that lives through a failure is %+v, begun %d times", s, len(feeds))
		}
		feeds[0].Say(fleet.Facts{Partial: true, Of: []string{"user"}, Instances: []fleet.Instance{instance("user", "u2", "v1", fleet.Passing)}})
		after(time.Second)
		snap := store.Snapshot()
		if len(snap.Service("user").Instances) != 1 || snap.Service("cart") == nil {
			t.Errorf("user has %d instances, cart %v; want u1 gone and nothing else", len(snap.Service("user").Instances), snap.Service("cart"))
		}
		after(2 * time.Minute)
		if s := state(t, store, "w"); s.Status != fleet.SourceStale {
			t.Errorf("silent for two minutes it is %s, want stale", s.Status)
		}
		end <- errors.New("broken pipe")
		synctest.Wait()
		feeds[0].Say(fleet.Facts{}) // of a watch that has ended: nobody listens
		after(time.Second)
		if len(store.Snapshot().Services()) == 0 {
			t.Error("a watch that ended was heard")
		}
		if s := state(t, store, "w"); s.Err == nil || s.Err.Error() != "broken pipe" || len(feeds) != 2 {
			t.Errorf("state = %+v, begun %d times", s, len(feeds))
		}
	})
}

func TestASlowReaderMissesVersionsAndBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var round atomic.Int32
		store := run(t, poll("catalog", func() (fleet.Facts, error) {
			return fleet.Facts{Instances: []fleet.Instance{instance("user", "u1", fmt.Sprint(round.Add(1)), fleet.Passing)}}, nil
		}))
		var seen []uint64
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for snap := range store.Snapshots(ctx) {
			seen = append(seen, snap.Version())
			time.Sleep(7 * time.Second)
		}
		if len(seen) < 8 || len(seen) > 10 || seen[len(seen)-1] < 50 {
			t.Errorf("a reader of one in seven seconds saw %v", seen)
		}
		if n := round.Load(); n < 60 {
			t.Errorf("%d rounds in a minute: the reader held up the source", n)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := store.Wait(ctx, 1<<60); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v", err)
		}
		store.Close()
		if _, err := store.Wait(t.Context(), 1<<60); !errors.Is(err, fleet.ErrClosed) {
			t.Errorf("Wait of a closed store = %v", err)
		}
	})
}

func TestEventsFollowFromDifferences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var facts atomic.Pointer[fleet.Facts]
		breaker := func(state fleet.BreakerState, o fleet.Override, since time.Time) []fleet.Breaker {
			return []fleet.Breaker{{Caller: fleet.Instance{ID: "e1", Service: "edge"}, Name: "user/read", Target: "user", State: state, Override: o, Since: since, Provenance: fleet.Provenance{At: time.Now()}}}
		}
		health := func(s fleet.HealthState, l time.Duration) []fleet.Health {
			return []fleet.Health{{Instance: instance("user", "u1", "v1", fleet.Passing), State: s, Latency: l}}
		}
		facts.Store(&fleet.Facts{
			Instances: []fleet.Instance{instance("user", "u1", "v1", fleet.Passing), instance("user", "u2", "v1", fleet.Passing)},
			Health:    health(fleet.Serving, time.Millisecond), Breakers: breaker(fleet.BreakerClosed, "", time.Time{}),
		})
		store := run(t, poll("all", func() (fleet.Facts, error) { return *facts.Load(), nil }))
		after(2500 * time.Millisecond)
		if e := store.Snapshot().Events(); len(e) != 0 {
			t.Fatalf("events = %q before anything changed", told(e))
		}
		moment := time.Now().Add(-500 * time.Millisecond)
		started := fleet.Event{At: moment, Kind: fleet.ProcessStarted, Service: "user", Instance: "u3", Exact: true}
		moved := instance("user", "u2", "v1", fleet.Passing)
		moved.Addr = "elsewhere:1"
		facts.Store(&fleet.Facts{
			Instances: []fleet.Instance{instance("user", "u1", "v2", fleet.Critical), moved, instance("user", "u3", "v9", fleet.Passing)},
			Health:    health(fleet.NotServing, time.Millisecond), Breakers: breaker(fleet.BreakerOpen, fleet.ForcedOpen, moment),
			Events: []fleet.Event{started},
		})
		after(3 * time.Second)
		facts.Store(&fleet.Facts{Instances: []fleet.Instance{instance("user", "u1", "v2", fleet.Critical)}, Health: health(fleet.NotServing, time.Millisecond), Events: []fleet.Event{started}})
		after(3 * time.Second)
		got := told(store.Snapshot().Events())
		want := []string{
			"version_changed user/u1  v1>v2 false", "catalog_changed user/u1  passing>critical false",
			"instance_removed user/u2 u2:9090 v1> false", "instance_added user/u2 elsewhere:1 >v1 false", "instance_added user/u3 u3:9090 >v9 false",
			"health_changed user/u1  serving>not_serving false",
			"breaker_changed edge/e1 user/read none>forced_open false", "breaker_changed edge/e1 user/read closed>open true",
			"process_started user/u3  > true",
			"instance_removed user/u2 elsewhere:1 v1> false", "instance_removed user/u3 u3:9090 v9> false",
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("events =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, e := range store.Snapshot().Events() {
			if e.Exact != (e.At.Equal(moment)) || e.Provenance.Feed != "all" {
				t.Errorf("%s at %s by %q: exact means the time that was told", e.Kind, e.At, e.Provenance.Feed)
			}
		}
	})
}

func TestEventsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var round atomic.Int32
		began := time.Now().Add(-time.Hour)
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{Events: 10, Sources: []fleet.Source{poll("catalog", func() (fleet.Facts, error) {
			old := fleet.Event{At: began, Kind: fleet.ProcessStarted, Exact: true} // told in each round
			return fleet.Facts{Events: []fleet.Event{old}, Instances: []fleet.Instance{instance("user", "u1", fmt.Sprint(round.Add(1)), fleet.Passing)}}, nil
		})}})
		defer store.Close()
		early := store.Snapshot()
		after(100 * time.Second)
		snap := store.Snapshot()
		events := snap.Events()
		if len(events) != 10 || events[9].To != fmt.Sprint(round.Load()) {
			t.Errorf("%d events, the last to %s; want the last ten", len(events), events[len(events)-1].To)
		}
		for _, e := range events {
			if e.Kind == fleet.ProcessStarted {
				t.Error("an event that is older than what is kept came again")
			}
		}
		if n := len(snap.EventsSince(early)); n != 10 {
			t.Errorf("%d events since the beginning, want those that are left", n)
		}
		after(2 * time.Second)
		if n := len(store.Snapshot().EventsSince(snap)); n != 2 {
			t.Errorf("%d events in two seconds", n)
		}
	})
}

func TestTheFirstSourceThatDoesNotFailIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		say := func(state fleet.BreakerState) fleet.Facts {
			return fleet.Facts{Breakers: []fleet.Breaker{{Caller: fleet.Instance{ID: "e1", Service: "edge"}, Name: "user", State: state}}}
		}
		store := run(t,
			poll("control", func() (fleet.Facts, error) {
				if broken.Load() {
					return fleet.Facts{}, errors.New("refused")
				}
				return say(fleet.BreakerOpen), nil
			}),
			poll("metrics", func() (fleet.Facts, error) { return say(fleet.BreakerClosed), nil }),
		)
		for _, step := range []struct {
			broken bool
			want   fleet.BreakerState
		}{{false, fleet.BreakerOpen}, {true, fleet.BreakerClosed}, {false, fleet.BreakerOpen}} {
			broken.Store(step.broken)
			after(30 * time.Second)
			b := store.Snapshot().Service("edge").Breakers
			if len(b) != 1 || b[0].State != step.want {
				t.Errorf("broken %v: breakers = %+v, want %s alone", step.broken, b[0], step.want)
			}
		}
		if e := told(store.Snapshot().Events()); len(e) != 2 {
			t.Errorf("events = %q: that two sources disagree is no event", e)
		}
	})
}

func TestGarbageIsDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := run(t, poll("garbage", func() (fleet.Facts, error) {
			return fleet.Facts{
				Instances:    []fleet.Instance{{ID: "x"}, {Service: "y"}, {ID: strings.Repeat("z", 1<<20), Service: "s"}, instance("user", "u1", "v1", "odd")},
				Health:       []fleet.Health{{}},
				REDs:         []fleet.RED{{}, {Service: "user", Rate: math.NaN(), P99: math.Inf(1)}},
				Breakers:     []fleet.Breaker{{}},
				Dependencies: []fleet.Dependency{{Caller: "user"}},
				Events:       []fleet.Event{{At: time.Now().Add(time.Hour), Exact: true, Kind: fleet.ActionTaken}},
			}, nil
		}))
		after(time.Millisecond)
		snap := store.Snapshot()
		if s := state(t, store, "garbage"); s.Dropped != 7 {
			t.Errorf("%d facts dropped, want 7", s.Dropped)
		}
		user := snap.Service("user")
		if len(snap.Services()) != 1 || len(user.Instances) != 1 || user.Critical != 1 || user.RED("", "", "") == nil {
			t.Errorf("services = %+v", snap.Services())
		}
		if e := snap.Events(); len(e) != 1 || e[0].At.After(time.Now()) || e[0].Exact {
			t.Errorf("events = %+v: what a clock says that is ahead cannot be when it happened", e)
		}
		v := snap.Version()
		after(5 * time.Second)
		if store.Snapshot().Service("user").Changed != 1 {
			t.Errorf("NaN is not NaN: the facts changed since version %d", v)
		}
	})
}

func TestRefreshPaceAndFollowing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second atomic.Int32 // rounds
		gate := make(chan struct{})
		lead := poll("catalog", func() (fleet.Facts, error) {
			<-gate
			first.Add(1)
			return fleet.Facts{Instances: []fleet.Instance{instance("user", "u1", "v1", fleet.Passing)}}, nil
		})
		lead.Interval = time.Minute
		follower := fleet.Source{Name: "health", Interval: 10 * time.Second, Follows: "catalog", Poll: func(_ context.Context, known *fleet.Snapshot) (fleet.Facts, error) {
			if known.Service("user") == nil {
				t.Error("asked before the catalog had spoken")
			}
			second.Add(1)
			return fleet.Facts{}, nil
		}}
		store := run(t, lead, follower)
		after(3 * time.Second)
		close(gate)
		after(time.Second)
		if second.Load() != 1 {
			t.Fatalf("the follower ran %d times", second.Load())
		}
		store.Refresh("health")
		after(time.Second)
		if second.Load() != 2 || first.Load() != 1 {
			t.Errorf("rounds = %d, %d; want one of health more", first.Load(), second.Load())
		}
		store.Slow(5)
		after(70 * time.Second)
		if second.Load() != 4 {
			t.Errorf("%d rounds; want the one that was due and then one in 50 s", second.Load())
		}
		store.Slow(1)
		after(time.Second)
		if second.Load() != 5 {
			t.Errorf("%d rounds; want one at once when somebody looks again", second.Load())
		}
	})
}

func TestAStoreEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store := fleet.NewStore(ctx, fleet.StoreOptions{Sources: []fleet.Source{
			{Name: "neither"},
			{Name: "w", Watch: func(ctx context.Context, _ *fleet.Feed) error { <-ctx.Done(); return ctx.Err() }},
			{Name: "waits", Follows: "w", Poll: func(context.Context, *fleet.Snapshot) (fleet.Facts, error) { return fleet.Facts{}, nil }},
		}})
		after(time.Second)
		if s := state(t, store, "neither"); s.Status != fleet.SourceFailing {
			t.Errorf("a source that cannot run is %s", s.Status)
		}
		cancel()
		store.Close() // the bubble fails where a goroutine is left
	})
}

func TestVersionsGoOnFromAnotherStore(t *testing.T) {
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Version: 7})
	defer store.Close()
	if v := store.Snapshot().Version(); v != 7 {
		t.Errorf("the first snapshot has version %d, want 7", v)
	}
	store.Apply(&fleet.Delta{At: time.Now()})
	if v := store.Flush().Version(); v <= 7 {
		t.Errorf("the next snapshot has version %d", v)
	}
}

// A fleet none of whose instances can be asked is not remembered one by one.
func TestWhatIsMissingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := run(t, poll("metrics", func() (fleet.Facts, error) {
			facts := fleet.Facts{}
			for i := range 2_500 {
				facts.Missing = append(facts.Missing, fleet.Missing{Instance: instance("user", fmt.Sprint(i), "", fleet.Passing), What: "rate", Err: errors.New("no answer")})
			}
			return facts, nil
		}))
		after(time.Second)
		missing := state(t, store, "metrics").Missing
		if n := len(missing); n != 1001 {
			t.Fatalf("%d are missing", n)
		}
		if last := missing[1000]; last.Err.Error() != "and 1500 more like this" || last.What != "rate" {
			t.Errorf("the last is %+v", last)
		}
	})
}
