package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/balancer"
	"github.com/gctl-dev/gctl/internal/testkit/load"
	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/kit/breaker"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// addresses is a list of instances that never changes.
type addresses []string

// Watch implements discovery.Watcher.
func (a addresses) Watch(ctx context.Context, service string, notify func(discovery.Update)) error {
	var u discovery.Update
	for _, addr := range a {
		u.Endpoints = append(u.Endpoints, discovery.Endpoint{ID: addr, Service: service, Addr: addr, Status: discovery.Passing})
	}
	notify(u)
	<-ctx.Done()
	return ctx.Err()
}

// measureClient compares clients, all in this process.
func measureClient(ctx context.Context, b *bench, r *report) error {
	var addrs addresses
	for range 3 {
		server, err := launchRole(ctx, roleBare)
		if err != nil {
			return err
		}
		defer server.Kill()
		addrs = append(addrs, server.Addr)
	}
	conns, stop, err := clients(ctx, addrs)
	defer stop()
	if err != nil {
		return err
	}
	names := []string{"a plain channel, round_robin", "discovery and balancer", "discovery, balancer and breaker", "the kit: retries, deadlines, metrics and request IDs too"}
	var contestants []*contestant
	for i, conn := range conns {
		users := userv1.NewUserServiceClient(conn)
		call := func(ctx context.Context, _ int) error {
			_, err := users.GetUser(ctx, &userv1.GetUserRequest{Id: "u-1"}, grpc.WaitForReady(true))
			return err
		}
		contestants = append(contestants, &contestant{name: names[i], call: call, pid: os.Getpid()})
	}
	if err := compete(ctx, b.times(60), 300*time.Millisecond, contestants); err != nil {
		return err
	}
	s := r.section("The client's chain", fmt.Sprintf(
		"`GetUser` by the generated client, %d workers, to three servers of grpc-go that look nothing up, in processes of their own. "+
			"Short turns; ratios are medians of those of the turns. Computing time is the client's own, user and system.", workers))
	s.columns = []string{"calls a second", "× plain", "computing time a call", "more than plain"}
	base := contestants[0]
	for _, c := range contestants {
		s.row(c.name, fmt.Sprintf("%.0f", median(c.perSecond)), fmt.Sprintf("%.3f", medianRatio(c.perSecond, base.perSecond)),
			fmt.Sprintf("%.1f µs", mean(c.perCall)), fmt.Sprintf("%.1f µs", mean(c.perCall)-mean(base.perCall)))
	}
	s.goal("breaker and balancer, of the throughput", 100*(1-medianRatio(contestants[2].perSecond, base.perSecond)), 2, " %")
	return nil
}

// clients returns connections to the same servers, each with more in it than the
// one before.
func clients(ctx context.Context, addrs addresses) (conns []*grpc.ClientConn, stop func(), err error) {
	var caller *load.Caller
	stop = func() {
		for _, c := range conns {
			c.Close()
		}
		if caller != nil {
			_ = caller.Close()
		}
	}
	plain := manual.NewBuilderWithScheme("plain")
	var state resolver.State
	for _, a := range addrs {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: a}}})
	}
	plain.InitialState(state)
	balancer.Register()
	balanced := func(more ...grpc.DialOption) []grpc.DialOption {
		monitor := &balancer.Monitor{}
		return append(more, grpc.WithResolvers(monitor.Resolver(discovery.NewResolver(addrs))),
			grpc.WithDefaultServiceConfig(balancer.Config{}.ServiceConfig()))
	}
	for _, c := range []struct {
		target  string
		options []grpc.DialOption
	}{
		{"plain:///user", []grpc.DialOption{grpc.WithResolvers(plain), grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`)}},
		{"fleet:///user", balanced()},
		{"fleet:///user", balanced(grpc.WithChainUnaryInterceptor(breaker.New(breaker.Options{}).UnaryClientInterceptor("user")))},
	} {
		conn, err := grpc.NewClient(c.target, append(c.options, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig())...)
		if err != nil {
			return conns, stop, err
		}
		conns = append(conns, conn)
	}
	caller, err = load.NewCaller(ctx, "", kit.Target{Service: "user", Addrs: addrs})
	if err != nil {
		return conns, stop, err
	}
	return append(conns, caller.Conn), stop, nil
}
