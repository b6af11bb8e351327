package kit

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
)

// Run serves until ctx ends, the process gets SIGTERM or an interrupt, or the
// control API asks for a drain. Then it drains: health says NOT_SERVING, the
// instance leaves the catalog, clients get DrainWait to notice, new calls are
// refused and those in flight may end, and what is still open after DrainTimeout
// is cut. What was given to OnStop is closed at the end. A drain that a listener
// which failed or the control API began is joined by the first signal. A second
// signal cuts at once: calls get half a second to notice, the control API's last
// answers and what is to be closed as much, so that Run returns within two seconds.
// The same signal again within 300 ms is one with the first: some tools signal a
// process and then its group.
//
// The error is nil after a drain, however it ended, and otherwise says why the
// server could not serve.
func (s *Server) Run(ctx context.Context) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	return s.run(ctx, signals)
}

func (s *Server) run(ctx context.Context, come <-chan os.Signal) (err error) {
	signals := &signals{come: come, log: s.log}
	defer func() { err = errors.Join(err, s.closeAll(ctx, signals)) }()
	r := s.start(ctx)
	leave, err := s.join(ctx)
	if err == nil {
		s.logServing(ctx)
		timeout := s.options.DrainTimeout
		select {
		case err = <-r.failed:
			s.log.ErrorContext(ctx, "draining: something ceased to serve", "error", err)
		case <-ctx.Done():
		case first := <-come:
			signals.begin(first)
			s.log.InfoContext(ctx, "draining", "signal", first.String())
		case timeout = <-s.drainAsked:
			s.log.InfoContext(ctx, "draining on demand of the control API")
		}
		s.drain(context.WithoutCancel(ctx), leave, timeout, signals)
	}
	err = errors.Join(err, r.stop(s))
	if err == nil {
		s.log.InfoContext(ctx, "stopped")
	}
	return err
}

// running is what runs beside and under Run.
type running struct {
	goroutines sync.WaitGroup
	failed     chan error // why something stopped serving that should not
	end        context.CancelFunc
}

// start begins to serve on all listeners and to watch what is to be watched.
func (s *Server) start(ctx context.Context) *running {
	// What runs beside the calls ends after them, not with ctx.
	beside, end := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{failed: make(chan error, 2+len(s.fronts)+len(s.side)), end: end}
	for _, d := range s.dependencies {
		s.look(ctx, d)
		r.goroutines.Go(func() { s.watch(beside, d) })
	}
	for _, files := range s.certs {
		r.goroutines.Go(func() { s.watchCerts(beside, files) })
	}
	if s.options.TLSCRL != "" {
		r.goroutines.Go(func() { s.watchCRLs(beside, s.serverCerts) })
	}
	s.ready.start(s.services())
	r.serve(func() error { return s.server.Serve(s.listener) })
	if s.admin != nil {
		r.serve(func() error { return s.admin.Serve(s.adminListener) })
	}
	for _, h := range append(s.fronts, s.side...) {
		r.serve(h.serve)
	}
	return r
}

func (r *running) serve(f func() error) {
	r.goroutines.Go(func() {
		if err := f(); err != nil && !errors.Is(err, grpc.ErrServerStopped) && !errors.Is(err, http.ErrServerClosed) {
			r.failed <- err
		}
	})
}

// stop ends what still serves: the metrics and the control API have shown the
// drain to its end.
func (r *running) stop(s *Server) error {
	s.server.Stop()
	for _, h := range append(s.fronts, s.side...) {
		_ = h.server.Close() // what it could say comes from serve
	}
	if s.admin != nil {
		s.stopAdmin()
	}
	r.end()
	r.goroutines.Wait()
	select {
	case err := <-r.failed:
		return err
	default:
		return nil
	}
}

// stopAdmin ends the control API once its last answers are out.
func (s *Server) stopAdmin() {
	close(s.adminStopping)
	graceful := make(chan struct{})
	go func() {
		defer close(graceful)
		s.admin.GracefulStop()
	}()
	select {
	case <-graceful:
	case <-time.After(cutTimeout):
		s.admin.Stop()
		<-graceful
	}
}

func (s *Server) logServing(ctx context.Context) {
	attrs := []any{"address", s.Addr(), "plaintext", s.options.Plaintext, "version", s.options.Version}
	if s.adminListener != nil {
		attrs = append(attrs, "admin_address", s.adminListener.Addr().String())
	}
	if s.metricsAddr != nil {
		attrs = append(attrs, "metrics_address", s.metricsAddr.String())
	}
	for _, f := range s.fronts {
		attrs = append(attrs, "http_address", f.listener.Addr().String())
	}
	s.log.InfoContext(ctx, "serving", attrs...)
}
