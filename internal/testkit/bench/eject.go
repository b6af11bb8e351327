package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gctl-dev/gctl/internal/testkit/load"
)

const (
	ejectRate     = 300 // calls a second
	ejectTimeout  = 500 * time.Millisecond
	ejectSeconds  = 6   // that are looked at after a fault
	mayFail       = 0.5 // per cent of the calls
	ejectDeadline = 3   // seconds until then
)

// trouble is a fault of one of six instances.
type trouble struct {
	name    string
	latency time.Duration
	code    codes.Code
}

// measureEject sets one instance of six a fault, then all.
func measureEject(ctx context.Context, b *bench, r *report) error {
	s := r.section("One of six instances in trouble", fmt.Sprintf(
		"Six user services, found in a real Consul; the kit's client calls GetUser %d times a second with a deadline of %s. "+
			"Faults are set by the control API. Share of the calls begun in each second after the fault that fail for the caller.", ejectRate, ejectTimeout))
	s.columns = nil
	for n := range ejectSeconds {
		s.columns = append(s.columns, fmt.Sprintf("second %d", n+1))
	}
	for _, t := range []trouble{
		{"INTERNAL, which is not repeated", 0, codes.Internal},
		{"UNAVAILABLE, which is repeated", 0, codes.Unavailable},
		{"800 ms late", 800 * time.Millisecond, codes.OK},
	} {
		if err := b.ejectOne(ctx, s, t); err != nil {
			return err
		}
	}
	return b.failAll(ctx, s)
}

// ejectOne measures one trouble in a place of its own.
func (b *bench) ejectOne(ctx context.Context, s *section, t trouble) error {
	p, err := b.newPlace(ctx, 6, "--admin-listen=127.0.0.1:0")
	if err != nil {
		return err
	}
	defer p.close()
	traffic := load.Start(ctx, ejectRate, ejectTimeout, p.users.Get)
	defer traffic.Stop()
	if err := settle(ctx, 3*time.Second); err != nil {
		return err
	}
	began := time.Now()
	if err := p.fleet.Instances[2].SetFault(ctx, t.latency, t.code); err != nil {
		return err
	}
	if err := settle(ctx, ejectSeconds*time.Second); err != nil {
		return err
	}
	shares := failures(traffic.Stop(), began)
	row := []string{t.name}
	after := 0.0 // the worst second once the time is over
	for n, share := range shares {
		row = append(row, fmt.Sprintf("%.1f %%", share))
		if n >= ejectDeadline {
			after = max(after, share)
		}
	}
	s.row(row...)
	s.goal(fmt.Sprintf("%s: failures after %d s", t.name, ejectDeadline), after, mayFail, " %")
	opened := 0
	for _, e := range p.caller.Events() {
		if e.Message == "breaker" && e.State == "open" {
			opened++
		}
		if e.Message == "instance ejected" && e.Time.After(began) {
			s.saysf("%s: ejected %s after %.2f s (%s: %s)", t.name, e.Endpoint, e.Time.Sub(began).Seconds(), e.Reason, e.Detail)
		}
	}
	s.goal(t.name+": breakers that opened", float64(opened), 0, "")
	return nil
}

// failures returns the share, in per cent, of failures of the calls that began in
// each second.
func failures(calls []load.Call, began time.Time) []float64 {
	made, failed := make([]int, ejectSeconds), make([]int, ejectSeconds)
	for i := range calls {
		n := int(calls[i].Start.Sub(began) / time.Second)
		if calls[i].Start.Before(began) || n >= ejectSeconds {
			continue
		}
		made[n]++
		if calls[i].Failed() {
			failed[n]++
		}
	}
	shares := make([]float64, ejectSeconds)
	for n := range shares {
		shares[n] = 100 * float64(failed[n]) / float64(max(1, made[n]))
	}
	return shares
}

// failAll measures how long the breaker takes where every instance fails.
func (b *bench) failAll(ctx context.Context, s *section) error {
	p, err := b.newPlace(ctx, 6, "--admin-listen=127.0.0.1:0")
	if err != nil {
		return err
	}
	defer p.close()
	traffic := load.Start(ctx, ejectRate, ejectTimeout, p.users.Get)
	defer traffic.Stop()
	if err := settle(ctx, 3*time.Second); err != nil {
		return err
	}
	before := time.Now()
	if err := p.fleet.SetFaults(ctx, 0, codes.Unavailable); err != nil {
		return err
	}
	began := time.Now()
	if err := settle(ctx, 3*time.Second); err != nil {
		return err
	}
	e, opened := p.caller.Opened(before)
	if !opened {
		s.saysf("all six UNAVAILABLE: the breaker did not open within 3 s: **missed**")
		return nil
	}
	s.goal("all six UNAVAILABLE: the breaker opens after", e.Time.Sub(began).Seconds(), 1, " s")
	return nil
}
