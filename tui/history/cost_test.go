package history_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
)

// A change of one instance of a large service costs little: snapshots share the rest.
func TestThePastOfALargeServiceIsLong(t *testing.T) {
	next, h := fleetOf(t), history.New(history.Options{Room: 2000})
	var d fleet.Delta
	health := func(i int, state fleet.HealthState) fleet.Health {
		return fleet.Health{Instance: fleet.Instance{Service: "s", ID: fmt.Sprintf("i%04d", i)}, State: state}
	}
	for i := range 1000 {
		d.Instances = append(d.Instances, fleet.InstanceFact{Instance: health(i, "").Instance})
		d.Health = append(d.Health, health(i, fleet.Serving))
	}
	at := clock()
	h.Add(next(at, d))
	states := []fleet.HealthState{fleet.NotServing, fleet.Serving}
	var second time.Time
	for n := range 40 { // of each some change, one comes, one goes
		at = at.Add(10 * time.Second)
		if n == 0 {
			second = at
		}
		d := fleet.Delta{Health: []fleet.Health{health(7, states[n%2]), health(500, states[n%2]), health(1000+n, fleet.Serving)}}
		d.Gone = []fleet.Gone{{Kind: "health", Service: "s", Key: [4]string{fmt.Sprintf("i%04d", 10+n)}}}
		h.Add(next(at, d))
	}
	if oldest := h.Oldest(); oldest.After(second) {
		t.Errorf("kept from %s on, want all but the first, which is all that was known at first", oldest)
	}
	for n := range 40 { // all changes
		at = at.Add(10 * time.Second)
		d := fleet.Delta{}
		for i := range 1000 {
			d.Health = append(d.Health, health(i, states[n%2]))
		}
		h.Add(next(at, d))
	}
	if oldest := h.Oldest(); at.Sub(oldest) > 30*time.Second {
		t.Errorf("kept from %s on, %s, though all changed each time", oldest, at.Sub(oldest))
	}
}
