package kit

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // clients may compress
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
)

// Limits on what a peer can ask for.
const (
	maxMessageBytes   = 4 << 20
	maxHeaderBytes    = 64 << 10
	maxStreams        = 1000             // open calls on one connection
	handshakeTimeout  = 10 * time.Second // TLS and HTTP/2 preface
	fastestClientPing = 10 * time.Second // grpc-go's clients cannot ping faster
)

// Options says what is served.
type Options struct {
	Config

	Service  string       // name in the catalog
	Version  string       // of the service, published in the catalog
	Log      *slog.Logger // slog.Default() if nil
	Listener net.Listener // serve on this one instead of Config.Listen
}

// Server is one gRPC server, listening and not yet serving. Register services
// with it as with a grpc.Server, then Run it.
type Server struct {
	options  Options
	server   *grpc.Server
	listener net.Listener
	health   *health.Server
	stopping chan struct{}
	log      *slog.Logger
}

// New checks the configuration, loads the certificates and binds the listening
// address, so that what is wrong with them is known before anything is served.
func New(ctx context.Context, options Options) (*Server, error) {
	if err := options.Check(); err != nil {
		return nil, err
	}
	transport, err := options.transport()
	if err != nil {
		return nil, err
	}
	listener := options.Listener
	if listener == nil {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", options.Listen)
		if err != nil {
			return nil, fmt.Errorf("--listen: %w", err)
		}
	}
	if options.Instance == "" {
		options.Instance = defaultInstance(options.Service, listener.Addr())
	}
	log := options.Log
	if log == nil {
		log = slog.Default()
	}
	guard := guard{log}
	s := &Server{
		options:  options,
		listener: listener,
		health:   health.NewServer(),
		stopping: make(chan struct{}),
		log:      log.With("instance", options.Instance),
		server: grpc.NewServer(
			grpc.Creds(transport),
			grpc.ChainUnaryInterceptor(guard.unary, validateUnary),
			grpc.ChainStreamInterceptor(guard.stream, validateStream),
			grpc.MaxRecvMsgSize(maxMessageBytes),
			grpc.MaxHeaderListSize(maxHeaderBytes),
			grpc.MaxConcurrentStreams(maxStreams),
			grpc.ConnectionTimeout(handshakeTimeout),
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: fastestClientPing, PermitWithoutStream: true}),
		),
	}
	healthpb.RegisterHealthServer(s.server, healthServer{s.health, s.stopping})
	reflection.Register(s.server)
	return s, nil
}

// RegisterService implements grpc.ServiceRegistrar.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.server.RegisterService(desc, impl)
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Stopping returns a channel that is closed when the server begins to refuse
// calls. A handler that would hold its stream open without end watches it and
// ends the stream with UNAVAILABLE, so that its client resumes elsewhere.
func (s *Server) Stopping() <-chan struct{} { return s.stopping }

// services returns the sorted names of the services that callers came for:
// all but health and reflection.
func (s *Server) services() []string {
	var names []string
	for name := range s.server.GetServiceInfo() {
		switch name {
		case "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection":
		default:
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
