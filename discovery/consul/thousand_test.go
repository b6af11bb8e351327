package consul_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
)

// thousand puts 1,000 instances of the service big into the catalog, on 50
// machines.
func thousand(t testing.TB, agent *stack.Consul) {
	t.Helper()
	for n := range 50 {
		put(t, agent, "/v1/catalog/register", node(fmt.Sprint("n", n), "passing"))
	}
	var ops []any
	for i := range 1000 {
		id, on := fmt.Sprintf("big-%03d", i), fmt.Sprint("n", i%50)
		ops = append(ops,
			map[string]any{"Service": map[string]any{"Verb": "set", "Node": on, "Service": map[string]any{
				"ID": id, "Service": "big", "Address": fmt.Sprintf("10.1.%d.%d", i/250, i%250), "Port": 9000,
				"Meta": map[string]string{"version": "v2.4.0", "zone": string(rune('a' + i%3)), "instance": id},
			}}},
			map[string]any{"Check": map[string]any{"Verb": "set", "Check": map[string]any{
				"Node": on, "CheckID": "service:" + id, "Name": "health", "Status": "passing", "ServiceID": id, "Type": "grpc",
			}}})
		if len(ops) > 100 || i == 999 {
			put(t, agent, "/v1/txn", ops)
			ops = nil
		}
	}
}

// listener is a channel that passes on what it is told.
type listener struct {
	resolver.ClientConn
	states chan resolver.State
}

func (l *listener) UpdateState(s resolver.State) error { l.states <- s; return nil }

func (l *listener) ReportError(error) {}

// resolveBig resolves the service big once.
func resolveBig(t testing.TB, w discovery.Watcher) resolver.State {
	t.Helper()
	l := &listener{states: make(chan resolver.State, 10)}
	r, err := discovery.NewResolver(w).Build(resolver.Target{URL: url.URL{Path: "/big"}}, l, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	select {
	case s := <-l.states:
		return s
	case <-time.After(limit):
		t.Fatal("nothing was resolved")
	}
	return resolver.State{}
}

func TestAThousandInstancesResolve(t *testing.T) {
	a, c := agent(t)
	thousand(t, a)
	s := resolveBig(t, c)
	if n := len(s.Endpoints); n != 1000 {
		t.Fatalf("%d endpoints", n)
	}
	for i, e := range s.Endpoints {
		id, meta := discovery.EndpointID(e.Attributes), discovery.EndpointMeta(e.Attributes)
		if want := fmt.Sprintf("big-%03d", i); id != want || meta["instance"] != want || meta["zone"] == "" {
			t.Fatalf("endpoint %d is %s with %v", i, id, meta)
		}
	}
}

// BenchmarkResolveThousand is the way of 1,000 instances from Consul to a channel.
func BenchmarkResolveThousand(b *testing.B) {
	a := stack.ConsulFor(b, stack.ConsulOptions{})
	thousand(b, a)
	c, err := consul.New(consul.Config{Address: a.Addr})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		if n := len(resolveBig(b, c).Endpoints); n != 1000 {
			b.Fatalf("%d endpoints", n)
		}
	}
}
