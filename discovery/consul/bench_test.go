package consul_test

import (
	"fmt"
	"testing"

	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
)

// BenchmarkServices lists 1,000 services with 5,000 instances, every fifth
// service without checks.
func BenchmarkServices(b *testing.B) {
	agent := stack.ConsulFor(b, stack.ConsulOptions{})
	fill(b, agent)
	c, err := consul.New(consul.Config{Address: agent.Addr})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		list, err := c.Services(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if n := len(list.Services); n != 1001 { // and consul itself
			b.Fatalf("%d services", n)
		}
	}
}

func fill(b *testing.B, agent *stack.Consul) {
	b.Helper()
	for n := range 50 {
		put(b, agent, "/v1/catalog/register", node(fmt.Sprint("n", n), "passing"))
	}
	var ops []any
	for s := range 1000 {
		for i := range 5 {
			name := fmt.Sprintf("svc%04d", s)
			id, on := fmt.Sprint(name, "-", i), fmt.Sprint("n", (s+7*i)%50)
			ops = append(ops, map[string]any{"Service": map[string]any{"Verb": "set", "Node": on, "Service": map[string]any{
				"ID": id, "Service": name, "Address": "10.1.2.3", "Port": 9000 + i, "Tags": []string{"grpc"}, "Meta": map[string]string{"version": "v2.4.0"},
			}}})
			if s%5 != 0 {
				ops = append(ops, map[string]any{"Check": map[string]any{"Verb": "set", "Check": map[string]any{
					"Node": on, "CheckID": "service:" + id, "Name": "health", "Status": "passing", "ServiceID": id, "Type": "grpc",
					"Output": "gRPC check 10.1.2.3:9000: success",
				}}})
			}
			if len(ops) > 100 || s == 999 && i == 4 {
				put(b, agent, "/v1/txn", ops)
				ops = nil
			}
		}
	}
}
