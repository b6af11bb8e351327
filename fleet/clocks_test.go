package fleet_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// A source whose clock is ahead puts nothing into the future, and what it tells
// again is no news; what one tells whose clock is behind is as old as it says.
func TestClocksThatDisagree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		skewed := func(name string, skew time.Duration, round *int) fleet.Source {
			return poll(name, func() (fleet.Facts, error) {
				*round++
				in := instance("user", name, "v1", fleet.Passing)
				there := time.Now().Add(skew)
				p := fleet.Provenance{Source: name, At: there}
				state, since := fleet.BreakerClosed, began
				if *round > 5 {
					state, since = fleet.BreakerOpen, began.Add(4500*time.Millisecond)
				}
				red := fleet.RED{Service: "user", Instance: name, Side: fleet.ServerSide, Rate: float64(*round), Provenance: p}
				return fleet.Facts{
					Instances: []fleet.Instance{in}, Provenance: p,
					Health:       []fleet.Health{{Instance: in, State: fleet.Serving, Provenance: p}},
					Breakers:     []fleet.Breaker{{Caller: in, Name: "b", State: state, Since: since.Add(skew), Provenance: p}},
					REDs:         []fleet.RED{red},
					Dependencies: []fleet.Dependency{{Caller: "user", Callee: name, RED: red, Provenance: p}},
					SLOs:         []fleet.SLO{{Service: "user", BurnRate: float64(*round), Provenance: p}},
					Events:       []fleet.Event{{At: began.Add(skew), Kind: fleet.ProcessStarted, Service: "user", Instance: name, Exact: true, Provenance: p}},
				}, nil
			})
		}
		var rounds [3]int
		store := run(t, skewed("ahead", time.Hour, &rounds[0]), skewed("behind", -time.Hour, &rounds[1]), skewed("right", 0, &rounds[2]))
		for range 70 {
			after(time.Minute)
			snap, now := store.Snapshot(), time.Now()
			user := snap.Service("user")
			origins := []fleet.Provenance{user.SLO.Provenance}
			for _, in := range user.Instances {
				origins = append(origins, in.Provenance)
			}
			for _, h := range user.Health {
				origins = append(origins, h.Provenance)
			}
			for _, r := range user.REDs {
				origins = append(origins, r.Provenance)
			}
			for _, d := range user.Dependencies {
				origins = append(origins, d.Provenance, d.RED.Provenance)
			}
			for _, b := range user.Breakers {
				if origins = append(origins, b.Provenance); b.Since.After(now) {
					t.Fatalf("breaker of %s since %s, in %s", b.Caller.ID, b.Since, b.Since.Sub(now))
				}
			}
			for _, e := range snap.Events() {
				if origins = append(origins, e.Provenance); e.At.After(now) {
					t.Fatalf("event in %s: %+v", e.At.Sub(now), e)
				}
			}
			for _, p := range origins {
				if p.At.After(now) {
					t.Fatalf("fact of %s of the future: %+v", p.Source, p)
				}
			}
		}
		started, opened := map[string]fleet.Event{}, map[string]fleet.Event{}
		for _, e := range store.Snapshot().Events() {
			of := started
			if e.Kind == fleet.BreakerChanged {
				of = opened
			}
			if _, twice := of[e.Instance]; twice {
				t.Errorf("told twice: %+v", e)
			}
			of[e.Instance] = e
		}
		if e := started["ahead"]; e.Exact || e.At.Sub(began) > time.Minute || len(started) != 3 {
			t.Errorf("started = %+v, want that of the one ahead as it was noticed", started)
		}
		if e := started["behind"]; !e.Exact || !e.At.Equal(began.Add(-time.Hour)) {
			t.Errorf("started = %+v", e)
		}
		for _, name := range []string{"ahead", "behind"} {
			if e := opened[name]; e.Exact || e.At.Sub(began) != 5*time.Second {
				t.Errorf("breaker of %s opened: %+v, want it noticed: what is told cannot be", name, e)
			}
		}
		if e := opened["right"]; !e.Exact || e.At.Sub(began) != 4500*time.Millisecond {
			t.Errorf("breaker opened: %+v", e)
		}
	})
}
