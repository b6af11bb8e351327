package consul_test

import (
	"testing"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/discovery/discoverytest"
	"github.com/gctl-dev/gctl/internal/stack"
)

func TestConformance(t *testing.T) {
	discoverytest.Watcher(t, func(t *testing.T) discoverytest.Registry {
		a, c := agent(t)
		var registered []discovery.Endpoint
		return discoverytest.Registry{
			Watcher: c,
			Service: "user",
			Set: func(endpoints ...discovery.Endpoint) {
				wanted := map[string]bool{}
				for _, e := range endpoints {
					wanted[e.ID] = true
					if err := c.Register(t.Context(), consul.Registration{Service: e.Service, ID: e.ID, Addr: e.Addr, Tags: e.Tags, Meta: e.Meta}); err != nil {
						t.Fatal(err)
					}
				}
				for _, e := range registered {
					if wanted[e.ID] {
						continue
					}
					if err := c.Deregister(t.Context(), e.ID); err != nil {
						t.Fatal(err)
					}
				}
				registered = endpoints
			},
			Break: func() func() {
				if err := a.Stop(); err != nil {
					t.Fatal(err)
				}
				return func() { stack.ConsulFor(t, stack.ConsulOptions{HTTPPort: a.Port}) }
			},
		}
	})
}
