package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// The pauses after a failure: the first is doubled after each further one, half
// of it is chance.
const (
	firstPause     = time.Second
	longPause      = 15 * time.Second
	usualInterval  = 10 * time.Second
	usualTimeout   = 10 * time.Second
	graceOfTimeout = 500 * time.Millisecond // for a round to end by its own timeout
)

// runner runs one source.
type runner struct {
	store  *Store
	index  int
	source Source
	hurry  chan struct{}

	saying sync.Mutex // rounds and a watch beside them speak one at a time

	mu       sync.Mutex
	gen      int  // of the watch that may speak; odd while there is one
	spoke    bool // since the store began
	failures int  // in a row
	heard    chan struct{}
}

func newRunner(s *Store, index int, source Source) *runner {
	source.Interval = cmp.Or(source.Interval, usualInterval)
	source.Timeout = cmp.Or(source.Timeout, usualTimeout)
	if source.StaleAfter == 0 && source.Poll != nil {
		source.StaleAfter = 3 * source.Interval
	}
	return &runner{store: s, index: index, source: source, hurry: make(chan struct{}, 1), heard: make(chan struct{}, 1)}
}

func (r *runner) wake() { notify(r.hurry) }

func (r *runner) run(ctx context.Context) {
	if !r.follow(ctx) {
		return
	}
	begin := sync.OnceFunc(func() {
		if r.source.Poll != nil && r.source.Watch != nil {
			r.store.all.Go(func() { r.beside(ctx) })
		}
	})
	hurries := 0 // failures in a row after which somebody asked for a refresh
	for ctx.Err() == nil {
		began := time.Now()
		var err error
		switch {
		case r.source.Poll != nil:
			err = r.round(ctx)
		case r.source.Watch != nil:
			err = r.watch(ctx)
		default:
			err = errors.New("the source has neither Poll nor Watch")
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.fail(err)
		}
		begin()
		if hurried := r.rest(ctx, r.pause(began, err), firstPause<<min(hurries, 4)); hurried && err != nil {
			hurries++
		} else {
			hurries = 0
		}
	}
}

// rest waits for d, or until somebody asks for a refresh, but then for least: a key
// that is held down hammers nobody. It tells whether somebody asked.
func (r *runner) rest(ctx context.Context, d, least time.Duration) (hurried bool) {
	if waitFor(ctx, min(d, least), nil) != nil {
		return false
	}
	timer := time.NewTimer(d - least)
	defer timer.Stop()
	select {
	case <-r.hurry:
		return true
	default:
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-r.hurry:
		return true
	}
	return false
}

// beside runs the watch of a source that polls too.
func (r *runner) beside(ctx context.Context) {
	for ctx.Err() == nil {
		gen := r.turn()
		_ = r.source.Watch(ctx, &Feed{r, gen}) // how the source stands, its rounds say
		r.turn()
		_ = waitFor(ctx, jitter(longPause), nil)
	}
}

// turn begins and ends the time in which a watch may speak.
func (r *runner) turn() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gen++
	return r.gen
}

// follow waits until the source that this one follows has said something.
func (r *runner) follow(ctx context.Context) bool {
	if r.source.Follows == "" {
		return true
	}
	for snap := range r.store.Snapshots(ctx) {
		if state, ok := snap.Source(r.source.Follows); !ok || !state.At.IsZero() {
			return true
		}
	}
	return false
}

// pause is how long to wait for the next round.
func (r *runner) pause(began time.Time, err error) time.Duration {
	if err == nil {
		return time.Until(began.Add(r.slowed(r.source.Interval)))
	}
	longest := max(longPause, r.source.Interval)
	if r.source.Poll == nil {
		longest = longPause
	}
	r.mu.Lock()
	n := r.failures
	r.mu.Unlock()
	d := longest
	if n < 10 {
		d = min(longest, firstPause<<max(0, n-1))
	}
	return jitter(r.slowed(d))
}

