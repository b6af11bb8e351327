// Package load puts real instances of a service under steady traffic and takes
// them away one after the other: what tests assert and benchmarks measure about
// restarts, kills and faults. Everything is on loopback.
package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Op is one call that traffic is made of.
type Op struct {
	Method     string
	Idempotent bool // by its schema: the client may repeat it
	Do         func(context.Context) error
}

// Call is what became of an Op.
type Call struct {
	Method     string
	Idempotent bool
	Start, End time.Time
	Err        error
}

// Failed tells whether the caller got anything but an answer.
func (c *Call) Failed() bool { return c.Err != nil }

// Code returns the status of the call.
func (c *Call) Code() codes.Code { return status.Code(c.Err) }

// Open tells whether the call was in flight at some moment from one to another.
func (c *Call) Open(from, to time.Time) bool { return !c.Start.After(to) && !c.End.Before(from) }

// Traffic is calls at a steady rate, which come whether or not those before them
// have ended.
type Traffic struct {
	stop  context.CancelFunc
	ended sync.WaitGroup
	open  atomic.Int64

	mu    sync.Mutex
	calls []Call
}

// Start begins to make rate calls a second, each given at most timeout; next
// returns them. It ends with Stop; that ctx ends cuts nothing short.
func Start(ctx context.Context, rate float64, timeout time.Duration, next func() Op) *Traffic {
	// A call that a context cuts is no failure of the service.
	calling := context.WithoutCancel(ctx)
	ctx, stop := context.WithCancel(calling)
	t := &Traffic{stop: stop}
	t.ended.Go(func() {
		began := time.Now()
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for made := 0; ; {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			for due := int(time.Since(began).Seconds() * rate); made < due; made++ {
				op := next()
				t.ended.Go(func() { t.call(calling, op, timeout) })
			}
		}
	})
	return t
}

func (t *Traffic) call(ctx context.Context, op Op, timeout time.Duration) {
	t.open.Add(1)
	defer t.open.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c := Call{Method: op.Method, Idempotent: op.Idempotent, Start: time.Now()}
	c.Err = op.Do(ctx)
	c.End = time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, c)
}

// InFlight returns how many calls are open now.
func (t *Traffic) InFlight() int { return int(t.open.Load()) }

// Done returns how many calls have ended.
func (t *Traffic) Done() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.calls)
}

// Stop makes no more calls, waits for those in flight, and returns all.
func (t *Traffic) Stop() []Call {
	t.stop()
	t.ended.Wait()
	return t.calls
}

// Failures returns those that failed.
func Failures(calls []Call) []Call {
	var failed []Call
	for i := range calls {
		if calls[i].Failed() {
			failed = append(failed, calls[i])
		}
	}
	return failed
}
