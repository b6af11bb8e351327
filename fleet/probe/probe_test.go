package probe_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/fleettest"
	"github.com/gctl-dev/gctl/fleet/probe"
	"github.com/gctl-dev/gctl/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// impatient is for servers of this machine.
var impatient = probe.Options{Timeout: 1200 * time.Millisecond, Interval: 20 * time.Millisecond}

func newProber(t *testing.T, o probe.Options) *probe.Prober {
	t.Helper()
	p, err := probe.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// process is a server of grpc-go that can be stopped, started and made to stand
// still, always at the same address.
type process struct {
	t      *testing.T
	addr   string
	health *health.Server
	gate   *testkit.Gate
	checks chan struct{} // one for each Check
	stop   func()
}

func startProcess(t *testing.T) *process {
	p := &process{t: t, health: health.NewServer(), checks: make(chan struct{}, 1000)}
	p.addr = testkit.ClosedAddr(t)
	p.start()
	t.Cleanup(func() { p.gate.Shut(false); p.stop() })
	return p
}

func (p *process) start() {
	lis, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.gate = testkit.NewGate(lis)
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		p.checks <- struct{}{}
		return next(ctx, req)
	}))
	healthpb.RegisterHealthServer(server, p.health)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(p.gate)
	}()
	p.stop = sync.OnceFunc(func() { server.Stop(); <-done })
}

// awaitChecks waits for n more calls of Check.
func (p *process) awaitChecks(n int) {
	for range n {
		<-p.checks
	}
}

var statuses = map[fleet.HealthState]healthpb.HealthCheckResponse_ServingStatus{
	fleet.Serving: healthpb.HealthCheckResponse_SERVING, fleet.NotServing: healthpb.HealthCheckResponse_NOT_SERVING,
}

func TestConformance(t *testing.T) {
	fleettest.Prober(t, func(t *testing.T) fleettest.ProbeWorld {
		p := startProcess(t)
		p.health.SetServingStatus("shop.v1.Shop", healthpb.HealthCheckResponse_SERVING)
		_, bare := testkit.Server{NoHealth: true}.Start(t)
		return fleettest.ProbeWorld{
			Prober:   newProber(t, impatient),
			Instance: fleet.Instance{ID: "shop-1", Service: "shop", Addr: p.addr, Catalog: fleet.Passing},
			Named:    "shop.v1.Shop",
			Set:      func(name string, s fleet.HealthState) { p.health.SetServingStatus(name, statuses[s]) },
			Stop:     func() func() { p.stop(); return p.start },
			Hang:     func() func() { p.gate.Shut(true); return func() { p.gate.Shut(false) } },
			NoHealth: fleet.Instance{ID: "bare", Addr: bare},
		}
	})
}
