package probe

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc"
)

// Between two attempts to connect, with jitter.
const (
	backoffFirst = 200 * time.Millisecond
	backoffMost  = 10 * time.Second
)

// WatchHealth implements fleet.Prober. Where Watch is not served, Check is asked
// at every interval.
func (p *Prober) WatchHealth(ctx context.Context, in fleet.Instance, name string, notify func(fleet.Health)) error {
	w := &watch{p: p, in: in, name: name, notify: notify}
	wait := backoffFirst
	for ctx.Err() == nil {
		began := time.Now()
		lost := w.connection(ctx)
		if ctx.Err() != nil {
			break
		}
		if old := time.Since(began) >= p.interval; old && w.answered && lost.State == fleet.Unreachable {
			// Servers and proxies end old connections (MaxConnectionAge), and
			// whoever is well accepts the next at once. If not, it is told then.
			wait = backoffFirst
			continue
		}
		w.tell(lost)
		pause(ctx, time.Duration(float64(wait)*(0.5+rand.Float64()))) //nolint:gosec // no secret hangs on it
		if wait *= 2; w.answered {
			wait = backoffFirst
		}
		wait = min(wait, backoffMost)
	}
	return ctx.Err()
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// watch is a WatchHealth under way.
type watch struct {
	p        *Prober
	in       fleet.Instance
	name     string
	notify   func(fleet.Health)
	told     bool
	last     fleet.HealthState
	answered bool // something came over the present connection
}

// tell passes on what is new.
func (w *watch) tell(h fleet.Health) {
	if w.told && h.State == w.last {
		return
	}
	w.told, w.last = true, h.State
	w.notify(h)
}

func (w *watch) blank() fleet.Health {
	return blank(w.in, w.name, healthpb.Health_Watch_FullMethodName)
}

// connection connects, tells what comes, and returns how it ended.
func (w *watch) connection(ctx context.Context) fleet.Health {
	w.answered = false
	limited, cancel := context.WithTimeoutCause(ctx, w.p.timeout, errNoAnswer)
	defer cancel()
	conn, err := w.p.connect(limited, w.in)
	if err != nil {
		return w.p.failed(ctx, w.blank(), false, err)
	}
	defer conn.Close()
	lost, over := w.stream(ctx, conn)
	if over || ctx.Err() != nil {
		return lost
	}
	return w.poll(ctx, conn)
}

// event is what came over a stream.
type event struct {
	answer *healthpb.HealthCheckResponse
	err    error
}

// stream tells what Watch sends until the connection is lost; over is true. It is
// false where it is Watch that ended, or is not there at all. A stream says
// nothing while nothing changes, and nothing when the process stands still: at
// every interval it is asked whether it still answers.
func (w *watch) stream(ctx context.Context, conn *rpc.Conn) (lost fleet.Health, over bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := time.Now()
	stream, err := healthpb.NewHealthClient(conn).Watch(w.p.send(ctx, conn), &healthpb.HealthCheckRequest{Service: w.name})
	if err != nil {
		return w.p.failed(ctx, w.blank(), true, err), true
	}
	events := make(chan event)
	go func() {
		defer close(events)
		for {
			answer, err := stream.Recv()
			select {
			case events <- event{answer, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	defer func() { // the reader has ended when this returns
		cancel()
		for range events {
		}
	}()
	check := time.NewTimer(w.p.timeout) // of the first answer
	defer check.Stop()
	for {
		select {
		case e := <-events:
			h := w.blank()
			if e.err != nil {
				return w.p.failed(ctx, h, true, e.err), status.Code(e.err) == codes.Unavailable
			}
			if !w.answered {
				h.Latency = time.Since(began)
				check.Reset(w.spread())
			}
			w.answered = true
			w.tell(says(h, e.answer.GetStatus()))
		case <-check.C:
			h := w.check(ctx, conn)
			if dead(&h) || !w.answered { // or Check answers, and Watch says nothing
				return h, dead(&h)
			}
			check.Reset(w.spread())
		case <-ctx.Done():
			return w.p.failed(ctx, w.blank(), true, ctx.Err()), true
		}
	}
}

// spread is the interval, a little different each time: a fleet is not asked all
// at once.
func (w *watch) spread() time.Duration {
	return time.Duration(float64(w.p.interval) * (0.75 + rand.Float64()/2)) //nolint:gosec // no secret hangs on it
}

// dead tells that an instance no longer answers at all, whatever it would say.
func dead(h *fleet.Health) bool { return h.State == fleet.TimedOut || h.State == fleet.Unreachable }

func (w *watch) check(ctx context.Context, conn *rpc.Conn) fleet.Health {
	limited, cancel := context.WithTimeoutCause(ctx, w.p.timeout, errNoAnswer)
	defer cancel()
	return w.p.check(ctx, limited, conn, blank(w.in, w.name, healthpb.Health_Check_FullMethodName), time.Now())
}

// poll asks by Check at every interval until there is no answer.
func (w *watch) poll(ctx context.Context, conn *rpc.Conn) fleet.Health {
	for {
		h := w.check(ctx, conn)
		if ctx.Err() != nil || dead(&h) {
			return h
		}
		w.answered = true
		w.tell(h)
		pause(ctx, w.spread())
	}
}
