//go:build unix

package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/gctl-dev/gctl/internal/testkit/load"
)

// The bound of an instance that is stopped: Consul asks every 2 s and waits 2 s
// for the answer.
const stoppedBound = 2*time.Second + 2*time.Second + time.Second

// measureStopped stops the process of one of six instances.
func measureStopped(ctx context.Context, b *bench, r *report) error {
	p, err := b.newPlace(ctx, 6)
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
	if err := p.fleet.Instances[2].Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	if err := settle(ctx, 2*stoppedBound); err != nil {
		return err
	}
	calls := traffic.Stop()
	if err := p.fleet.Instances[2].Signal(syscall.SIGCONT); err != nil {
		return err
	}
	lost := load.Failures(calls)
	last := time.Duration(0)
	for i := range lost {
		last = max(last, lost[i].Start.Sub(began))
	}
	s := r.section("SIGSTOP of one of six", fmt.Sprintf(
		"The same six, called %d times a second; the process of one stands still for %s. What it is given after that has no answer. "+
			"Consul asks every 2 s and waits 2 s; the bound is both and 1 s.", ejectRate, 2*stoppedBound))
	s.goal("the last call to it begins after", last.Seconds(), stoppedBound.Seconds(), " s")
	s.saysf("calls lost: %d of %d", len(lost), len(calls))
	for _, e := range p.caller.Events() {
		if e.Time.After(began) {
			s.saysf("%s %s%s after %.2f s (%s: %s)", e.Message, e.Endpoint, e.Breaker+" "+e.State, e.Time.Sub(began).Seconds(), e.Reason, e.Detail)
		}
	}
	return nil
}
