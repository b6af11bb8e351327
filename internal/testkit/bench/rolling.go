package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/internal/testkit/load"
)

const (
	fleetRate = 500 // calls a second
	drainWait = 500 * time.Millisecond
)

// measureRolling restarts three instances one after the other, again and again.
func measureRolling(ctx context.Context, b *bench, r *report) error {
	p, err := b.newPlace(ctx, 3, "--drain-wait="+drainWait.String())
	if err != nil {
		return err
	}
	defer p.close()
	traffic := load.Start(ctx, fleetRate, callTimeout, p.users.Next)
	defer traffic.Stop()
	rounds := b.times(20)
	for range rounds {
		for n := range p.fleet.Instances {
			if err := p.fleet.Restart(ctx, n); err != nil {
				return err
			}
		}
	}
	calls := traffic.Stop()
	failed := load.Failures(calls)
	s := r.section("Rolling restart", fmt.Sprintf(
		"Three user services over one store, found in a real Consul, called %d times a second by the kit's client with all unary methods. "+
			"%d rounds of: SIGTERM (`--drain-wait %s`), the end of the process, a new one with the same ID on another port, and the next when Consul has it as passing.",
		fleetRate, rounds, drainWait))
	callsTable(s, calls)
	s.goal(fmt.Sprintf("client-visible errors of %d calls over %d restarts", len(calls), 3*rounds), float64(len(failed)), 0, "")
	tellFailures(s, failed)
	return nil
}

// measureKill kills one of three instances again and again.
func measureKill(ctx context.Context, b *bench, r *report) error {
	p, err := b.newPlace(ctx, 3)
	if err != nil {
		return err
	}
	defer p.close()
	traffic := load.Start(ctx, fleetRate, callTimeout, p.users.Next)
	defer traffic.Stop()
	type span struct{ from, to time.Time }
	var spans []span
	for k := range b.times(20) {
		n := k % len(p.fleet.Instances)
		if err := settle(ctx, 500*time.Millisecond); err != nil { // the new one has its share
			return err
		}
		from, to := p.fleet.Kill(n)
		spans = append(spans, span{from, to})
		if err := p.fleet.Start(ctx, n); err != nil {
			return err
		}
	}
	calls := traffic.Stop()
	failed := load.Failures(calls)
	inFlight, idempotent, others := 0, 0, 0
	for i := range calls {
		open := slices.ContainsFunc(spans, func(s span) bool { return calls[i].Open(s.from, s.to) })
		if open {
			inFlight++
		}
		if calls[i].Failed() && calls[i].Idempotent {
			idempotent++
		}
		if calls[i].Failed() && !open {
			others++
		}
	}
	s := r.section("SIGKILL", fmt.Sprintf("The same three, the same calls; %d times one of them is killed, and started anew.", len(spans)))
	callsTable(s, calls)
	s.goal(fmt.Sprintf("failures of %d calls, beside %d in flight at the kills", len(calls), inFlight), float64(len(failed)), float64(inFlight), "")
	s.goal("of idempotent calls, which are repeated", float64(idempotent), 0, "")
	s.saysf("failures of calls that were not in flight at a kill: %d", others)
	tellFailures(s, failed)
	return nil
}

// callsTable adds a row for each method.
func callsTable(s *section, calls []load.Call) {
	s.columns = []string{"calls", "failed", "median", "p99", "longest"}
	times, failed := map[string]sample{}, map[string]int{}
	for i := range calls {
		c := &calls[i]
		times[c.Method] = append(times[c.Method], c.End.Sub(c.Start))
		if c.Failed() {
			failed[c.Method]++
		}
	}
	for _, method := range slices.Sorted(maps.Keys(times)) {
		t := times[method]
		slices.Sort(t)
		s.row(method, fmt.Sprint(len(t)), fmt.Sprint(failed[method]), ms(t.median()), ms(t.quantile(0.99)), ms(t.quantile(1)))
	}
}

// tellFailures counts failures by what they say, the first of them.
func tellFailures(s *section, failed []load.Call) {
	counts := map[string]int{}
	for i := range failed {
		text, _, _ := strings.Cut(failed[i].Err.Error(), "\n")
		if _, old := counts[text]; old || len(counts) < 5 {
			counts[text]++
		}
	}
	for _, text := range slices.Sorted(maps.Keys(counts)) {
		s.saysf("%d × `%s`", counts[text], text)
	}
}
