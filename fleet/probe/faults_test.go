package probe_test

import (
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/probe"
)

// Whatever a peer answers that is no answer: it is never healthy, and never said to
// lack a health service.
func TestEveryFault(t *testing.T) {
	fleettest.GRPCFaults(t, func(t *testing.T, addr string) map[string]error {
		p := newProber(t, probe.Options{Timeout: fleettest.Patience})
		in := fleet.Instance{ID: addr, Addr: addr}
		one := p.Health(t.Context(), in, "")
		all := p.HealthList(t.Context(), in)
		if len(all) != 1 {
			t.Fatalf("%+v", all)
		}
		for _, h := range []fleet.Health{one, all[0]} {
			if h.State == fleet.Serving || h.State == fleet.NotServing || h.State == fleet.Unimplemented {
				t.Errorf("%s", h.State)
			}
		}
		return map[string]error{"health": one.Err, "list": all[0].Err}
	})
}
