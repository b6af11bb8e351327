package commands

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc"
)

// contextProber asks the instances of the context for their health, as the context
// says that they are reached. It is opened when somebody is asked. What plainly
// speaks another protocol is no instance in trouble: its health is unknown.
type contextProber struct {
	f *Factory

	mu      sync.Mutex
	prober  fleet.Prober
	opened  time.Time
	opening *opening // nil unless it is under way
}

// opening is a prober that is being opened, for all who ask meanwhile.
type opening struct {
	done   chan struct{}
	prober fleet.Prober
	err    error
}

// openFor bounds an opening, of which the command that prints a token is the longest
// part.
const openFor = authTimeout + 5*time.Second

// proberFor is how long a prober is used: the credentials that it has run out.
const proberFor = 5 * time.Minute

// NewProber returns what asks the instances of the context for their health.
// Nothing is opened before somebody is asked.
func NewProber(f *Factory) fleet.Prober { return &contextProber{f: f} }

// open returns the prober as soon as ctx allows. One that is old will do meanwhile,
// unless it is to be fresh. Opening ends with nobody's patience: all wait for the same.
func (c *contextProber) open(ctx context.Context, fresh bool) (fleet.Prober, error) {
	c.mu.Lock()
	old := c.prober
	if old != nil && c.f.Now().Sub(c.opened) < proberFor {
		c.mu.Unlock()
		return old, nil
	}
	o := c.opening
	if o == nil {
		o = &opening{done: make(chan struct{})}
		c.opening = o
		go c.reopen(context.WithoutCancel(ctx), o)
	}
	c.mu.Unlock()
	if old != nil && !fresh {
		return old, nil
	}
	select {
	case <-o.done:
		return o.prober, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (c *contextProber) reopen(ctx context.Context, o *opening) {
	ctx, cancel := context.WithTimeout(ctx, openFor)
	defer cancel()
	h := &healthOptions{f: c.f, unimplemented: "unhealthy"}
	h.conn.register(pflag.NewFlagSet("", pflag.ContinueOnError))
	now := c.f.Now()
	if o.err = h.prepare(ctx); o.err == nil {
		o.prober = h.prober
	}
	c.mu.Lock()
	c.prober, c.opened, c.opening = o.prober, now, nil // the next one tries again where it failed
	c.mu.Unlock()
	close(o.done)
}

// Ready opens what is needed to ask, and tells why that cannot be.
func (c *contextProber) Ready(ctx context.Context) error {
	_, err := c.open(ctx, true)
	return err
}

func unasked(in fleet.Instance, name string, err error) fleet.Health {
	return fleet.Health{Instance: in, Name: name, State: fleet.UnknownHealth, Err: err}
}

// Health implements fleet.Prober.
func (c *contextProber) Health(ctx context.Context, in fleet.Instance, name string) fleet.Health {
	p, err := c.open(ctx, false)
	if err != nil {
		return unasked(in, name, err)
	}
	return judged(in, p.Health(ctx, in, name))
}

// judged is a health of which it is not held against an instance that it speaks
// another protocol.
func judged(in fleet.Instance, h fleet.Health) fleet.Health {
	var ce *rpc.ConnectError
	if h.State == fleet.Unreachable && errors.As(h.Err, &ce) && speaksOther(ce.Cause) && !in.GRPC && in.Meta[fleet.MetaGRPCServices] == "" {
		h.State = fleet.UnknownHealth
	}
	return h
}

// HealthList implements fleet.Prober.
func (c *contextProber) HealthList(ctx context.Context, in fleet.Instance) []fleet.Health {
	p, err := c.open(ctx, false)
	if err != nil {
		return []fleet.Health{unasked(in, "", err)}
	}
	return p.HealthList(ctx, in)
}

// WatchHealth implements fleet.Prober. A watch begins anew before its credentials
// may have run out, each at another time.
func (c *contextProber) WatchHealth(ctx context.Context, in fleet.Instance, name string, notify func(fleet.Health)) error {
	for {
		p, err := c.open(ctx, true)
		if err != nil {
			return err
		}
		limited, cancel := context.WithCancel(ctx)                      // no deadline: what ends by one is told
		over := time.AfterFunc(proberFor/2+rand.N(proberFor/2), cancel) //nolint:gosec // no secret
		err = p.WatchHealth(limited, in, name, func(h fleet.Health) { notify(judged(in, h)) })
		ended := limited.Err() != nil
		over.Stop()
		cancel()
		if ctx.Err() != nil || !ended {
			return err
		}
	}
}
