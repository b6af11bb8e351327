package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/testkit/load"
	"github.com/gctl-dev/gctl/svc/kit"
)

// callTimeout bounds a call of the traffic where nothing else is said.
const callTimeout = 5 * time.Second

// place is some user services that a Consul agent knows, and a caller that finds
// them there.
type place struct {
	consul string
	fleet  *load.Fleet
	caller *load.Caller
	users  *load.Users
	stop   []func()
}

func (p *place) close() {
	for _, f := range slices.Backward(p.stop) {
		f()
	}
}

// newPlace starts that many instances of userd with further arguments.
func (b *bench) newPlace(ctx context.Context, size int, args ...string) (p *place, err error) {
	p = &place{}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	agent, err := stack.StartConsul(ctx, stack.ConsulOptions{})
	if err != nil {
		return nil, err
	}
	p.stop = append(p.stop, func() { _ = agent.Stop() })
	p.consul = agent.Addr
	userd, err := filepath.Abs(filepath.Join(b.bin, "userd"))
	if err != nil {
		return nil, err
	}
	store := filepath.Join(b.dir, fmt.Sprintf("users-%d.db", time.Now().UnixNano()))
	p.fleet, err = load.NewFleet(ctx, load.FleetOptions{
		Command: func(args ...string) *exec.Cmd { return exec.CommandContext(ctx, userd, args...) },
		Size:    size, Consul: p.consul, Store: "sqlite://" + store, Args: args,
	})
	if err != nil {
		return nil, err
	}
	p.stop = append(p.stop, func() { _ = p.fleet.Close() })
	if p.caller, err = load.NewCaller(ctx, p.consul, kit.Target{Service: "user"}); err != nil {
		return nil, err
	}
	p.stop = append(p.stop, func() { _ = p.caller.Close() })
	p.users, err = load.NewUsers(ctx, p.caller.Conn, "bench")
	return p, err
}

// settle waits: the traffic goes on, and what is measured becomes what it is in
// the long run.
func settle(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
