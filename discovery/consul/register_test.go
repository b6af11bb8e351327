package consul_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/internal/stack"
)

// only returns the single endpoint of a service, or an error that says what
// there is instead.
func only(ctx context.Context, c *consul.Client, service string) (discovery.Endpoint, error) {
	r, err := c.Lookup(ctx, service)
	if err != nil {
		return discovery.Endpoint{}, err
	}
	if len(r.Endpoints) != 1 {
		return discovery.Endpoint{}, fmt.Errorf("%d endpoints", len(r.Endpoints))
	}
	return r.Endpoints[0], nil
}

// awaitStatus waits until the single endpoint of a service has a status.
func awaitStatus(t *testing.T, c *consul.Client, service, status string) (e discovery.Endpoint) {
	t.Helper()
	eventually(t, "wait for "+status, func() (err error) {
		if e, err = only(t.Context(), c, service); err == nil && e.Status != status {
			err = fmt.Errorf("status is %s", e.Status)
		}
		return err
	})
	return e
}

// healthServer serves grpc.health.v1 and nothing else.
func healthServer(t *testing.T) (string, *health.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, h := grpc.NewServer(), health.NewServer()
	healthpb.RegisterHealthServer(s, h)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-done })
	return l.Addr().String(), h
}

func TestRegistrationWithAGRPCCheckFollowsTheServersHealth(t *testing.T) {
	_, c := agent(t)
	addr, h := healthServer(t)
	meta := map[string]string{"version": "v2.4.0", "zone": "a"}
	err := c.Register(t.Context(), consul.Registration{
		Service: "user", ID: "user-1", Addr: addr, Tags: []string{"v2"}, Meta: meta,
		Check: consul.Check{Kind: consul.GRPCCheck, Interval: 50 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := awaitStatus(t, c, "user", discovery.Passing)
	if e.ID != "user-1" || e.Addr != addr || !e.GRPC || !slices.Equal(e.Tags, []string{"v2"}) || !maps.Equal(e.Meta, meta) {
		t.Errorf("endpoint = %+v", e)
	}
	h.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	awaitStatus(t, c, "user", discovery.Critical)
	if err := c.SetMaintenance(t.Context(), "user-1", true, "a look inside"); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, c, "user", discovery.Maintenance)
	if err := c.SetMaintenance(t.Context(), "user-1", false, ""); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, c, "user", discovery.Critical)

	for range 2 { // the second time it is gone already
		if err := c.Deregister(t.Context(), "user-1"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "deregistered", func() error {
		r, err := c.Lookup(t.Context(), "user")
		if err == nil && len(r.Endpoints) > 0 {
			err = errors.New("still there")
		}
		return err
	})
}

func TestRegistrationWithoutACheckPasses(t *testing.T) {
	_, c := agent(t)
	if err := c.Register(t.Context(), consul.Registration{Service: "bare", Addr: "127.0.0.1:9090"}); err != nil {
		t.Fatal(err)
	}
	if e := awaitStatus(t, c, "bare", discovery.Passing); e.ID != "bare" || e.GRPC {
		t.Errorf("endpoint = %+v", e)
	}
}

func TestRegistrationSaysWhatIsWrongWithIt(t *testing.T) {
	c := newClient(t, consul.Config{Address: "127.0.0.1:1"})
	for _, r := range []consul.Registration{{Addr: "127.0.0.1:1"}, {Service: "a", Addr: "127.0.0.1"}, {Service: "a", Addr: "127.0.0.1:http"}} {
		if err := c.Register(t.Context(), r); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Register(%+v) = %v, want an error before anything is sent", r, err)
		}
	}
}

func TestAnnounceOutlivesTheAgent(t *testing.T) {
	first := stack.ConsulFor(t, stack.ConsulOptions{})
	c := newClient(t, consul.Config{Address: first.Addr})
	healthy := make(chan error, 1)
	healthy <- nil
	reports := make(chan error, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Announce(ctx, consul.Registration{
			Service: "mtls", ID: "mtls-1", Addr: "127.0.0.1:9090",
			Check: consul.Check{Kind: consul.TTLCheck, TTL: 300 * time.Millisecond, Healthy: func(context.Context) error {
				err := <-healthy
				healthy <- err
				return err
			}},
		}, func(err error) { reports <- err })
	}()
	awaitStatus(t, c, "mtls", discovery.Passing)
	<-healthy
	healthy <- errors.New("the disk is full")
	awaitStatus(t, c, "mtls", discovery.Critical)

	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	for err := range reports { // it says that the agent is gone
		if err != nil {
			break
		}
	}
	<-healthy
	healthy <- nil
	stack.ConsulFor(t, stack.ConsulOptions{HTTPPort: first.Port})
	awaitStatus(t, c, "mtls", discovery.Passing) // on an agent that knew nothing
	cancel()
	<-done
}
