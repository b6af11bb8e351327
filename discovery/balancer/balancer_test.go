package balancer_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/discovery/balancer"
)

// six starts as many servers.
func six(t testing.TB) []*backend {
	var list []*backend
	for i := range 6 {
		b, _ := serve(t, fmt.Sprint("u", i), "", nil)
		list = append(list, b)
	}
	return list
}

// load makes calls, with a deadline of two seconds each, until the test ends it
// or itself ends.
type load struct {
	client *client
	ok     atomic.Int64
	failed atomic.Int64
	stop   func()
}

func (c *client) load(t testing.TB, workers int, every time.Duration) *load {
	l := &load{client: c}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for ctx.Err() == nil {
				l.call(ctx)
				select {
				case <-ctx.Done():
				case <-time.After(every):
				}
			}
		})
	}
	l.stop = sync.OnceFunc(func() { cancel(); group.Wait() })
	t.Cleanup(l.stop)
	return l
}

func (l *load) call(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	switch _, err := l.client.get(ctx); {
	case err == nil:
		l.ok.Add(1)
	case status.Code(err) != codes.Canceled:
		l.failed.Add(1)
	}
}

// await waits until n more calls ended well.
func (l *load) await(t testing.TB, n int64) {
	t.Helper()
	want := l.ok.Load() + n
	eventually(t, "more calls end well", func() error {
		if got := l.ok.Load(); got < want {
			return fmt.Errorf("%d, want %d", got, want)
		}
		return nil
	})
}

