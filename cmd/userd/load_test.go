package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/internal/testkit/load"
	"github.com/gctl-dev/gctl/svc/kit"
)

// fleet starts instances that a real Consul knows, and a caller that finds them
// there.
func fleet(t *testing.T, size int, args ...string) (*load.Fleet, *load.Caller, *load.Users) {
	t.Helper()
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	f, err := load.NewFleet(t.Context(), load.FleetOptions{
		Command: func(args ...string) *exec.Cmd { return userd(t, nil, args...) },
		Size:    size, Consul: agent.Addr, Store: strings.TrimPrefix(store(t), "--store="), Args: args,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	caller, err := load.NewCaller(t.Context(), agent.Addr, kit.Target{Service: "user"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caller.Close(); err != nil {
			t.Error(err)
		}
	})
	users, err := load.NewUsers(t.Context(), caller.Conn, "load")
	if err != nil {
		t.Fatal(err)
	}
	return f, caller, users
}

// report says which calls failed.
func report(t *testing.T, calls []load.Call) {
	t.Helper()
	for i := range calls {
		c := &calls[i]
		t.Logf("%s at %s after %v: %v", c.Method, c.Start.Format("05.000"), c.End.Sub(c.Start), c.Err)
	}
}

func TestARollingRestartLosesNoCall(t *testing.T) {
	f, caller, users := fleet(t, 3, "--drain-wait=200ms")
	traffic := load.Start(t.Context(), 60, 10*time.Second, users.Next)
	defer traffic.Stop()
	const rounds = 2 // the benchmark makes 20
	for range rounds {
		for n := range f.Instances {
			if err := f.Restart(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
	}
	calls := traffic.Stop()
	if failed := load.Failures(calls); len(failed) > 0 || len(calls) < 100 {
		t.Errorf("%d of %d calls failed", len(failed), len(calls))
		report(t, failed)
		t.Log(caller.Events())
	}
}

func TestSIGKILLLosesNoIdempotentCall(t *testing.T) {
	f, caller, users := fleet(t, 3)
	traffic := load.Start(t.Context(), 60, 10*time.Second, users.Next)
	defer traffic.Stop()
	type span struct{ from, to time.Time }
	var kills []span
	for round := range 5 {
		n := round % len(f.Instances)
		from, to := f.Kill(n)
		kills = append(kills, span{from, to})
		if err := f.Start(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	calls := traffic.Stop()
	failed := load.Failures(calls)
	for i := range failed {
		c := &failed[i]
		inFlight := false
		for _, k := range kills {
			inFlight = inFlight || c.Open(k.from, k.to)
		}
		if c.Idempotent || !inFlight {
			t.Errorf("%s failed (in flight at a kill: %v): %v", c.Method, inFlight, c.Err)
		}
	}
	report(t, failed)
	if t.Failed() {
		t.Log(caller.Events())
	}
}

func TestOneFailingInstanceOfSixOpensNoBreaker(t *testing.T) {
	f, caller, users := fleet(t, 6, "--admin-listen=127.0.0.1:0")
	began := time.Now()
	traffic := load.Start(t.Context(), 100, 10*time.Second, users.Get)
	defer traffic.Stop()
	if err := f.Instances[2].SetFault(t.Context(), 0, codes.Internal); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the instance that fails is ejected", func() error {
		for _, e := range caller.Events() {
			if e.Message == "instance ejected" && e.Endpoint == "user-3" && e.Reason == "failures" {
				return nil
			}
		}
		return errors.New("it is not")
	})
	ejected := time.Now()
	seen := traffic.Done()
	eventually(t, "the others answer", func() error {
		if traffic.Done() < seen+100 {
			return errors.New("not enough calls")
		}
		return nil
	})
	calls := traffic.Stop()
	if e, opened := caller.Opened(began); opened {
		t.Errorf("a breaker opened: %+v", e)
	}
	for _, c := range load.Failures(calls) {
		if c.Start.After(ejected) {
			t.Errorf("after the ejection: %v", c.Err)
		}
	}
}

func TestTheBreakerOpensWhenAllInstancesFail(t *testing.T) {
	f, caller, users := fleet(t, 3, "--admin-listen=127.0.0.1:0")
	traffic := load.Start(t.Context(), 100, 10*time.Second, users.Get)
	defer traffic.Stop()
	began := time.Now()
	if err := f.SetFaults(t.Context(), 0, codes.Internal); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the breaker opens", func() error {
		if e, opened := caller.Opened(began); !opened || e.Breaker != "user/read" {
			return errors.New("it is not open")
		}
		return nil
	})
}
