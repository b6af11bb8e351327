package consul_test

import (
	"context"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/gctl-dev/gctl/discovery/consul"
)

// A server keeps itself registered while it runs and takes itself out before it
// stops.
func ExampleClient_Announce() { //nolint:testableexamples // it would need a Consul
	client, err := consul.New(consul.Config{}) // CONSUL_HTTP_ADDR or 127.0.0.1:8500
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	client.Announce(ctx, consul.Registration{
		Service: "user", ID: "user-1", Addr: "10.0.0.7:9090",
		Meta:  map[string]string{"version": "v2.4.0", "grpc_services": "user.v1.UserService"},
		Check: consul.Check{Kind: consul.GRPCCheck, TLS: true},
	}, func(err error) {
		if err != nil {
			log.Print("registration: ", err)
		}
	})

	last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := client.Deregister(last, "user-1"); err != nil {
		log.Print("deregistration: ", err)
	}
}
