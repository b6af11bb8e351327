package control_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/control"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/svc/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server of the kit, which calls itself and so has a breaker.
func world(t *testing.T, source *control.Source, config kit.Config) fleettest.ControlWorld {
	t.Helper()
	m := testkit.NewManaged(t, config)
	_, plain := testkit.Server{}.Start(t)
	return fleettest.ControlWorld{
		Plane: source, Instance: m.Instance("odd-1"),
		Plain:   fleet.Instance{ID: "plain-1", Addr: plain},
		Dead:    fleet.Instance{ID: "dead-1", Addr: testkit.ClosedAddr(t)},
		Breaker: testkit.ManagedBreaker, Target: testkit.ManagedService,
		Rate: testkit.ManagedRate, Concurrency: testkit.ManagedLimit, Method: "grpc.health.v1.Health/Check",
	}
}

func plaintext() control.Options {
	yes := true
	way := control.Way{RPC: rpc.Options{Plaintext: &yes}}
	return control.Options{Service: way, Admin: way}
}

func TestConforms(t *testing.T) {
	fleettest.Control(t, func(t *testing.T) fleettest.ControlWorld {
		return world(t, control.New(plaintext()), kit.Config{Plaintext: true})
	})
}

func TestReadsTheBreakersOfMany(t *testing.T) {
	source := control.New(plaintext())
	fleettest.BreakersOfControl(t, source, world(t, source, kit.Config{Plaintext: true}))
}

// The operators' certificate is not the one with which the services are called.
func TestConformsOverMTLS(t *testing.T) {
	const operator = "spiffe://test/operator"
	ca := testkit.NewCA(t)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1", "odd"}))
	options := plaintext()
	options.Admin.RPC = rpc.Options{CACert: ca.File}
	options.Admin.RPC.Cert, options.Admin.RPC.Key = testkit.Files(t, ca.Cert(t, nil, testkit.SPIFFE(t, operator)))
	config := kit.Config{TLSCert: cert, TLSKey: key, TLSClientCA: ca.File, AdminAllow: []string{operator}}
	fleettest.Control(t, func(t *testing.T) fleettest.ControlWorld {
		return world(t, control.New(options), config)
	})
}

// An address without a host, or with one that means every address of the
// machine, is one at the instance's own host.
func TestAnAdminAddressWithoutAHostIsTheInstances(t *testing.T) {
	m := testkit.NewManaged(t, kit.Config{Plaintext: true})
	_, port, err := net.SplitHostPort(m.AdminAddr())
	if err != nil {
		t.Fatal(err)
	}
	for _, admin := range []string{":" + port, "0.0.0.0:" + port, "[::]:" + port, m.AdminAddr()} {
		in := m.Instance("odd-1")
		in.Meta[fleet.MetaAdmin] = admin
		c, err := control.New(plaintext()).Controller(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		list, err := c.Changes(t.Context())
		if err != nil || list.Provenance.Source != "control "+m.AdminAddr() {
			t.Errorf("%s: %+v, %v", admin, list, err)
		}
		c.Close()
	}
}

// A service may serve the control API at its own address. What the operators
// send is for published addresses only.
func TestTheOwnAddressGetsNoSecretsOfOperators(t *testing.T) {
	m := testkit.NewManaged(t, kit.Config{Plaintext: true})
	options := plaintext()
	options.Service.Headers = func(context.Context) (metadata.MD, error) { return metadata.Pairs("who", "caller"), nil }
	options.Admin.Headers = func(context.Context) (metadata.MD, error) {
		return nil, errors.New("the headers of operators were asked for")
	}
	at := fleet.Instance{ID: "odd-1", Addr: m.AdminAddr()}
	c, err := control.New(options).Controller(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if list, err := c.Breakers(t.Context(), ""); err != nil || len(list) != 1 {
		t.Errorf("Breakers = %+v, %v", list, err)
	}
}
