package balancer_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/balancer"
)

// fixed is a registry that never changes; with Consul it would be a Client of
// package discovery/consul.
type fixed []discovery.Endpoint

func (f fixed) Watch(ctx context.Context, _ string, notify func(discovery.Update)) error {
	notify(discovery.Update{Endpoints: f})
	<-ctx.Done()
	return ctx.Err()
}

// whereTo is an interceptor that tells which instance answered.
func whereTo(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx, call := balancer.WithCall(ctx, false)
	err := invoker(ctx, method, req, reply, cc, opts...)
	id, _ := call.Endpoint()
	fmt.Println(method, "went to", id)
	return err
}

// A channel whose balancer ejects the instance that is in trouble, says so in the
// log, and tells interceptors where each call went.
func Example() {
	balancer.Register()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	registry := fixed{{ID: "user-1", Addr: listener.Addr().String(), Status: discovery.Passing, Meta: map[string]string{"zone": "a"}}}
	monitor := &balancer.Monitor{OnEvent: func(e balancer.Event) {
		slog.Warn("balancer", "instance", e.Endpoint, "state", e.State, "reason", e.Reason, "detail", e.Detail, "until", e.Until)
	}}
	conn, err := grpc.NewClient("fleet:///user",
		grpc.WithResolvers(monitor.Resolver(discovery.NewResolver(registry))),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(balancer.Config{Zone: "a"}.ServiceConfig()),
		grpc.WithUnaryInterceptor(whereTo),
	)
	if err != nil {
		panic(err)
	}
	answer, err := healthpb.NewHealthClient(conn).Check(context.Background(), &healthpb.HealthCheckRequest{})
	fmt.Println(answer.GetStatus(), err)
	for _, s := range monitor.Status() {
		fmt.Println(s.Endpoint, "is", s.State)
	}

	conn.Close()
	server.Stop()
	<-served
	// Output:
	// /grpc.health.v1.Health/Check went to user-1
	// SERVING <nil>
	// user-1 is in rotation
}
