// Package testkit has the peers of tests: servers that nobody here wrote, the
// certificates they show, and servers that misbehave.
package testkit

import (
	"crypto/tls"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"
)

// Server says what a test server does besides serving the interop test
// service of grpc-go, grpc.testing.TestService.
type Server struct {
	TLS          *tls.Config // nil: plaintext
	NoReflection bool
	NoHealth     bool
	Register     func(*grpc.Server) // further services
	Options      []grpc.ServerOption
	Listener     net.Listener // nil: a free port of 127.0.0.1
}

// Start serves until the test ends and returns the server and its address.
func (s Server) Start(t testing.TB) (*grpc.Server, string) {
	t.Helper()
	lis := s.Listener
	if lis == nil {
		lis = Listen(t)
	}
	opts := s.Options
	if s.TLS != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(s.TLS)))
	}
	server := grpc.NewServer(opts...)
	testpb.RegisterTestServiceServer(server, interop.NewTestServer())
	if !s.NoHealth {
		healthpb.RegisterHealthServer(server, health.NewServer())
	}
	if s.Register != nil {
		s.Register(server)
	}
	if !s.NoReflection {
		reflection.Register(server)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(lis) // ends with Stop
	}()
	t.Cleanup(func() { server.Stop(); <-done })
	return server, lis.Addr().String()
}

// Listen opens a free TCP port of 127.0.0.1 until the test ends.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lis.Close() })
	return lis
}

// ClosedAddr returns an address on which nothing listens.
func ClosedAddr(t testing.TB) string {
	t.Helper()
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().String()
}
