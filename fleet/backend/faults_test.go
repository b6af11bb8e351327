package backend_test

import (
	"testing"

	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/fleet/fleettest"
)

func TestEveryFault(t *testing.T) {
	fleettest.HTTPFaults(t, func(t *testing.T, addr string) map[string]error {
		c := client(t, backend.Options{URL: "http://" + addr, Timeout: fleettest.Patience})
		_, err := c.Get(t.Context(), "/api", nil)
		return map[string]error{"get": err}
	}, "garbage", "nothing") // which are its callers' to read
}
