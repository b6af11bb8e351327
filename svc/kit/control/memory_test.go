package control_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit/control"
	"github.com/gctl-dev/gctl/svc/kit/control/controltest"
	"github.com/gctl-dev/gctl/svc/kit/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	none = controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE
	open = controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN
	shut = controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_CLOSED
)

// breakers are breakers in memory.
type breakers struct {
	mu     sync.Mutex
	all    map[string]*controlv1.Breaker
	notify map[int]func(string)
	next   int
	moves  int
	refuse error // of Override
}

func newBreakers(names ...string) *breakers {
	b := &breakers{all: map[string]*controlv1.Breaker{}, notify: map[int]func(string){}}
	for _, name := range names {
		b.all[name] = &controlv1.Breaker{
			Name: name, Target: name[:4], MethodGroup: name[5:], State: controlv1.BreakerState_BREAKER_STATE_CLOSED,
			Override: none, Since: timestamppb.Now(), Counts: &controlv1.BreakerCounts{},
		}
	}
	return b
}

func (b *breakers) List() []*controlv1.Breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []*controlv1.Breaker{}
	for c := range maps.Values(b.all) {
		list = append(list, proto.CloneOf(c))
	}
	return list
}

func (b *breakers) Watch(notify func(string)) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	id := b.next
	b.notify[id] = notify
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.notify, id)
	}
}

// change changes a breaker and tells it with the lock held, as the rules allow.
func (b *breakers) change(name string, change func(*controlv1.Breaker)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b.all[name])
	for _, notify := range b.notify {
		notify(name)
	}
}

func (b *breakers) Override(name string, o controlv1.BreakerOverride) error {
	b.mu.Lock()
	refuse, same := b.refuse, b.all[name].GetOverride() == o
	b.mu.Unlock()
	if refuse != nil || same { // nothing to tell
		return refuse
	}
	b.change(name, func(c *controlv1.Breaker) { c.Override = o })
	return nil
}

func (b *breakers) refuseWith(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = err
}

func (b *breakers) trip(name string) {
	b.change(name, func(c *controlv1.Breaker) {
		b.moves++
		c.State, c.Since, c.NextProbe = controlv1.BreakerState_BREAKER_STATE_OPEN, timestamppb.Now(), timestamppb.Now()
		c.Trips++
		c.LastError = "UNAVAILABLE"
	})
}

func (b *breakers) override(name string) controlv1.BreakerOverride {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all[name].GetOverride()
}

func (b *breakers) watchers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.notify)
}

// limits are limits in memory.
type limits struct {
	mu  sync.Mutex
	all map[string]*controlv1.Limit
}

func configured() map[string]*controlv1.Limit {
	return map[string]*controlv1.Limit{
		"rate/default": {
			Name: "rate/default", Kind: controlv1.LimitKind_LIMIT_KIND_RATE, Methods: "*", Settings: &controlv1.LimitSettings{Rate: 100, Burst: 20},
		},
		"concurrency": {
			Name: "concurrency", Kind: controlv1.LimitKind_LIMIT_KIND_CONCURRENCY, Methods: "*",
			Settings: &controlv1.LimitSettings{MinConcurrency: 1, MaxConcurrency: 100},
		},
	}
}

func (l *limits) List() []*controlv1.Limit {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := []*controlv1.Limit{}
	for limit := range maps.Values(l.all) {
		list = append(list, proto.CloneOf(limit))
	}
	return list
}

func (l *limits) Set(name string, s *controlv1.LimitSettings) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[name].Settings = s
	return nil
}

func (l *limits) Reset(name string) error { return l.Set(name, configured()[name].GetSettings()) }

func (l *limits) settings(name string) *controlv1.LimitSettings {
	l.mu.Lock()
	defer l.mu.Unlock()
	return proto.CloneOf(l.all[name].GetSettings())
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// instance is a process with every part, in memory.
type instance struct {
	breakers *breakers
	limits   *limits
	level    *slog.LevelVar
	faults   *fault.Set
	log      *buffer
	stopping chan struct{}

	mu      sync.Mutex
	serving bool
	drains  int
	release chan struct{} // a drain waits for it before it stops
	wait    time.Duration // that clients get to notice
	ctx     context.Context
}

func newInstance() *instance {
	i := &instance{
		breakers: newBreakers("user/read", "user/write", "mail/send"), limits: &limits{all: configured()},
		level: new(slog.LevelVar), faults: fault.New(fault.Options{}), log: &buffer{}, stopping: make(chan struct{}),
		serving: true, release: make(chan struct{}),
	}
	close(i.release)
	return i
}

// services are those of serve, and one that nobody calls.
func services() map[string]grpc.ServiceInfo {
	with := func(names ...string) (info grpc.ServiceInfo) {
		for _, name := range names {
			info.Methods = append(info.Methods, grpc.MethodInfo{Name: name})
		}
		return info
	}
	return map[string]grpc.ServiceInfo{
		"test.Echo": with("Call"), "grpc.health.v1.Health": with("Check", "List", "Watch"), "a.B": with("C"),
	}
}

func (i *instance) options() control.Options {
	return control.Options{
		Breakers: i.breakers, Limits: i.limits, Level: i.level, Faults: i.faults, Services: services, Serving: i.setServing,
		Drain: i.drain, DrainDeadline: 20 * time.Second, Stopping: i.stopping,
		Log: slog.New(slog.NewTextHandler(i.log, &slog.HandlerOptions{Level: i.level})),
	}
}

func (i *instance) setServing(serving bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.serving = serving
}

func (i *instance) isServing() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.serving
}

