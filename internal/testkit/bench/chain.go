package main

import (
	"context"
	"fmt"
	"time"
)

// measureChain compares a server of the kit with one of grpc-go as it comes.
func measureChain(ctx context.Context, b *bench, r *report) error {
	contestants := []*contestant{
		{name: roleBare}, {name: roleKit}, {name: roleSampled}, {name: roleTraced},
	}
	for _, c := range contestants {
		server, err := launchRole(ctx, c.name)
		if err != nil {
			return err
		}
		defer server.Kill()
		call, stop, err := rawCalls(server.Addr, 2)
		if err != nil {
			return err
		}
		defer stop()
		c.call, c.pid = call, server.Pid
	}
	if err := compete(ctx, b.times(15), time.Second, contestants); err != nil {
		return err
	}
	s := r.section("The server's full chain", fmt.Sprintf(
		"`GetUser` with the same handler, which looks nothing up, in a process of its own: grpc-go as it comes, and the kit with request IDs, metrics, access log, "+
			"rate limit, concurrency limit, deadline floor, faults and validation. One client, %d workers, 2 connections, that neither encodes nor decodes; it shares the cores with the server. "+
			"Computing time is the server's own, user and system.", workers))
	s.columns = []string{"calls a second", "× bare", "computing time a call", "× bare"}
	names := []string{"grpc-go alone", "the kit, no traces", "the kit, 1 % traced, collector away", "the kit, all traced, collector away"}
	base := contestants[0]
	for i, c := range contestants {
		s.row(names[i], fmt.Sprintf("%.0f", median(c.perSecond)), fmt.Sprintf("%.2f", medianRatio(c.perSecond, base.perSecond)),
			fmt.Sprintf("%.1f µs", mean(c.perCall)), fmt.Sprintf("%.2f", mean(c.perCall)/mean(base.perCall)))
	}
	s.atLeast("the kit : grpc-go, throughput", medianRatio(contestants[1].perSecond, base.perSecond), 0.7, " ×")
	s.atLeast("the same with 1 % traced", medianRatio(contestants[2].perSecond, base.perSecond), 0.7, " ×")
	return nil
}
