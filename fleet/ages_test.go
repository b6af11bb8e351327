package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

func ageOf(t *testing.T, snap *fleet.Snapshot, id string, now time.Time) time.Duration {
	t.Helper()
	s := snap.Service(id[:2])
	if h := s.HealthOf(id); len(h) == 1 {
		return snap.Age(h[0].Provenance, now)
	}
	if b := s.BreakersOf(id); len(b) == 1 {
		return snap.Age(b[0].Provenance, now)
	}
	t.Fatalf("nothing is known of %s", id)
	return 0
}

// What is asked in turn is as old as the last answer of its own instance, and what is
// watched is of now, though nothing else of it changes for long.
func TestWhatIsAskedInTurnIsAsOldAsItsOwnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		store := crowded(t, 2, 300, fleet.HealthSource(c)) // a turn takes four rounds
		store.Attend([]fleet.Subject{{Service: "s1", Instance: "s1-0299"}})
		after(10 * time.Minute)
		ages := map[time.Duration]int{}
		for service := range 2 {
			for i := range 299 {
				id := fmt.Sprintf("s%d-%04d", service, i)
				ages[ageOf(t, store.Snapshot(), id, time.Now()).Round(10*time.Second)]++
			}
		}
		for _, d := range []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second} {
			if n := ages[d]; n < 140 || n > 160 {
				t.Errorf("%d are %s old, want those of a round; of all: %v", n, d, ages)
			}
		}
		if d := ageOf(t, store.Snapshot(), "s1-0299", time.Now()); d > 10*time.Second {
			t.Errorf("what is watched is %s old", d)
		}
	})
}

// Those of an instance that does not answer grow older, while the others do not.
func TestBreakersOfAnInstanceThatIsMissingGrowOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		store := crowded(t, 1, 3, fleet.BreakerSource(c, c, 2*time.Second, 15*time.Second))
		after(10 * time.Minute)
		c.turn("s0-0001", func() { c.hung["s0-0001"] = true })
		before := store.Snapshot()
		after(5 * time.Minute)
		snap := store.Snapshot()
		if d := ageOf(t, snap, "s0-0001", time.Now()); d < 5*time.Minute || d > 5*time.Minute+3*time.Second {
			t.Errorf("the breaker of an instance that has hung for five minutes is %s old", d)
		}
		if d := ageOf(t, snap, "s0-0000", time.Now()); d > 3*time.Second {
			t.Errorf("the breaker of an instance that answers is %s old", d)
		}
		// Who looks at the past sees how old it was then.
		for _, id := range []string{"s0-0000", "s0-0001"} {
			if d := ageOf(t, before, id, before.At()); d > 5*time.Second {
				t.Errorf("the breaker of %s was %s old, want that of the round before", id, d)
			}
		}
		c.turn("s0-0001", func() { c.hung["s0-0001"] = false })
		after(5 * time.Second)
		if d := ageOf(t, store.Snapshot(), "s0-0001", time.Now()); d > 3*time.Second {
			t.Errorf("the breaker of an instance that answers again is %s old", d)
		}
		if d := ageOf(t, snap, "s0-0001", snap.At()); d < 5*time.Minute {
			t.Errorf("the breaker of an instance that hung was %s old: never too young", d)
		}
		// So it is in a recording.
		copied := fleet.NewStore(t.Context(), fleet.StoreOptions{})
		defer copied.Close()
		d := fleet.Diff(nil, store.Snapshot())
		copied.Apply(&d)
		if d := ageOf(t, copied.Flush(), "s0-0000", time.Now()); d > 3*time.Second {
			t.Errorf("the breaker of an instance that answers is %s old in a recording", d)
		}
	})
}

func TestWhatIsOfNoUseInEachRoundIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := run(t, poll("odd", func() (fleet.Facts, error) {
			return fleet.Facts{REDs: []fleet.RED{{}, {Service: "user"}}}, nil
		}))
		after(500 * time.Millisecond)
		first := store.Snapshot()
		after(10 * time.Second)
		last := store.Snapshot()
		if d := fleet.Diff(first, last); !d.Empty() {
			t.Errorf("it is news that %+v", d)
		}
		if s := state(t, store, "odd"); s.Dropped != 11 || last == first {
			t.Errorf("%d dropped, want them counted all the same", s.Dropped)
		}
	})
}

// metricsOf tells breakers of all instances but those of a service.
type metricsOf struct {
	*crew

	not   string
	calls int
	fails error
}

func (m *metricsOf) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	m.mu.Lock()
	m.calls++
	fails := m.fails
	m.mu.Unlock()
	if fails != nil {
		return fleet.BreakerList{}, fails
	}
	var list fleet.BreakerList
	var known []fleet.Instance
	for _, in := range callers {
		if in.Service == m.not {
			list.Missing = append(list.Missing, fleet.Missing{Instance: in, What: "breakers", Err: fleet.ErrNoPart})
		} else {
			known = append(known, in)
		}
	}
	more, err := m.crew.Breakers(ctx, known, target)
	more.Missing = append(more.Missing, list.Missing...)
	return more, err
}

// Of a caller whose control API has no breakers the metrics tell, as often as metrics
// are read; in between the breakers stay, however many callers there are.
func TestBreakersThatOnlyMetricsTellStayBetweenTheirRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		control, metrics := &metricsOf{crew: newCrew(), not: "s1"}, &metricsOf{crew: newCrew()}
		store := crowded(t, 2, 100, fleet.BreakerSource(control, metrics, 2*time.Second, 15*time.Second))
		after(30 * time.Second)
		for range 60 {
			for _, s := range store.Snapshot().Services() {
				if len(s.Breakers) != 100 {
					t.Fatalf("%d breakers of %s, want one of each instance", len(s.Breakers), s.Name)
				}
			}
			if m := state(t, store, fleet.BreakerFeed).Missing; len(m) != 0 {
				t.Fatalf("missing = %+v", m)
			}
			after(time.Second)
		}
		if n := metrics.calls; n < 5 || n > 8 {
			t.Errorf("metrics were asked %d times in 90 s, want one in about 15 s", n)
		}
		if n := metrics.of(metrics.asked, "s0-0001"); n > 0 {
			t.Errorf("metrics were asked %d times about a caller whose control API tells", n)
		}
		metrics.turn("", func() { metrics.fails = errors.New("500") })
		after(20 * time.Second)
		if s := state(t, store, fleet.BreakerFeed); s.Status != fleet.SourceFresh || len(s.Missing) != 100 || s.Missing[0].Err.Error() != "500" {
			t.Errorf("%s, %d missing; want a source that works, of which the metrics fail", s.Status, len(s.Missing))
		}
		if n := len(store.Snapshot().Service("s1").Breakers); n != 100 {
			t.Errorf("%d breakers that metrics told, want what they said last", n)
		}
	})
}

// Where nobody has a control API, the metrics are asked as often as metrics change,
// and how they stand is how the source stands.
func TestBreakersWhereThereAreOnlyMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		metrics := &metricsOf{crew: newCrew()}
		store := run(t, b.catalog(), fleet.BreakerSource(nil, metrics, 2*time.Second, 15*time.Second))
		after(time.Minute)
		if n := metrics.calls; n != 4 {
			t.Errorf("metrics were asked %d times in a minute", n)
		}
		metrics.turn("", func() { metrics.fails = errors.New("500") })
		after(20 * time.Second)
		if s := state(t, store, fleet.BreakerFeed); s.Status != fleet.SourceFailing || s.Err.Error() != "500" {
			t.Errorf("%s, %v", s.Status, s.Err)
		}
		metrics.turn("", func() { metrics.fails = nil })
		after(20 * time.Second)
		if s := state(t, store, fleet.BreakerFeed); s.Status != fleet.SourceFresh || len(store.Snapshot().Service("user").Breakers) != 1 {
			t.Errorf("%s, %v", s.Status, s.Err)
		}
	})
}