func (i *instance) drain(ctx context.Context, deadline time.Duration, progress func(controlv1.DrainStep, int64, string)) {
	i.mu.Lock()
	i.drains++
	i.ctx = ctx
	i.mu.Unlock()
	i.setServing(false)
	progress(controlv1.DrainStep_DRAIN_STEP_NOT_SERVING, 3, "")
	progress(controlv1.DrainStep_DRAIN_STEP_DEREGISTERED, 3, "no catalog")
	select {
	case <-time.After(i.wait):
	case <-ctx.Done():
		return
	}
	progress(controlv1.DrainStep_DRAIN_STEP_PROPAGATED, 3, "")
	progress(controlv1.DrainStep_DRAIN_STEP_STOPPING, 2, deadline.String())
	select {
	case <-i.release:
	case <-ctx.Done():
		return
	}
	progress(controlv1.DrainStep_DRAIN_STEP_STOPPING, 1, "")
	progress(controlv1.DrainStep_DRAIN_STEP_STOPPED, 0, "")
	progress(controlv1.DrainStep_DRAIN_STEP_NOT_SERVING, 9, "out of order")
}

func (i *instance) drained() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.drains
}

// serve serves the control API, health and a service that faults can meet.
func serve(t *testing.T, options control.Options) (addr string) {
	t.Helper()
	s, err := control.New(options)
	if err != nil {
		t.Fatal(err)
	}
	faults := options.Faults
	if faults == nil {
		faults = fault.New(fault.Options{})
	}
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(faults.Unary), grpc.ChainStreamInterceptor(faults.Stream))
	s.Register(server)
	healthpb.RegisterHealthServer(server, health.NewServer())
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "test.Echo", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
		MethodName: "Call", Handler: func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			in := &emptypb.Empty{}
			if err := dec(in); err != nil {
				return nil, err
			}
			return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/test.Echo/Call"},
				func(context.Context, any) (any, error) { return &emptypb.Empty{}, nil })
		},
	}}}, struct{}{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		s.Close()
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func dial(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestConformance(t *testing.T) {
	controltest.Run(t, func(t *testing.T) controltest.Fixture {
		i := newInstance()
		i.wait = 200 * time.Millisecond
		addr := serve(t, i.options())
		own := dial(t, addr)
		t.Cleanup(func() { own.Close() })
		return controltest.Fixture{
			Dial: func(t *testing.T) *grpc.ClientConn { return dial(t, addr) }, Actor: "127.0.0.1",
			Breakers: &controltest.Breakers{
				Name: "user/read", Target: "user",
				Override: func() controlv1.BreakerOverride { return i.breakers.override("user/read") },
				Trip:     func() { i.breakers.trip("user/read") },
				Moves: func() int {
					i.breakers.mu.Lock()
					defer i.breakers.mu.Unlock()
					return i.breakers.moves
				},
			},
			Limits: &controltest.Limits{Rate: "rate/default", Concurrency: "concurrency", Settings: i.limits.settings},
			Faults: &controltest.Faults{
				Method: "test.Echo/Call", Other: "grpc.health.v1.Health/Watch",
				Call: func(ctx context.Context) error {
					return own.Invoke(ctx, "/test.Echo/Call", &emptypb.Empty{}, &emptypb.Empty{})
				},
				Health: func(ctx context.Context) error {
					_, err := healthpb.NewHealthClient(own).Check(ctx, &healthpb.HealthCheckRequest{})
					return err
				},
			},
			Level: i.level.Level, Serving: i.isServing, Drains: i.drained, Log: i.log.String,
			MaxChanges: control.DefaultMaxChanges,
			Stop:       sync.OnceFunc(func() { close(i.stopping) }),
		}
	})
}

// A server without any part keeps to the API too.
func TestConformanceOfNothing(t *testing.T) {
	controltest.Run(t, func(t *testing.T) controltest.Fixture {
		addr := serve(t, control.Options{Log: slog.New(slog.DiscardHandler)})
		return controltest.Fixture{Dial: func(t *testing.T) *grpc.ClientConn { return dial(t, addr) }, Actor: "127.0.0.1"}
	})
}
