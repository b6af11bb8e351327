package scrape_test

import (
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/scrape"
)

func TestEveryFault(t *testing.T) {
	fleettest.HTTPFaults(t, func(t *testing.T, addr string) map[string]error {
		r := scrape.New(scrape.Options{Pause: time.Millisecond, Timeout: fleettest.Patience})
		in := fleet.Instance{ID: "user-1", Service: "user", Addr: "10.0.0.1:9090", Meta: map[string]string{fleet.MetaMetrics: addr}}
		list, err := r.RED(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{in}})
		if err != nil || len(list.REDs) != 0 || len(list.Missing) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		breakers, err := r.Breakers(t.Context(), []fleet.Instance{in}, "")
		if err != nil || len(breakers.Breakers) != 0 || len(breakers.Missing) != 1 {
			t.Fatalf("%+v, %v", breakers, err)
		}
		return map[string]error{"red": list.Missing[0].Err, "breakers": breakers.Missing[0].Err}
	}, "nothing") // a process may have no metrics
}
