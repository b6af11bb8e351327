package kit

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	channelz "google.golang.org/grpc/channelz/service"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/gctl-dev/gctl/svc/kit/auth"
	"github.com/gctl-dev/gctl/svc/kit/control"
	"github.com/gctl-dev/gctl/svc/kit/limit"
)

// bounds are what every gRPC server here refuses to exceed.
func bounds() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: fastestClientPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: pingAfter, Timeout: pingTimeout,
			MaxConnectionAge: maxConnectionAge, MaxConnectionAgeGrace: maxStreamAge,
		}),
	}
}

// newAPI returns the server of the API, with health and reflection.
func (s *Server) newAPI() *grpc.Server {
	options := append(bounds(), grpc.Creds(s.transport()))
	options = append(options, s.chain(s.callers, &s.calls)...)
	server := grpc.NewServer(append(options, s.options.ServerOptions...)...)
	healthpb.RegisterHealthServer(server, healthServer{s.ready.health, s.stopping})
	reflection.Register(server)
	return server
}

// authenticate reads who may call: those on the lists, or, where one is empty,
// whom the CA of the clients signed. Without such a CA nobody is asked.
func (s *Server) authenticate() (err error) {
	if s.options.TLSClientCA == "" {
		return nil
	}
	if s.callers, err = auth.Require(auth.Options{Allow: s.options.Allow}); err != nil {
		return fmt.Errorf("--allow: %w", err)
	}
	if s.operators, err = auth.Require(auth.Options{Allow: s.options.AdminAllow}); err != nil {
		return fmt.Errorf("--admin-allow: %w", err)
	}
	return nil
}

// chain returns the interceptors in their order; who may be nil. Tracing,
// request ID, metrics and access log come from a stats handler, which is outside
// of all interceptors.
func (s *Server) chain(who *auth.Guard, calls *atomic.Int64) []grpc.ServerOption {
	p := &s.parts
	g := newGuard(s.log, calls)
	deadline := limit.Deadline{Floor: s.options.DeadlineFloor, Max: limit.DefaultMax}
	unary := []grpc.UnaryServerInterceptor{g.unary}
	stream := []grpc.StreamServerInterceptor{g.stream, s.endReflection}
	if who != nil {
		unary, stream = append(unary, who.Unary), append(stream, who.Stream)
	}
	unary = append(unary, p.limits.UnaryRate, p.limits.UnaryConcurrency, deadline.Unary, p.faults.Unary, validateUnary)
	stream = append(stream, p.limits.StreamRate, p.limits.StreamConcurrency, deadline.Stream, p.faults.Stream, validateStream)
	return append(p.telemetry.ServerOptions(), grpc.ChainUnaryInterceptor(unary...), grpc.ChainStreamInterceptor(stream...))
}

// Chain returns the interceptors of the API, without authentication, for a gRPC
// server that is reached otherwise than by this one's listener: calls behind an
// HTTP front are limited, measured and logged as all others. They are counted as
// requests of that front.
func (s *Server) Chain() []grpc.ServerOption { return s.chain(nil, new(atomic.Int64)) }

// newSide makes the servers for operators: the control API and the metrics.
func (s *Server) newSide(ctx context.Context) error {
	if s.adminListener != nil {
		if err := s.newAdmin(); err != nil {
			return err
		}
	}
	if s.options.MetricsListen == "" {
		return nil
	}
	f, err := s.listenHTTP(ctx, s.options.MetricsListen, s.parts.telemetry.Server(nil, s.readyz))
	if err != nil {
		return fmt.Errorf("--metrics-listen: %w", err)
	}
	s.side = append(s.side, f)
	s.metricsAddr = f.listener.Addr()
	return nil
}

func (s *Server) newAdmin() error {
	api, err := control.New(control.Options{
		Breakers: breakers{s.parts.breakers},
		Limits:   limits{s.parts.limits},
		Level:    s.parts.telemetry.Level(),
		Faults:   s.parts.faults,
		Services: s.server.GetServiceInfo,
		Serving: func(serving bool) {
			cause := ""
			if !serving {
				cause = "it was taken out of traffic"
			}
			s.ready.set("control", cause)
		},
		Drain:         s.drainOnDemand,
		DrainDeadline: s.options.DrainTimeout,
		Stopping:      s.adminStopping,
		Log:           s.log,
	})
	if err != nil {
		return fmt.Errorf("control API: %w", err)
	}
	s.OnStop(func() error { api.Close(); return nil })
	g := newGuard(s.log, &s.adminCalls)
	unary := []grpc.UnaryServerInterceptor{g.unary}
	stream := []grpc.StreamServerInterceptor{g.stream, s.endReflection}
	if s.operators != nil {
		unary, stream = append(unary, s.operators.Unary), append(stream, s.operators.Stream)
	}
	options := append(bounds(), grpc.Creds(s.transport()), grpc.ChainUnaryInterceptor(unary...), grpc.ChainStreamInterceptor(stream...))
	s.admin = grpc.NewServer(options...)
	api.Register(s.admin)
	channelz.RegisterChannelzServiceToServer(s.admin)
	healthpb.RegisterHealthServer(s.admin, healthServer{s.ready.health, s.adminStopping})
	reflection.Register(s.admin)
	return nil
}

// addrOf returns the address of a listener, or nil.
func addrOf(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}
