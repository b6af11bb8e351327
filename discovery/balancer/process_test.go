//go:build unix

package balancer_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/balancer"
	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
)

// startProcess starts a server in a process of its own.
func startProcess(t *testing.T) (addr string, process *os.Process) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT)
		stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), cmd.Process
}

// A process that is stopped: first the balancer leaves it alone, then Consul
// notices; once it is off the list, it gets no call any more. Consul waits for the
// process until the balancer has noticed: here it is the balancer's turn first,
// however slow the machine is.
func TestAProcessThatIsStopped(t *testing.T) {
	agent := stack.ConsulFor(t, stack.ConsulOptions{})
	registry, err := consul.New(consul.Config{Address: agent.Addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	processes, addrs := map[string]*os.Process{}, map[string]string{}
	register := func(id string, timeout time.Duration) {
		t.Helper()
		if err := registry.Register(t.Context(), consul.Registration{
			Service: "test", ID: id, Addr: addrs[id],
			Check: consul.Check{Kind: consul.GRPCCheck, Interval: time.Second, Timeout: timeout},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"u0", "u1", "u2"} {
		addr, p := startProcess(t)
		processes[id], addrs[id] = p, addr
		register(id, time.Hour)
	}
	eventually(t, "all passed their checks", func() error { // as long as none did, all are used
		r, err := registry.Lookup(t.Context(), "test")
		if n := len(discovery.Usable(r.Endpoints)); err == nil && (n < 3 || r.Endpoints[0].Status != discovery.Passing) {
			err = fmt.Errorf("the endpoints are %+v", r.Endpoints)
		}
		return err
	})
	c := &client{events: make(chan balancer.Event, 1000)}
	c.monitor = &balancer.Monitor{OnEvent: func(e balancer.Event) { c.events <- e }}
	c.ClientConn, err = grpc.NewClient("fleet:///test",
		grpc.WithResolvers(c.monitor.Resolver(discovery.NewResolver(registry))),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(balancer.Config{SlowFloor: 250 * time.Millisecond}.ServiceConfig()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.Connect()
	c.awaitStatus(t, "all are connected", connected(3))
	l := c.load(t, 6, 5*time.Millisecond)
	l.await(t, 300)

	if err := processes["u1"].Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if e := c.event(t, "u1", balancer.Ejected); e.Reason != balancer.Hanging {
		t.Errorf("event = %+v, want that it hangs", e)
	}
	register("u1", time.Second)
	c.awaitStatus(t, "Consul took it off the list", connected(2))
	for range 200 {
		if id, err := c.get(t.Context()); err != nil || id == "u1" {
			t.Fatalf("the call went to %s: %v", id, err)
		}
	}

	if err := processes["u1"].Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.awaitStatus(t, "it is back", connected(3))
	eventually(t, "it gets calls", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if id, err := c.get(ctx); err != nil || id != "u1" {
			return fmt.Errorf("the call went to %s: %w", id, err)
		}
		return nil
	})
}

func connected(n int) func([]balancer.Status) bool {
	return func(list []balancer.Status) bool {
		if len(list) != n {
			return false
		}
		for _, s := range list {
			if s.State == balancer.Disconnected {
				return false
			}
		}
		return true
	}
}
