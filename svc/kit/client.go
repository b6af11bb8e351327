package kit

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/balancer"
	"github.com/gctl-dev/gctl/svc/kit/deadline"
	"github.com/gctl-dev/gctl/svc/kit/retry"
	"github.com/gctl-dev/gctl/svc/kit/telemetry"
)

// registerBalancer puts the balancer into grpc-go's registry, which is one for
// the whole process.
var registerBalancer = sync.OnceFunc(balancer.Register)

// Target says what is called.
type Target struct {
	// Service is its name, in the catalog, in certificates, and of its breakers.
	Service string
	// Addrs are its instances, each host:port, where they do not come from the
	// catalog.
	Addrs []string
	// Identities are those that its certificates may have (see package identity),
	// instead of its name: for instances that are known by SPIFFE IDs.
	Identities []string
	// Required says that the server can answer nothing without the target: it is
	// not ready until an instance was reached once.
	Required bool
	// Keys names, by full method ("/package.Service/Method"), the field of the
	// request that holds an idempotency key: calls with one may be repeated.
	Keys map[string]string
	// Options are added to those of the connection.
	Options []grpc.DialOption
}

// Dial returns a connection to another service: its instances come from the
// catalog, or from the target; calls go to the less busy of those that are well,
// of the own zone first, and pass these interceptors, from outside: deadline (what
// is left of that of the call being served, or a default), retry (of idempotent
// calls, under one budget), breaker. Metrics and spans are of each attempt. It is
// closed with the server.
func (s *Server) Dial(target Target) (*grpc.ClientConn, error) {
	watcher, err := s.watcher(target)
	if err != nil {
		return nil, err
	}
	monitor := &balancer.Monitor{}
	instances := newInstances(target.Service, monitor.Status)
	monitor.OnEvent = func(e balancer.Event) {
		instances.count(e)
		s.logInstance(target.Service, e)
	}
	retrier := retry.New(target.Service, retry.Options{Keys: target.Keys})
	for _, metrics := range []prometheus.Collector{retrier, instances} {
		if err := s.parts.telemetry.Registry().Register(metrics); err != nil {
			return nil, fmt.Errorf("a second connection to %s: %w", target.Service, err)
		}
	}
	options := append(s.parts.telemetry.DialOptions(telemetry.Client{Target: target.Service, Instance: (&directory{monitor: monitor}).instance}),
		grpc.WithTransportCredentials(s.outward(target.Identities)),
		grpc.WithResolvers(monitor.Resolver(discovery.NewResolver(watcher))),
		grpc.WithDefaultServiceConfig(balancer.Config{Zone: s.options.Zone}.ServiceConfig()),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(), // grpc-go's own is by service config; ours has one budget
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)),
		grpc.WithChainUnaryInterceptor(deadline.UnaryClientInterceptor(deadline.Options{}), retrier.UnaryClientInterceptor(),
			s.parts.breakers.UnaryClientInterceptor(target.Service), callUnary),
		grpc.WithChainStreamInterceptor(deadline.StreamClientInterceptor(deadline.Options{}), retrier.StreamClientInterceptor(),
			s.parts.breakers.StreamClientInterceptor(target.Service), callStream),
	)
	conn, err := grpc.NewClient(discovery.Scheme+":///"+target.Service, append(options, target.Options...)...)
	if err != nil {
		return nil, err
	}
	s.OnStop(conn.Close)
	reached := &reached{server: s, service: target.Service, conn: conn, monitor: monitor}
	if target.Required {
		s.DependOn(target.Service, reached.check)
	}
	return conn, nil
}

// firstContact is how long a required target has to be reached before the server
// starts, and says that it is not ready.
const firstContact = 500 * time.Millisecond

// reached watches whether a target can be reached. A server that never could is
// not ready. One that could once stays so: its callers learn from each call what
// is wrong, and if every caller of a service that is down went down too, there
// would be nobody left to say so.
type reached struct {
	server  *Server
	service string
	conn    *grpc.ClientConn
	monitor *balancer.Monitor

	once bool
	now  bool
}

// check is called by one goroutine, once a second.
func (r *reached) check(ctx context.Context) error {
	r.conn.Connect() // out of idleness, where nobody calls
	if !r.once {
		r.await(ctx)
	}
	was := r.now
	r.now = slices.ContainsFunc(r.monitor.Status(), func(e balancer.Status) bool { return e.State != balancer.Disconnected })
	switch {
	case r.now && !was:
		r.server.log.InfoContext(ctx, "target is reached", "target", r.service)
	case was && !r.now:
		r.server.log.ErrorContext(ctx, "no instance of the target is reached", "target", r.service)
	}
	if r.once = r.once || r.now; !r.once {
		return fmt.Errorf("no instance of %s was reached so far", r.service)
	}
	return nil
}

// await gives a first connection the moment that it usually takes.
func (r *reached) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, firstContact)
	defer cancel()
	for state := r.conn.GetState(); state != connectivity.Ready; state = r.conn.GetState() {
		if !r.conn.WaitForStateChange(ctx, state) {
			return
		}
	}
}

// watcher returns who knows the instances of the target.
func (s *Server) watcher(t Target) (discovery.Watcher, error) {
	switch {
	case len(t.Addrs) > 0:
		for _, addr := range t.Addrs {
			if err := checkDialed(addr); err != nil {
				return nil, fmt.Errorf("%w: address of %s: %w", ErrUsage, t.Service, err)
			}
		}
		return fixed(t), nil
	case s.catalog == nil:
		return nil, fmt.Errorf("%w: where are the instances of %s? give --consul, or their addresses", ErrUsage, t.Service)
	default:
		return s.catalog, nil
	}
}

// fixed is a list of instances that never changes.
type fixed Target

// Watch implements discovery.Watcher.
func (f fixed) Watch(ctx context.Context, service string, notify func(discovery.Update)) error {
	var u discovery.Update
	for _, addr := range f.Addrs {
		u.Endpoints = append(u.Endpoints, discovery.Endpoint{ID: addr, Service: service, Addr: addr, Status: discovery.Passing})
	}
	notify(u)
	<-ctx.Done()
	return ctx.Err()
}

// logInstance writes down what the balancer decided about an instance.
func (s *Server) logInstance(service string, e balancer.Event) {
	level := slog.LevelInfo
	attrs := []any{
		"target", service, "endpoint", e.Endpoint, "endpoint_address", e.Addr,
		"reason", string(e.Reason), "detail", e.Detail, "ejections", e.Ejections,
	}
	if e.State == balancer.Ejected {
		level = slog.LevelWarn
		attrs = append(attrs, "until", e.Until)
	}
	s.log.Log(context.Background(), level, "instance "+string(e.State), attrs...)
}

// callUnary tells the balancer that a call is unary.
func callUnary(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx, _ = balancer.WithCall(ctx, false)
	return invoker(ctx, method, request, reply, cc, opts...)
}

// callStream tells the balancer that a call is a stream, whose length says nothing
// about the instance.
func callStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, _ = balancer.WithCall(ctx, true)
	return streamer(ctx, desc, cc, method, opts...)
}

// directory knows which instance is at which address. It asks the balancer once a
// second at most: it is asked for every call.
type directory struct {
	monitor *balancer.Monitor

	mu     sync.Mutex
	byAddr map[string]string
	read   time.Time
}

// instance returns the ID of the instance at addr, or "".
func (d *directory) instance(addr string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); now.Sub(d.read) > time.Second {
		d.read, d.byAddr = now, map[string]string{}
		for _, e := range d.monitor.Status() {
			d.byAddr[e.Addr] = e.Endpoint
		}
	}
	return d.byAddr[addr]
}
