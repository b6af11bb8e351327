package kit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // clients may compress

	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/svc/kit/auth"
	"github.com/gctl-dev/gctl/svc/kit/breaker"
	"github.com/gctl-dev/gctl/svc/kit/certs"
)

// Limits on what a peer can ask for.
const (
	maxMessageBytes   = 4 << 20
	maxHeaderBytes    = 64 << 10
	maxStreams        = 1000             // open calls on one connection
	handshakeTimeout  = 10 * time.Second // TLS and HTTP/2 preface
	fastestClientPing = 10 * time.Second // grpc-go's clients cannot ping faster
	pingAfter         = time.Minute      // a silent connection is asked whether it lives,
	pingTimeout       = 20 * time.Second // and closed without an answer
	maxConnectionAge  = 30 * time.Minute // then clients connect anew, and see new certificates and instances
	maxStreamAge      = 10 * time.Minute // of streams on a connection that is too old
)

// Options says what is served.
type Options struct {
	Config

	Service  string       // name in the catalog
	Version  string       // of the service, published in the catalog
	LogTo    io.Writer    // where the log goes; os.Stderr if nil
	Listener net.Listener // serve on this one instead of Config.Listen
	// ServerOptions are added to those of the server of the API.
	ServerOptions []grpc.ServerOption

	breaker breaker.Options // when breakers open and close; the defaults outside of tests
}

// Server is one gRPC server, listening and not yet serving. Register services
// with it as with a grpc.Server, then Run it.
type Server struct {
	options  Options
	log      *slog.Logger
	ready    *readiness
	stopping chan struct{}
	leaving  atomic.Bool  // clients should find another instance
	calls    atomic.Int64 // open ones, without those of health and reflection

	listener      net.Listener
	server        *grpc.Server
	adminListener net.Listener // nil without a control API, as is admin
	admin         *grpc.Server
	adminCalls    atomic.Int64
	adminStopping chan struct{} // closed when the control API stops
	metricsAddr   net.Addr      // nil without metrics
	fronts        []*front      // HTTP for users
	side          []*front      // HTTP for operators
	catalog       *consul.Client
	forwarded     []string // services of others

	serverCerts, clientCerts *certs.Source // nil in plaintext
	certs                    []*certs.Source

	callers, operators *auth.Guard // nil where nobody is asked who they are

	parts      parts
	drainAsked chan time.Duration // for calls in flight
	drained    *drainLog

	dependencies []dependency
	closers      closers
}

// New checks the configuration, loads the certificates and binds the listening
// addresses, so that what is wrong with them is known before anything is served.
// Whoever does not Run the server must Close it.
func New(ctx context.Context, options Options) (_ *Server, err error) {
	if err := options.Check(); err != nil {
		return nil, err
	}
	registerBalancer()
	options.DrainTimeout = cmp.Or(options.DrainTimeout, defaultDrainTimeout)
	s := &Server{
		options:    options,
		ready:      newReadiness(),
		stopping:   make(chan struct{}),
		drainAsked: make(chan time.Duration, 1),
		drained:    newDrainLog(),

		adminStopping: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.listen(ctx); err != nil {
		return nil, err
	}
	if err := errors.Join(s.loadCerts(), s.authenticate()); err != nil {
		return nil, err
	}
	if s.parts, err = s.newParts(ctx); err != nil {
		return nil, err
	}
	if options.Consul != "" {
		if _, err := options.advertised(s.Addr()); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUsage, err)
		}
		if s.catalog, err = consul.New(consul.Config{Address: options.Consul}); err != nil {
			return nil, fmt.Errorf("--consul: %w", err)
		}
		s.OnStop(func() error { s.catalog.Close(); return nil })
	}
	s.server = s.newAPI()
	return s, s.newSide(ctx)
}

// listen binds the addresses of the API and of the control API, whose ports name
// the instance and stand in the catalog.
func (s *Server) listen(ctx context.Context) (err error) {
	bind := func(flag, addr string) (net.Listener, error) {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		s.OnStop(func() error { return closed(l.Close()) })
		return l, nil
	}
	if s.listener = s.options.Listener; s.listener == nil {
		if s.listener, err = bind("--listen", s.options.Listen); err != nil {
			return err
		}
	}
	if s.options.Instance == "" {
		s.options.Instance = defaultInstance(s.options.Service, s.listener.Addr())
	}
	if s.options.AdminListen != "" {
		s.adminListener, err = bind("--admin-listen", s.options.AdminListen)
	}
	return err
}

// closed forgives what was closed already.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// RegisterService implements grpc.ServiceRegistrar.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.server.RegisterService(desc, impl)
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// AdminAddr returns the host:port of the control API, "" where there is none.
func (s *Server) AdminAddr() string {
	if s.adminListener == nil {
		return ""
	}
	return s.adminListener.Addr().String()
}

// Log returns the server's log.
func (s *Server) Log() *slog.Logger { return s.log }

// TracerProvider returns where spans of the service belong. Without a collector
// of traces they are not recorded.
func (s *Server) TracerProvider() trace.TracerProvider { return s.parts.telemetry.TracerProvider() }

// CallerHeader returns the metadata key of Config.CallerHeader. A server that
// passes calls on sends none of its callers' own in it, but what Caller says.
func (s *Server) CallerHeader() string { return s.options.CallerHeader }

// Caller returns whom a call is for, by the context of its handler: whom one of
// Config.TrustCallers names, else the identity in the certificate that was
// verified, or "" without one.
func (s *Server) Caller(ctx context.Context) string { return s.parts.limits.Caller(ctx) }

// checkCallers keeps a header from being read of which nobody is believed. What
// passes calls on may have one all the same: it writes it.
func (s *Server) checkCallers() error {
	if s.options.CallerHeader == "" || len(s.options.TrustCallers) > 0 || len(s.forwarded) > 0 {
		return nil
	}
	return fmt.Errorf("%w: --caller-header needs --trust-caller: who may choose a name may choose a new one for every call", ErrUsage)
}

// Stopping returns a channel that is closed when the server begins to refuse
// calls. A handler that would hold its stream open without end watches it and
// ends the stream with UNAVAILABLE, so that its client resumes elsewhere.
func (s *Server) Stopping() <-chan struct{} { return s.stopping }

// DependOn makes the health NOT_SERVING while check fails, which is called every
// second with a context that ends after two. Call it before Run.
func (s *Server) DependOn(name string, check func(context.Context) error) {
	s.dependencies = append(s.dependencies, dependency{name, check})
}

// OnStop has f called once the server has stopped, the last one first, or at once
// where that is over. It may be called at any time, by any goroutine.
func (s *Server) OnStop(f func() error) {
	if s.closers.add(f) {
		return
	}
	if err := f(); err != nil {
		s.log.Warn("closing what was opened after the end", "error", err)
	}
}

// Close releases what New and OnStop opened. Run does it at its end.
func (s *Server) Close() error { return s.closers.close() }

// services returns the sorted names of the services that callers came for:
// all but health and reflection.
func (s *Server) services() []string {
	var names []string
	for name := range s.server.GetServiceInfo() {
		if !beside(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func defaultInstance(service string, addr net.Addr) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(addr.String())
	return service + "-" + host + "-" + port
}

// beside tells whether a service is there for operators, beside what callers came
// for.
func beside(service string) bool {
	switch service {
	case "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
		"grpc.channelz.v1.Channelz", "gctl.control.v1.ControlService":
		return true
	default:
		return false
	}
}
