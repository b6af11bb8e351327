package balancer_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/balancer"
)

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		beServer()
		return
	}
	balancer.Register()
	balancer.Register() // does no harm
	goleak.VerifyTestMain(m)
}

// asServer makes the test's own program a server.
const asServer = "BALANCER_TEST_SERVER"

// beServer serves until stdin ends, which it does with the test.
func beServer() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	b := &backend{health: health.NewServer()}
	b.do(fine)
	s := b.server()
	fmt.Println(l.Addr())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); s.Stop() }()
	_ = s.Serve(l)
}

// backend is a server whose calls do what the test says.
type backend struct {
	endpoint discovery.Endpoint
	health   *health.Server
	calls    atomic.Int64
	conns    atomic.Int64
	listener *stoppable
	handle   atomic.Pointer[func(context.Context) error]
}

func (b *backend) do(f func(context.Context) error) { b.handle.Store(&f) }

func fine(context.Context) error { return nil }

// serve starts a server at addr, any free one if empty, until the test ends.
func serve(t testing.TB, id, addr string, meta map[string]string) (b *backend, stop func()) {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	b = &backend{health: health.NewServer()}
	b.listener = &stoppable{Listener: l, owner: b}
	b.endpoint = discovery.Endpoint{ID: id, Addr: l.Addr().String(), Status: discovery.Passing, Meta: meta}
	b.do(fine)
	s := b.server()
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(b.listener) }()
	stop = sync.OnceFunc(func() { b.listener.set(false); s.Stop(); <-done })
	t.Cleanup(stop)
	return b, stop
}

func (b *backend) server() *grpc.Server {
	s := grpc.NewServer()
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Test", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Get", Handler: b.get}},
		Streams: []grpc.StreamDesc{{StreamName: "Watch", Handler: b.watch, ServerStreams: true}},
	}, b)
	healthpb.RegisterHealthServer(s, b.health)
	return s
}

//nolint:revive // the order is grpc-go's
func (b *backend) get(_ any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	b.calls.Add(1)
	if err := dec(&emptypb.Empty{}); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, (*b.handle.Load())(ctx)
}

func (b *backend) watch(_ any, s grpc.ServerStream) error {
	b.calls.Add(1)
	if err := s.SendMsg(&emptypb.Empty{}); err != nil {
		return err
	}
	return (*b.handle.Load())(s.Context())
}

// stoppable is a listener whose connections can be made to deliver nothing, as
// those of a process that got SIGSTOP.
type stoppable struct {
	net.Listener

	owner *backend
	mu    sync.Mutex
	gate  chan struct{} // nil while it delivers
}

func (l *stoppable) set(stopped bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case stopped && l.gate == nil:
		l.gate = make(chan struct{})
	case !stopped && l.gate != nil:
		close(l.gate)
		l.gate = nil
	}
}

func (l *stoppable) wait() {
	l.mu.Lock()
	gate := l.gate
	l.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

func (l *stoppable) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.owner.conns.Add(1)
	return &stoppableConn{c, l}, nil
}

type stoppableConn struct {
	net.Conn
	l *stoppable
}

func (c *stoppableConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.l.wait()
	return n, err
}

// registry is a Watcher that the test feeds.
type registry chan []discovery.Endpoint

func (r registry) Watch(ctx context.Context, _ string, notify func(discovery.Update)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case list := <-r:
			notify(discovery.Update{Endpoints: list})
		}
	}
}

func endpoints(backends ...*backend) []discovery.Endpoint {
	var list []discovery.Endpoint
	for _, b := range backends {
		list = append(list, b.endpoint)
	}
	return list
}

// client is a channel with the balancer and what it says.
type client struct {
	*grpc.ClientConn

	monitor *balancer.Monitor
	events  chan balancer.Event
	set     registry
}

func dial(t testing.TB, cfg balancer.Config, backends ...*backend) *client {
	t.Helper()
	c := &client{events: make(chan balancer.Event, 1000), set: make(registry)}
	c.monitor = &balancer.Monitor{OnEvent: func(e balancer.Event) { c.events <- e }}
	conn, err := grpc.NewClient("fleet:///test",
		grpc.WithResolvers(c.monitor.Resolver(discovery.NewResolver(c.set))),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(cfg.ServiceConfig()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		if s := c.monitor.Status(); s != nil {
			t.Errorf("after the end of the channel there is a status: %v", s)
		}
	})
	c.ClientConn = conn
	conn.Connect()
	c.set <- endpoints(backends...)
	c.awaitStatus(t, "all are connected", func(list []balancer.Status) bool {
		n := 0
		for _, s := range list {
			if s.State == balancer.InRotation {
				n++
			}
		}
		return n == len(backends)
	})
	return c
}

// awaitStatus polls until ok.
func (c *client) awaitStatus(t testing.TB, what string, ok func([]balancer.Status) bool) {
	t.Helper()
	eventually(t, what, func() error {
		if list := c.monitor.Status(); !ok(list) {
			return fmt.Errorf("the status is %+v", list)
		}
		return nil
	})
}

// limit is how long a test waits for what should happen at once: the machine may
// be busy with other things.
const limit = time.Minute

func eventually(t testing.TB, what string, ok func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// get makes one call and returns where it went.
func (c *client) get(ctx context.Context) (id string, err error) {
	ctx, call := balancer.WithCall(ctx, false)
	err = c.Invoke(ctx, "/test.Test/Get", &emptypb.Empty{}, &emptypb.Empty{})
	id, _ = call.Endpoint()
	return id, err
}

// event waits for the next change of an endpoint. On a busy machine others may
// have theirs.
func (c *client) event(t testing.TB, id string, state balancer.State) balancer.Event {
	t.Helper()
	e := c.change(t, id)
	if e.State != state {
		t.Fatalf("event = %+v, want that %s is %s", e, id, state)
	}
	return e
}

// becomes waits until an endpoint is in a state, whatever happens to it before.
func (c *client) becomes(t testing.TB, id string, state balancer.State) {
	t.Helper()
	for c.change(t, id).State != state {
	}
}

func (c *client) change(t testing.TB, id string) balancer.Event {
	t.Helper()
	timeout := time.After(limit)
	for {
		select {
		case e := <-c.events:
			if e.Endpoint == id {
				return e
			}
			t.Logf("another event: %+v", e)
		case <-timeout:
			t.Fatalf("nothing was said about %s; the status is %+v", id, c.monitor.Status())
		}
	}
}

// plain is a channel by a resolver that knows only addresses.
func plain(t testing.TB, serviceConfig string, backends ...*backend) *grpc.ClientConn {
	t.Helper()
	r := manual.NewBuilderWithScheme("plain")
	var list []resolver.Endpoint
	for _, b := range backends {
		list = append(list, resolver.Endpoint{Addresses: []resolver.Address{{Addr: b.endpoint.Addr}}})
	}
	r.InitialState(resolver.State{Endpoints: list})
	conn, err := grpc.NewClient("plain:///", grpc.WithResolvers(r),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(serviceConfig))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