func blocked(ctx context.Context) error {
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

func broken(context.Context) error { return status.Error(codes.Unavailable, "the disk is away") }

// What a caller sees of one instance of six that is in trouble, after the few
// calls that it takes to notice.
func TestOneOfSixInTroubleIsLeftAlone(t *testing.T) {
	for _, policy := range []balancer.Policy{balancer.LeastRequest, balancer.RoundRobin} {
		for _, c := range []struct {
			name    string
			trouble func(*backend)
			reasons []balancer.Reason
		}{
			{"it fails", func(b *backend) { b.do(broken) }, []balancer.Reason{balancer.Failures}},
			{"it answers too late", func(b *backend) { b.do(blocked) }, []balancer.Reason{balancer.Failures, balancer.Slow}},
			{"its process is stopped", func(b *backend) { b.listener.set(true) }, []balancer.Reason{balancer.Hanging, balancer.Failures}},
		} {
			t.Run(fmt.Sprint(policy, " ", c.name), func(t *testing.T) {
				backends := six(t)
				// The machine that runs the test may be slow in itself.
				conn := dial(t, balancer.Config{Policy: policy, BaseEjection: time.Minute, SlowFloor: 100 * time.Millisecond}, backends...)
				l := conn.load(t, 12, 10*time.Millisecond)
				l.await(t, 500)
				c.trouble(backends[2])
				e := conn.event(t, "u2", balancer.Ejected)
				if !slices.Contains(c.reasons, e.Reason) || e.Detail == "" || time.Until(e.Until) < 30*time.Second {
					t.Errorf("event = %+v", e)
				}
				conn.awaitStatus(t, "the calls that it had are over", func(list []balancer.Status) bool { return list[2].InFlight == 0 })
				l.await(t, 100) // and counted
				calls, failed := backends[2].calls.Load(), l.failed.Load()
				l.await(t, 1000)
				if n := l.failed.Load() - failed; n > 5 {
					t.Errorf("%d of 1000 calls failed after the ejection", n)
				}
				if n := backends[2].calls.Load() - calls; n > 0 {
					t.Errorf("the ejected one got %d calls", n)
				}
			})
		}
	}
}

func TestAnEjectedOneComesBackByATrial(t *testing.T) {
	backends := six(t)
	conn := dial(t, balancer.Config{BaseEjection: 300 * time.Millisecond, SlowFloor: 250 * time.Millisecond}, backends...)
	l := conn.load(t, 12, 5*time.Millisecond)
	l.await(t, 300)
	backends[2].do(broken)
	if e := conn.event(t, "u2", balancer.Ejected); e.Ejections != 1 {
		t.Errorf("event = %+v, want the first ejection", e)
	}
	conn.event(t, "u2", balancer.OnTrial)
	if e := conn.event(t, "u2", balancer.Ejected); e.Ejections != 2 || e.Reason != balancer.Failures {
		t.Errorf("event = %+v, want the second ejection", e)
	}
	backends[2].do(fine)
	conn.becomes(t, "u2", balancer.InRotation)
	before := backends[2].calls.Load()
	eventually(t, "it gets calls again", func() error {
		if n := backends[2].calls.Load() - before; n < 20 {
			return fmt.Errorf("%d calls", n)
		}
		return nil
	})
}

func TestOneThatIsStoppedIsOnlyAskedForItsHealth(t *testing.T) {
	backends := six(t)
	conn := dial(t, balancer.Config{BaseEjection: 200 * time.Millisecond, SlowFloor: 250 * time.Millisecond, ProbeTimeout: 300 * time.Millisecond}, backends...)
	l := conn.load(t, 12, 5*time.Millisecond)
	l.await(t, 300)
	backends[1].listener.set(true)
	conn.event(t, "u1", balancer.Ejected)
	conn.event(t, "u1", balancer.Ejected) // it did not answer, and nobody was sent there
	backends[1].listener.set(false)
	conn.becomes(t, "u1", balancer.OnTrial)
	conn.becomes(t, "u1", balancer.InRotation)
}

func TestWhereAllFailNobodyIsEjected(t *testing.T) {
	backends := six(t)
	conn := dial(t, balancer.Config{SlowFloor: time.Second}, backends...)
	l := conn.load(t, 12, 5*time.Millisecond)
	l.await(t, 500)
	for _, b := range backends {
		b.do(broken)
	}
	fail := func(n int64) {
		t.Helper()
		n += l.failed.Load()
		eventually(t, "many fail", func() error {
			if got := l.failed.Load(); got < n {
				return fmt.Errorf("%d failed, want %d", got, n)
			}
			return nil
		})
	}
	fail(1000)
	// Some may have failed a moment before the others, and are let back in.
	conn.awaitStatus(t, "nobody is out", func(list []balancer.Status) bool {
		return !slices.ContainsFunc(list, func(s balancer.Status) bool { return s.State != balancer.InRotation })
	})
	for len(conn.events) > 0 {
		<-conn.events
	}
	fail(1000)
	for len(conn.events) > 0 {
		if e := <-conn.events; e.State != balancer.InRotation {
			t.Errorf("event = %+v, want nobody out", e)
		}
	}
}

func TestAServerThatIsNotServingGetsNothing(t *testing.T) {
	a, _ := serve(t, "a", "", nil)
	b, _ := serve(t, "b", "", nil)
	conn := dial(t, balancer.Config{}, a, b)
	a.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	conn.awaitStatus(t, "a is out", func(list []balancer.Status) bool { return list[0].State == balancer.Disconnected })
	eventually(t, "the other one gets the calls", func() error { // the picker may be the one before
		for range 50 {
			if id, err := conn.get(t.Context()); id != "b" || err != nil {
				return fmt.Errorf("the call went to %q: %w", id, err)
			}
		}
		return nil
	})
	a.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	conn.awaitStatus(t, "a is back", func(list []balancer.Status) bool { return list[0].State == balancer.InRotation })
}

func TestTheOwnZoneComesFirst(t *testing.T) {
	var backends []*backend
	var stops []func()
	for i, zone := range []string{"a", "a", "a", "b", "b", ""} {
		b, stop := serve(t, fmt.Sprint(i, zone), "", map[string]string{"zone": zone})
		backends, stops = append(backends, b), append(stops, stop)
	}
	conn := dial(t, balancer.Config{Policy: balancer.RoundRobin, Zone: "a", ZoneShare: 0.6}, backends...)
	visit := func() map[string]int {
		seen := map[string]int{}
		for range 60 {
			id, err := conn.get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen[id]++
		}
		return seen
	}
	visits := func(what string, ok func(seen map[string]int) bool) {
		t.Helper()
		eventually(t, what, func() error { // the picker may be the one before
			if seen := visit(); !ok(seen) {
				return fmt.Errorf("calls went to %v", seen)
			}
			return nil
		})
	}
	visits("the three of zone a are called alike", func(seen map[string]int) bool { return len(seen) == 3 && seen["0a"] == 20 })
	disconnected := func(n int) {
		conn.awaitStatus(t, "some are away", func(list []balancer.Status) bool {
			return len(slices.DeleteFunc(list, func(s balancer.Status) bool { return s.State != balancer.Disconnected })) == n
		})
	}
	stops[0]()
	disconnected(1)
	visits("two of three are enough for zone a", func(seen map[string]int) bool { return len(seen) == 2 && seen["1a"] == 30 })
	stops[1]()
	disconnected(2)
	visits("one of three is not, and all that are left are called", func(seen map[string]int) bool { return len(seen) == 4 })
	moved := endpoints(backends...)
	for i := range moved[3:] {
		moved[3+i].Meta = map[string]string{"zone": "a"}
	}
	conn.set <- moved
	conn.awaitStatus(t, "all are in zone a", func(list []balancer.Status) bool { return list[5].Zone == "a" })
	visits("the zone counts again", func(seen map[string]int) bool { return len(seen) == 4 })
	if n := backends[3].conns.Load(); n != 1 {
		t.Errorf("a change of meta made %d connections, want the first to stay", n)
	}
}

func TestAnAddressOfAnotherInstanceIsANewEndpoint(t *testing.T) {
	a, _ := serve(t, "a", "", nil)
	conn := dial(t, balancer.Config{}, a)
	if id, err := conn.get(t.Context()); id != "a" || err != nil {
		t.Fatalf("the call went to %q: %v", id, err)
	}
	other := a.endpoint
	other.ID = "b"
	conn.set <- endpoints(&backend{endpoint: other})
	eventually(t, "the new ID is seen", func() error {
		if id, err := conn.get(t.Context()); id != "b" || err != nil {
			return fmt.Errorf("the call went to %q: %w", id, err)
		}
		return nil
	})
	if n := a.conns.Load(); n != 2 {
		t.Errorf("%d connections were made, want a new one for the new instance", n)
	}
}

func TestStreamsTellWhereTheyWent(t *testing.T) {
	a, _ := serve(t, "a", "", nil)
	conn := dial(t, balancer.Config{}, a)
	ctx, call := balancer.WithCall(t.Context(), true)
	if id, addr := call.Endpoint(); id != "" || addr != "" {
		t.Errorf("before the call it went to %q at %q", id, addr)
	}
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/test.Test/Watch")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(&emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	if id, addr := call.Endpoint(); id != "a" || addr != a.endpoint.Addr {
		t.Errorf("the stream went to %q at %q", id, addr)
	}
}

