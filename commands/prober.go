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

	mu     sync.Mutex
	prober fleet.Prober
	opened time.Time
}

// proberFor is how long a prober is used: the credentials that it has run out.
const proberFor = 5 * time.Minute

// NewProber returns what asks the instances of the context for their health.
// Nothing is opened before somebody is asked.
func NewProber(f *Factory) fleet.Prober { return &contextProber{f: f} }

func (c *contextProber) open(ctx context.Context) (fleet.Prober, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.f.Now(); c.prober == nil || now.Sub(c.opened) >= proberFor {
		o := &healthOptions{f: c.f, unimplemented: "unhealthy"}
		o.conn.register(pflag.NewFlagSet("", pflag.ContinueOnError))
		if err := o.prepare(ctx); err != nil { // of this asker: the next one tries again
			return nil, err
		}
		c.prober, c.opened = o.prober, now
	}
	return c.prober, nil
}

func unasked(in fleet.Instance, name string, err error) fleet.Health {
	return fleet.Health{Instance: in, Name: name, State: fleet.UnknownHealth, Err: err}
}

// Health implements fleet.Prober.
func (c *contextProber) Health(ctx context.Context, in fleet.Instance, name string) fleet.Health {
	p, err := c.open(ctx)
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
	p, err := c.open(ctx)
	if err != nil {
		return []fleet.Health{unasked(in, "", err)}
	}
	return p.HealthList(ctx, in)
}

// WatchHealth implements fleet.Prober. A watch begins anew before its credentials
// may have run out, each at another time.
func (c *contextProber) WatchHealth(ctx context.Context, in fleet.Instance, name string, notify func(fleet.Health)) error {
	for {
		p, err := c.open(ctx)
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
