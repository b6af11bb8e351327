package jaeger_test

import (
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/jaeger"
)

func TestEveryFault(t *testing.T) {
	fleettest.HTTPFaults(t, func(t *testing.T, addr string) map[string]error {
		client, err := backend.New(backend.Options{Name: "jaeger", URL: "http://" + addr, Timeout: fleettest.Patience})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		r := jaeger.New(jaeger.Options{Client: client})
		_, trace := r.Trace(t.Context(), known)
		_, search := r.SearchTraces(t.Context(), fleet.TraceQuery{Service: "user"})
		_, failed := r.SearchTraces(t.Context(), fleet.TraceQuery{Service: "user", ErrorsOnly: true})
		_, services := r.TraceServices(t.Context())
		_, operations := r.TraceOperations(t.Context(), "user")
		return map[string]error{"trace": trace, "search": search, "errors": failed, "services": services, "operations": operations}
	})
}
