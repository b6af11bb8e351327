package testkit

import (
	"context"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/svc/kit"
)

// The parts of a Managed server.
const (
	ManagedService = "odd"
	ManagedBreaker = "odd/default" // towards itself
	ManagedRate    = "rate/default"
	ManagedLimit   = "concurrency"
)

// Managed is a server of the kit with a control API and every part of it.
type Managed struct {
	*kit.Server

	Config kit.Config
}

// NewManaged starts a server that calls itself, so that it has a breaker. It ends
// with the test.
func NewManaged(t testing.TB, config kit.Config) *Managed {
	t.Helper()
	config.AdminListen = "127.0.0.1:0"
	config.RateLimits, config.ConcurrencyLimit = []string{"*=100000/s"}, "10..1000"
	config.DrainTimeout = 10 * time.Second
	server, err := kit.New(t.Context(), kit.Options{Config: config, Service: ManagedService, LogTo: io.Discard, Listener: Listen(t)})
	if err != nil {
		t.Fatal(err)
	}
	own, err := server.Dial(kit.Target{Service: ManagedService, Addrs: []string{server.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	// Health is not called through a breaker; this is, and there is no such method.
	if err := own.Invoke(t.Context(), "/test.Odd/Call", &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(true)); status.Code(err) != codes.Unimplemented {
		t.Fatal(err)
	}
	return &Managed{server, config}
}

// Instance is the server as a catalog would list it.
func (m *Managed) Instance(id string) fleet.Instance {
	return fleet.Instance{
		ID: id, Service: ManagedService, Addr: m.Addr(), Catalog: fleet.Passing, GRPC: true,
		Meta: map[string]string{fleet.MetaAdmin: m.AdminAddr()},
	}
}
