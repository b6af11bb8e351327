package kit

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// stopTimeout is how long calls in flight may take to end once new ones are
// refused.
const stopTimeout = 20 * time.Second

// cutTimeout is how long a cut waits for handlers to notice.
const cutTimeout = 500 * time.Millisecond

// Run serves until ctx ends or the process gets SIGTERM or an interrupt. Then
// it drains: health says NOT_SERVING, the instance leaves the catalog, clients
// get DrainWait to notice, new calls are refused and those in flight may end,
// and what is still open after 20 s is cut. A second signal cuts at once.
//
// The error is nil after a drain, however it ended, and otherwise says why the
// server could not serve.
func (s *Server) Run(ctx context.Context) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	return s.run(ctx, signals)
}

func (s *Server) run(ctx context.Context, signals <-chan os.Signal) error {
	for _, name := range s.services() {
		s.health.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(s.listener) }()
	leave, err := s.join(ctx)
	if err != nil {
		s.server.Stop()
		<-served
		return err
	}
	s.log.InfoContext(ctx, "serving", "address", s.Addr(), "tls", !s.options.Plaintext, "version", s.options.Version)
	select {
	case err := <-served:
		leave(ctx)
		return err
	case <-ctx.Done():
	case sig := <-signals:
		s.log.InfoContext(ctx, "draining", "signal", sig.String())
	}
	s.drain(context.WithoutCancel(ctx), leave, signals)
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	s.log.InfoContext(ctx, "stopped")
	return nil
}

// drain takes the server out of service step by step; a signal cuts it short.
func (s *Server) drain(ctx context.Context, leave func(context.Context), signals <-chan os.Signal) {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.health.Shutdown()
		leave(ctx)
		select {
		case <-time.After(s.options.DrainWait):
		case <-ctx.Done():
			return
		}
		close(s.stopping)
		s.server.GracefulStop()
	}()
	select {
	case <-done:
		return
	case <-signals:
	case <-time.After(leaveTimeout + s.options.DrainWait + stopTimeout):
		s.log.WarnContext(ctx, "calls are still open after the drain, cutting them")
	}
	cut()
	s.server.Stop()
	select { // a handler that ignores its context never lets a graceful stop end
	case <-done:
	case <-time.After(cutTimeout):
	}
}