// Another resolver knows neither IDs nor zones, and nobody watches.
func TestAnyResolverWillDo(t *testing.T) {
	a, _ := serve(t, "a", "", nil)
	b, _ := serve(t, "b", "", nil)
	conn := plain(t, balancer.Config{Zone: "a"}.ServiceConfig(), a, b)
	eventually(t, "both get calls", func() error {
		ctx, call := balancer.WithCall(t.Context(), false)
		if err := conn.Invoke(ctx, "/test.Test/Get", &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
			t.Fatal(err)
		}
		if id, addr := call.Endpoint(); id != addr || id == "" {
			t.Errorf("the call went to %q at %q", id, addr)
		}
		if a.calls.Load() == 0 || b.calls.Load() == 0 {
			return fmt.Errorf("%d and %d calls", a.calls.Load(), b.calls.Load())
		}
		return nil
	})
}

func TestNonsenseInTheConfigIsRefused(t *testing.T) {
	a, _ := serve(t, "a", "", nil)
	for _, cfg := range []balancer.Config{
		{Policy: "random"}, {ZoneShare: 2}, {MaxEjected: -1}, {SlowFactor: 0.5}, {Consecutive: -1}, {TrialCalls: -1},
		{SlowFactor: math.NaN()}, {Interval: -1}, {Window: -1}, {BaseEjection: -1}, {ProbeTimeout: -1},
	} {
		if _, err := grpc.NewClient("passthrough:///"+a.endpoint.Addr, grpc.WithDefaultServiceConfig(cfg.ServiceConfig())); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}
