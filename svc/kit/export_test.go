package kit

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/gctl-dev/gctl/discovery/balancer"
	"github.com/gctl-dev/gctl/svc/kit/auth"
	"github.com/gctl-dev/gctl/svc/kit/breaker"
	"github.com/gctl-dev/gctl/svc/kit/fault"
	"github.com/gctl-dev/gctl/svc/kit/limit"
)

// What tests look at behind the back of the server.

func (s *Server) MetricsAddr() string      { return s.metricsAddr.String() }
func (s *Server) Breakers() *breaker.Set   { return s.parts.breakers }
func (s *Server) Limits() *limit.Set       { return s.parts.limits }
func (s *Server) Faults() *fault.Set       { return s.parts.faults }
func (s *Server) Level() *slog.LevelVar    { return s.parts.telemetry.Level() }
func (o *Options) Judge(b breaker.Options) { o.breaker = b }
func (s *Server) CloseListener() error     { return s.listener.Close() }

// LogInstance writes down an event of the balancer.
func (s *Server) LogInstance(target string, e balancer.Event) { s.logInstance(target, e) }

// NewInstances returns the metrics of the instances of a target.
func NewInstances(target string, status func() []balancer.Status) prometheus.Collector {
	return newInstances(target, status)
}

// Outward returns the credentials of connections to others.
func (s *Server) Outward() credentials.TransportCredentials { return s.outward(nil) }

// ChainBehind returns the chain with this guard in its place.
func (s *Server) ChainBehind(g *auth.Guard) []grpc.ServerOption { return s.chain(g, &s.calls) }

// RunWith runs the server with signals of the test's.
func (s *Server) RunWith(ctx context.Context, signals <-chan os.Signal) error {
	return s.run(ctx, signals)
}

// RunTo runs the program with its output to the writers.
func (a *App) RunTo(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return a.run(ctx, args, stdout, stderr)
}

// MainTo is Main with its output to the writers.
func (a *App) MainTo(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return a.main(ctx, args, stdout, stderr)
}
