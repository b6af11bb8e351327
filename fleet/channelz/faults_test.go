package channelz_test

import (
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/channelz"
	"github.com/gctl-dev/gctl/fleet/fleettest"
)

func TestEveryFault(t *testing.T) {
	fleettest.GRPCFaults(t, func(t *testing.T, addr string) map[string]error {
		_, err := newReader(t, channelz.Options{Timeout: fleettest.Patience}).Channels(t.Context(), fleet.Instance{ID: addr, Addr: addr})
		return map[string]error{"channels": err}
	})
}
