package consul_test

import (
	"testing"

	"github.com/gctl-dev/gctl/fleet/consul"
	"github.com/gctl-dev/gctl/fleet/fleettest"
)

func TestEveryFault(t *testing.T) {
	fleettest.HTTPFaults(t, func(t *testing.T, addr string) map[string]error {
		c := open(t, consul.Options{Address: addr, Timeout: fleettest.Patience})
		_, instances := c.Instances(t.Context(), "user")
		_, services := c.Services(t.Context())
		return map[string]error{"instances": instances, "services": services}
	})
}