// slowed is a time in a store that may be slow.
func (r *runner) slowed(d time.Duration) time.Duration { return d * time.Duration(r.store.pace.Load()) }

// jitter is half of d, and as much of the other half as chance wants.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1) //nolint:gosec // no secret
}

func (r *runner) fail(err error) {
	r.mu.Lock()
	r.failures++
	r.mu.Unlock()
	r.store.status(r.index, SourceFailing, err)
}

// accept passes on facts.
func (r *runner) accept(facts *Facts) {
	r.saying.Lock()
	defer r.saying.Unlock()
	if facts.settle != nil {
		facts.settle(facts)
	}
	r.mu.Lock()
	first := !r.spoke
	r.spoke, r.failures = r.spoke || !facts.empty(), 0
	r.mu.Unlock()
	r.store.ingest(r.index, facts, first, true)
}

// aside passes on what a watch beside the rounds says: it changes nothing of how
// the source stands.
func (r *runner) aside(facts *Facts) {
	r.saying.Lock()
	defer r.saying.Unlock()
	r.store.ingest(r.index, facts, false, false)
}

// overdue is a timer for the moment in which the source is stale; it never fires
// where it never is.
func (r *runner) overdue() *time.Timer {
	if r.source.StaleAfter <= 0 {
		t := time.NewTimer(time.Hour)
		t.Stop()
		return t
	}
	return time.NewTimer(r.slowed(r.source.StaleAfter))
}

func (r *runner) late() error { return fmt.Errorf("no answer within %s", r.source.Timeout) }

// round polls once. A poll that does not heed the end of its time is said to fail
// and waited for: a second one beside it would hang too.
func (r *runner) round(ctx context.Context) error {
	limited, cancel := context.WithTimeoutCause(ctx, r.source.Timeout, r.late())
	defer cancel()
	type answer struct {
		facts Facts
		err   error
	}
	done := make(chan answer, 1)
	r.store.all.Go(func() {
		facts, err := r.source.Poll(limited, r.store.Snapshot())
		done <- answer{facts, err}
	})
	stale, hung := r.overdue(), time.NewTimer(r.source.Timeout+graceOfTimeout)
	defer stale.Stop()
	defer hung.Stop()
	for {
		select {
		case a := <-done:
			if a.err != nil {
				if errors.Is(a.err, context.DeadlineExceeded) && ctx.Err() == nil {
					return context.Cause(limited)
				}
				return a.err
			}
			r.accept(&a.facts)
			return nil
		case <-stale.C:
			r.store.status(r.index, SourceStale, nil)
		case <-hung.C:
			r.fail(r.late())
		}
	}
}

// watch lets the source watch until it ends.
func (r *runner) watch(ctx context.Context) error {
	gen := r.turn()
	defer r.turn()
	done := make(chan error, 1)
	r.store.all.Go(func() { done <- r.source.Watch(ctx, &Feed{r, gen}) })
	stale, silent := r.overdue(), time.NewTimer(r.source.Timeout)
	defer func() { stale.Stop(); silent.Stop() }()
	for {
		select {
		case err := <-done:
			if err == nil {
				err = errors.New("the watch ended")
			}
			return err
		case <-r.heard:
			silent.Stop()
			stale.Stop()
			stale = r.overdue()
		case <-stale.C:
			r.store.status(r.index, SourceStale, nil)
		case <-silent.C:
			r.fail(r.late())
		}
	}
}

// speaking tells whether the watch that speaks is the present one.
func (r *runner) speaking(gen int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gen == gen
}

func (r *runner) said(gen int, facts Facts) {
	switch {
	case !r.speaking(gen):
	case r.source.Poll != nil:
		r.aside(&facts)
	default:
		r.accept(&facts)
		notify(r.heard)
	}
}

func (r *runner) failed(gen int, err error) {
	if r.speaking(gen) && r.source.Poll == nil {
		r.fail(err)
		notify(r.heard)
	}
}
