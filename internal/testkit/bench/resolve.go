package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/testkit/load"
	"github.com/gctl-dev/gctl/svc/kit"
)

const (
	manyInstances = 1000
	realInstances = 20 // that answer
)

// measureResolve takes the time from a client's beginning to its first answer with
// a thousand instances in the catalog.
func measureResolve(ctx context.Context, b *bench, r *report) error {
	agent, err := stack.StartConsul(ctx, stack.ConsulOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = agent.Stop() }()
	server := grpc.NewServer()
	defer server.Stop()
	healthpb.RegisterHealthServer(server, health.NewServer())
	var ports []int
	for range realInstances {
		lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		ports = append(ports, lis.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // it listens on TCP
		go func() { _ = server.Serve(lis) }()
	}
	if err := fillWithMany(ctx, agent.Addr, ports); err != nil {
		return err
	}
	var resolved, answered sample
	for range b.times(25) {
		known, err := allKnown(ctx, agent.Addr)
		if err != nil {
			return err
		}
		took, err := firstAnswer(ctx, agent.Addr)
		if err != nil {
			return err
		}
		resolved, answered = append(resolved, known), append(answered, took)
	}
	slices.Sort(resolved)
	slices.Sort(answered)
	s := r.section("1,000 instances in the catalog", fmt.Sprintf(
		"%d instances in a real Consul, of which %d listen and all others refuse. The resolver hands all of them to the channel at once: "+
			"first the time until it does, then that from making a client of the kit to the answer of its first call.", manyInstances, realInstances))
	s.times([]subject{{name: "resolved"}, {name: "first call answered"}}, []sample{resolved, answered})
	s.goal("resolved, median", float64(resolved.median())/float64(time.Millisecond), 100, " ms")
	s.goal("first call answered, median", float64(answered.median())/float64(time.Millisecond), 100, " ms")
	return nil
}

// listener is a channel that wants to know how many endpoints there are.
type listener struct {
	resolver.ClientConn

	endpoints chan int
}

// UpdateState implements resolver.ClientConn.
func (l *listener) UpdateState(s resolver.State) error { l.endpoints <- len(s.Endpoints); return nil }

// ReportError implements resolver.ClientConn.
func (l *listener) ReportError(error) { l.endpoints <- 0 }

// allKnown resolves once.
func allKnown(ctx context.Context, addr string) (time.Duration, error) {
	client, err := consul.New(consul.Config{Address: addr})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	l := &listener{endpoints: make(chan int, 10)}
	began := time.Now()
	r, err := discovery.NewResolver(client).Build(resolver.Target{URL: url.URL{Path: "/many"}}, l, resolver.BuildOptions{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	select {
	case n := <-l.endpoints:
		if n != manyInstances {
			return 0, fmt.Errorf("resolved to %d endpoints", n)
		}
		return time.Since(began), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// firstAnswer makes a client and its first call.
func firstAnswer(ctx context.Context, consul string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	began := time.Now()
	caller, err := load.NewCaller(ctx, consul, kit.Target{Service: "many"})
	if err != nil {
		return 0, err
	}
	defer func() { _ = caller.Close() }()
	_, err = healthpb.NewHealthClient(caller.Conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
	return time.Since(began), err
}

// fillWithMany registers the instances on 50 machines, at addresses of the
// loopback network: the real ones at 127.0.0.1, all others where nobody listens.
func fillWithMany(ctx context.Context, consul string, ports []int) error {
	for n := range 50 {
		node := fmt.Sprintf(`{"Node":"n%d","Address":"127.0.0.1"}`, n)
		if err := put(ctx, "http://"+consul+"/v1/catalog/register", node); err != nil {
			return err
		}
	}
	type m = map[string]any
	var ops []m
	for i := range manyInstances {
		id, node := fmt.Sprintf("many-%03d", i), fmt.Sprint("n", i%50)
		addr, port := fmt.Sprintf("127.1.%d.%d", i/250, i%250+1), 9
		if every := manyInstances / len(ports); i%every == 0 {
			addr, port = "127.0.0.1", ports[i/every]
		}
		ops = append(ops,
			m{"Service": m{"Verb": "set", "Node": node, "Service": m{
				"ID": id, "Service": "many", "Address": addr, "Port": port, "Meta": m{"version": "v2.4.0", "instance": id},
			}}},
			m{"Check": m{"Verb": "set", "Check": m{
				"Node": node, "CheckID": "service:" + id, "Name": "health", "Status": "passing", "ServiceID": id, "Type": "grpc",
			}}})
		if len(ops) < 100 && i < manyInstances-1 {
			continue
		}
		var body bytes.Buffer
		if err := json.NewEncoder(&body).Encode(ops); err != nil {
			return err
		}
		if err := put(ctx, "http://"+consul+"/v1/txn", body.String()); err != nil {
			return err
		}
		ops = nil
	}
	return nil
}
