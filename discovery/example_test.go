package discovery_test

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/discovery"
)

// fixed is the simplest Watcher: a list that never changes. With Consul this
// would be consul.New(consul.Config{}) of package discovery/consul.
type fixed []discovery.Endpoint

func (f fixed) Watch(ctx context.Context, _ string, notify func(discovery.Update)) error {
	notify(discovery.Update{Endpoints: f})
	<-ctx.Done()
	return ctx.Err()
}

// A channel to a service by its name: what a registry says about the service
// decides where the calls go.
func Example() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	registry := fixed{
		{ID: "user-1", Service: "user", Addr: listener.Addr().String(), Status: discovery.Passing},
		{ID: "user-2", Service: "user", Addr: "127.0.0.1:1", Status: discovery.Critical},
	}
	conn, err := grpc.NewClient("fleet:///user",
		grpc.WithResolvers(discovery.NewResolver(registry)),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
	)
	if err != nil {
		panic(err)
	}
	answer, err := healthpb.NewHealthClient(conn).Check(context.Background(), &healthpb.HealthCheckRequest{})
	fmt.Println(answer.GetStatus(), err)

	conn.Close()
	server.Stop()
	<-served
	// Output: SERVING <nil>
}
