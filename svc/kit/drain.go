package kit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// The steps of a drain, in order.
type drainStep int

const (
	notServing drainStep = iota + 1 // health says so
	deregistered
	propagated // clients had time to notice
	stopping   // new calls are refused
	stopped
)

const (
	// cutTimeout is how long a cut waits for handlers to notice.
	cutTimeout = 500 * time.Millisecond
	// closeTimeout is how long after a second signal is waited for what OnStop was
	// told to close.
	closeTimeout = 500 * time.Millisecond
)

// drainEvent is one step of a drain that was taken.
type drainEvent struct {
	step     drainStep
	inFlight int64
	problem  error
}

// drainLog is what a drain told so far, whoever asked for it, and whoever else
// wants to know.
type drainLog struct {
	mu     sync.Mutex
	events []drainEvent
	more   chan struct{} // closed by the next event
}

func newDrainLog() *drainLog { return &drainLog{more: make(chan struct{})} }

func (l *drainLog) add(e drainEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	close(l.more)
	l.more = make(chan struct{})
}

// follow tells every event from the first on, until the server has stopped or ctx
// ends.
func (l *drainLog) follow(ctx context.Context, tell func(drainEvent)) {
	for next := 0; ; {
		l.mu.Lock()
		events, more := l.events[next:], l.more
		l.mu.Unlock()
		for _, e := range events {
			tell(e)
			if e.step == stopped {
				return
			}
		}
		next += len(events)
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

// drain takes the server out of service step by step. A second signal cuts it
// short.
func (s *Server) drain(ctx context.Context, leave func(context.Context) error, timeout time.Duration, signals *signals) {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.drainSteps(ctx, leave, timeout)
	}()
	if !signals.second(done) {
		return
	}
	s.log.WarnContext(ctx, "second signal: stopping at once")
	cut()
	s.cut(done)
	s.drained.add(drainEvent{stopped, s.calls.Load(), errors.New("a second signal cut it short")})
}

// closeAll is Close, which is given up soon after a second signal: the process
// ends, and what is lost is the last spans, or what a closer hangs on.
func (s *Server) closeAll(ctx context.Context, signals *signals) error {
	closed := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		closed <- s.Close()
	}()
	if signals.second(done) {
		select {
		case <-done:
		case <-time.After(closeTimeout):
			s.log.WarnContext(ctx, "second signal: not everything was closed in time")
			return nil
		}
	}
	return <-closed
}

func (s *Server) drainSteps(ctx context.Context, leave func(context.Context) error, timeout time.Duration) {
	tell := func(step drainStep, problem error) { s.drained.add(drainEvent{step, s.calls.Load(), problem}) }
	s.ready.shutdown()
	tell(notServing, nil)
	tell(deregistered, leave(ctx))
	s.leaving.Store(true)
	select {
	case <-time.After(s.options.DrainWait):
	case <-ctx.Done():
		return
	}
	tell(propagated, nil)
	close(s.stopping)
	tell(stopping, nil)
	problem := s.stopGracefully(ctx, timeout)
	if ctx.Err() != nil {
		return // cut, which is told by who did it
	}
	if problem != nil {
		s.log.WarnContext(ctx, "drain", "error", problem)
	}
	tell(stopped, problem)
}

// stopGracefully refuses new calls and lets those in flight end, up to timeout.
func (s *Server) stopGracefully(ctx context.Context, timeout time.Duration) error {
	graceful := make(chan struct{})
	go func() {
		defer close(graceful)
		s.stopAll(ctx)
	}()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	select {
	case <-graceful:
		return nil
	case <-ctx.Done():
		return nil // the cut is under way
	case <-deadline.C:
		open := s.calls.Load()
		s.cut(graceful)
		return fmt.Errorf("the time for calls in flight was over: %d were cut", open)
	}
}

// stopAll stops the API and the HTTP servers for users, gracefully.
func (s *Server) stopAll(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(s.server.GracefulStop)
	for _, f := range s.fronts {
		all.Go(func() { _ = f.server.Shutdown(ctx) }) // its error is that of ctx: the cut
	}
	all.Wait()
}

// cut closes all connections and waits a moment for the handlers to notice: one
// that ignores its context never lets a graceful stop end.
func (s *Server) cut(graceful <-chan struct{}) {
	s.server.Stop()
	for _, f := range s.fronts {
		_ = f.server.Close() // there is nothing left to lose
	}
	select {
	case <-graceful:
	case <-time.After(cutTimeout):
	}
}
