package consul

import (
	"context"
	"time"
)

// announceEvery is how often Announce looks whether the agent still knows a
// process without a check. Agents forget when they are replaced.
const announceEvery = 10 * time.Second

// every is how often Announce turns to the agent: at a third of the TTL, or as
// often as the agent checks, so that a process that was forgotten is missed for
// about as long as one that does not answer.
func (ch *Check) every() time.Duration {
	switch ch.Kind {
	case TTLCheck:
		return ch.ttl() / 3
	case GRPCCheck:
		return min(announceEvery, ch.interval())
	default:
		return announceEvery
	}
}

// Announce registers a process and keeps it registered until ctx ends, whatever
// happens to the agent in between: it may be down at first, or be replaced by one
// that knows nothing. A TTL check is kept alive at a third of its TTL; with a gRPC
// check the agent is asked at its interval whether it still knows the process. Each
// attempt's result is passed to report, nil for a success.
//
// At its end the process stays registered, because what comes first at a
// shutdown is the server's own decision: call Deregister.
func (c *Client) Announce(ctx context.Context, r Registration, report func(error)) {
	every := r.Check.every()
	registered := false
	failures := watch{}
	for ctx.Err() == nil {
		err := c.announceOnce(ctx, r, registered)
		if ctx.Err() != nil {
			return
		}
		report(err)
		if err != nil {
			registered = registered && !unknownToAgent(err)
			failures.failures++
			sleep(ctx, min(every, failures.pause()))
			continue
		}
		registered, failures.failures = true, 0
		sleep(ctx, every)
	}
}

// announceOnce registers where that is to be done, and reports in.
func (c *Client) announceOnce(ctx context.Context, r Registration, registered bool) error {
	if !registered {
		if err := c.Register(ctx, r); err != nil {
			return err
		}
	}
	if r.Check.Kind != TTLCheck {
		if !registered {
			return nil
		}
		_, err := c.get(ctx, "/v1/agent/service/"+r.id(), nil, c.cfg.Timeout, nothing)
		return err
	}
	var unhealthy error
	if r.Check.Healthy != nil {
		unhealthy = r.Check.Healthy(ctx)
	}
	return c.Report(ctx, r.id(), unhealthy)
}
