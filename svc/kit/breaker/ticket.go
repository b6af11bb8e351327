package breaker

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
)

// ticket is the leave of one call to pass.
type ticket struct {
	circuit *circuit
	done    func(error)   // nil where the call passed by override alone
	epoch   uint64        // of the breaker's state when the call passed
	since   time.Duration // since the set was made
	probe   bool          // one of circuit.probes, as long as it is there
	hurried bool
}

// admit lets a call pass, or returns the error that rejects it.
func (c *circuit) admit(ctx context.Context) (*ticket, error) {
	defer c.set.events.deliver()
	override := c.overridden()
	if override == ForcedOpen {
		return nil, c.rejection(Open, override)
	}
	now := time.Since(c.set.start)
	c.lastEvent.Store(int64(now))
	done, err := c.gate.Allow()
	if errors.Is(err, gobreaker.ErrTooManyRequests) && c.reclaim(now) {
		done, err = c.gate.Allow()
	}
	if err != nil && override != ForcedClosed {
		state := Open
		if errors.Is(err, gobreaker.ErrTooManyRequests) {
			state = HalfOpen
		}
		return nil, c.rejection(state, override)
	}
	state, epoch := c.at()
	t := &ticket{circuit: c, done: done, epoch: epoch, since: now, hurried: c.set.hurried(ctx, now)}
	if state == HalfOpen && done != nil {
		c.enter(t)
	}
	return t, nil
}

// enter makes a ticket a probe, unless the state has gone on meanwhile.
func (c *circuit) enter(t *ticket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, epoch := c.at(); epoch == t.epoch {
		t.probe = true
		c.probes[t] = struct{}{}
	}
}

// reclaim takes their places from probes that take too long, and tells whether
// there were any.
func (c *circuit) reclaim(now time.Duration) bool {
	var late []*ticket
	c.mu.Lock()
	for t := range c.probes {
		if now-t.since >= c.set.options.OpenFor {
			late = append(late, t)
			delete(c.probes, t)
		}
	}
	c.mu.Unlock()
	for _, t := range late {
		t.done(errIgnored)
	}
	return len(late) > 0
}

// claim takes a ticket from the probes, and tells whether it was one still.
// Whoever claims it tells gobreaker, which must hear of each call once.
func (c *circuit) claim(t *ticket, v verdict) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.probes[t]; !ok {
		return false
	}
	delete(c.probes, t)
	switch v {
	case success:
		c.probed.Requests++
		c.probed.TotalSuccesses++
	case failure:
		c.probed.Requests++
		c.probed.TotalFailures++
		c.probed.ConsecutiveFailures++
	default:
	}
	return true
}

// proved takes the first message of a stream as the success of a probe.
func (t *ticket) proved() {
	if t.probe && t.circuit.claim(t, success) {
		t.done(nil)
		t.circuit.set.events.deliver()
	}
}

// age returns how long the call has taken.
func (t *ticket) age() time.Duration { return time.Since(t.circuit.set.start) - t.since }

// settle judges a call at its end; err is what it ended with.
func (t *ticket) settle(v verdict, err error) {
	c := t.circuit
	defer c.set.events.deliver()
	c.results[v].Add(1)
	if v == failure {
		c.mu.Lock()
		c.lastError = describe(err)
		c.mu.Unlock()
	}
	state, epoch := c.at()
	window := c.set.options.Window
	age := t.age()
	c.lastEvent.Store(int64(t.since + age))
	switch {
	case t.done == nil:
	case t.probe && c.claim(t, v):
		t.done(v.err())
	case !t.probe && epoch == t.epoch && age < window-window/steps:
		t.done(v.err())
	case v != ignored && state == Closed:
		// gobreaker forgets calls that began before the window or the state:
		// what ends now counts now.
		if done, err := c.gate.Allow(); err == nil {
			done(v.err())
		}
	}
}
