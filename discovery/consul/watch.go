package consul

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/discovery"
)

// The pauses of a watch.
const (
	firstPause = 250 * time.Millisecond // after the first failure; doubled after each further one
	longPause  = 15 * time.Second       // at most, before jitter
	minRound   = 100 * time.Millisecond // between two answers, so that a busy catalog cannot keep us spinning
)

// Watch implements discovery.Watcher by blocking queries on one service. It
// holds one connection; Consul allows one client address 200 of them.
func (c *Client) Watch(ctx context.Context, service string, notify func(discovery.Update)) error {
	w := &watch{client: c, service: service, notify: notify}
	for ctx.Err() == nil {
		start := time.Now()
		r, index, err := c.lookup(ctx, service, w.index)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			w.failed(err)
			sleep(ctx, w.pause())
			continue
		}
		w.succeeded(r, index)
		sleep(ctx, minRound-time.Since(start))
	}
	return ctx.Err()
}

// watch is the state of one Watch.
type watch struct {
	client   *Client
	service  string
	notify   func(discovery.Update)
	index    uint64 // of the last good answer, 0 for none
	last     Result // the last good answer
	good     time.Time
	failures int // since then
}

func (w *watch) succeeded(r Result, index uint64) {
	news := w.good.IsZero() || w.failures > 0 || !same(w.last, r)
	if index < w.index {
		// The servers were restored from a snapshot: ask anew, as Consul's
		// documentation demands.
		index = 0
	}
	w.index, w.last, w.good, w.failures = index, r, time.Now(), 0
	if news {
		w.notify(discovery.Update{Endpoints: slices.Clone(r.Endpoints), Hidden: r.Hidden})
	}
}

func (w *watch) failed(err error) {
	w.failures++
	// Who answers next may be another server, to which the index means nothing
	// and which would hold the query until it gets there.
	w.index = 0
	u := discovery.Update{Err: err}
	if !w.good.IsZero() && time.Since(w.good) < w.client.cfg.MaxStale {
		u.Endpoints, u.Hidden = slices.Clone(w.last.Endpoints), w.last.Hidden
	}
	w.notify(u)
}

// pause grows with the failures; half of it is chance, so that the clients of a
// Consul that comes back do not all arrive at once.
func (w *watch) pause() time.Duration {
	d := longPause
	if w.failures < 7 {
		d = min(d, firstPause<<(w.failures-1))
	}
	return d/2 + rand.N(d/2) //nolint:gosec // no secret
}

func same(a, b Result) bool {
	return a.Hidden == b.Hidden && slices.EqualFunc(a.Endpoints, b.Endpoints, discovery.Endpoint.Equal)
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
