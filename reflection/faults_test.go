package reflection_test

import (
	"fmt"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/rpc"
)

func TestEveryFault(t *testing.T) {
	fleettest.GRPCFaults(t, func(t *testing.T, addr string) map[string]error {
		conn, err := rpc.Dial([]fleet.Instance{{ID: addr, Addr: addr}}, rpc.Options{ConnectTimeout: fleettest.Patience})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_, err = reflection.FromServer(t.Context(), conn, reflection.ServerOptions{Timeout: fleettest.Patience})
		if err != nil {
			err = fmt.Errorf("instance %s: %w", addr, err) // as the Locator does
		}
		return map[string]error{"schema": err}
	})
}
