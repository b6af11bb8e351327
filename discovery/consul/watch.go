package consul

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/discovery"
)

// The pauses of a watch.
const (
	firstPause = 250 * time.Millisecond // after the first failure; doubled after each further one
	longPause  = 15 * time.Second       // at most, before jitter
	hurryGap   = 2 * time.Second        // from a query to the next one that is hurried
	minRound   = 100 * time.Millisecond // between two answers, so that a busy catalog cannot keep us spinning
)

// errHurried ends a blocking query that somebody cannot wait for.
var errHurried = errors.New("hurried")

// Watch implements discovery.Watcher by blocking queries on one service. It
// holds one connection; Consul allows one client address 200 of them.
func (c *Client) Watch(ctx context.Context, service string, notify func(discovery.Update)) error {
	return c.WatchHurried(ctx, service, nil, notify)
}

// WatchHurried implements discovery.HurriedWatcher: a receipt from hurry ends a
// query that waits, or a pause, and Consul is asked for what is there now; two
// seconds after the query before at the earliest.
func (c *Client) WatchHurried(ctx context.Context, service string, hurry <-chan struct{}, notify func(discovery.Update)) error {
	w := &watch{client: c, service: service, notify: notify}
	for ctx.Err() == nil {
		start := time.Now()
		r, index, err := w.ask(ctx, hurry)
		if ctx.Err() != nil {
			break
		}
		switch {
		case errors.Is(err, errHurried):
			w.index = 0
		case err != nil:
			w.failed(err)
			pause(ctx, w.pause(), start, hurry)
		default:
			w.succeeded(r, index)
			sleep(ctx, minRound-time.Since(start))
		}
	}
	return ctx.Err()
}

// ask sends one query, which a hurry ends with errHurried.
func (w *watch) ask(ctx context.Context, hurry <-chan struct{}) (Result, uint64, error) {
	query, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if hurry == nil || w.index == 0 { // an answer that nobody holds back needs no hurry
		return w.client.lookup(query, w.service, w.index)
	}
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel(nil)
	start := time.Now()
	waiting.Go(func() {
		if pause(query, longPause+w.client.cfg.WaitTime, start, hurry) {
			cancel(errHurried)
		}
	})
	r, index, err := w.client.lookup(query, w.service, w.index)
	if err != nil && errors.Is(context.Cause(query), errHurried) {
		err = errHurried
	}
	return r, index, err
}

// pause waits for d, or until a hurry that comes no sooner than hurryGap after
// start, which it reports.
func pause(ctx context.Context, d time.Duration, start time.Time, hurry <-chan struct{}) (hurried bool) {
	end := time.Now().Add(d)
	sleep(ctx, min(d, hurryGap-time.Since(start)))
	timer := time.NewTimer(time.Until(end))
	defer timer.Stop()
	select {
	case <-hurry:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
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
