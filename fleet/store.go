package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is what readers of a Store get that is closed.
var ErrClosed = errors.New("the store is closed")

// StoreOptions say what a Store runs.
type StoreOptions struct {
	// Sources are run side by side. Where two say the same fact (the state of one
	// breaker, say), the first of them that does not fail is believed.
	Sources []Source
	// Now is the clock that facts and states are dated by; time.Now if nil.
	Now func() time.Time
	// Every is the least time between two snapshots; 250 ms if 0.
	Every time.Duration
	// Events is how many events are kept; 4,096 if 0.
	Events int
	// Version is that of the first, empty snapshot: of several stores one after
	// another no two snapshots are to have the same.
	Version uint64
}

// Store runs sources and publishes what they say as Snapshots. It is safe for
// concurrent use.
//
// A store without sources is for recorded facts: see Apply.
type Store struct {
	now   func() time.Time
	every time.Duration

	current atomic.Pointer[Snapshot]
	pace    atomic.Int64 // by which the intervals are multiplied
	looked  attention

	mu       sync.Mutex
	world    *world
	log      *eventLog
	states   []SourceState
	versions uint64
	pending  bool      // something is to be published
	recorded time.Time // of the last delta that was applied

	runners []*runner
	urgent  chan struct{} // something changed
	quiet   chan struct{} // a source answered, nothing changed
	cancel  context.CancelFunc
	ended   <-chan struct{}
	all     sync.WaitGroup
}

// The least times between two snapshots: where something changed, and where only
// the times of the last answers did.
const (
	publishEvery = 250 * time.Millisecond
	confirmEvery = time.Second
	keptEvents   = 4096
)

// NewStore starts the sources. They end with ctx, or with Close.
func NewStore(ctx context.Context, o StoreOptions) *Store {
	ctx, cancel := context.WithCancel(ctx)
	s := &Store{
		now: o.Now, every: o.Every, world: newWorld(),
		urgent: make(chan struct{}, 1), quiet: make(chan struct{}, 1), cancel: cancel, ended: ctx.Done(),
		versions: o.Version,
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.every <= 0 {
		s.every = publishEvery
	}
	if o.Events <= 0 {
		o.Events = keptEvents
	}
	s.log = newEventLog(o.Events)
	s.pace.Store(1)
	now := s.now()
	for i := range o.Sources {
		s.states = append(s.states, SourceState{Name: o.Sources[i].Name, Status: SourceStarting, Since: now})
		s.runners = append(s.runners, newRunner(s, i, o.Sources[i]))
	}
	s.world.better = s.better
	s.current.Store(&Snapshot{version: o.Version, at: now, sources: append([]SourceState(nil), s.states...), newer: make(chan struct{})})
	s.all.Go(func() { s.publishing(ctx) })
	for _, r := range s.runners {
		s.all.Go(func() { r.run(ctx) })
	}
	return s
}

// Close ends the sources and waits for them. The last snapshot can still be read.
func (s *Store) Close() {
	s.cancel()
	s.all.Wait()
}

// Snapshot returns the latest snapshot.
func (s *Store) Snapshot() *Snapshot { return s.current.Load() }

// Wait returns the latest snapshot as soon as its version is above after. A slow
// reader misses the versions between and holds up nobody. It ends with ctx, and
// with ErrClosed when the store does.
func (s *Store) Wait(ctx context.Context, after uint64) (*Snapshot, error) {
	for {
		if err := ctx.Err(); err != nil { // also of a reader so slow that there always is a newer one
			return nil, err
		}
		snap := s.current.Load()
		if snap.version > after {
			return snap, nil
		}
		select {
		case <-snap.newer:
		case <-ctx.Done():
		case <-s.ended:
			return nil, ErrClosed
		}
	}
}

// Snapshots yields the latest snapshot and then each newer one, as Wait does,
// until ctx or the store ends.
func (s *Store) Snapshots(ctx context.Context) func(yield func(*Snapshot) bool) {
	return func(yield func(*Snapshot) bool) {
		snap := s.Snapshot()
		for yield(snap) {
			next, err := s.Wait(ctx, snap.version)
			if err != nil {
				return
			}
			snap = next
		}
	}
}

// Refresh begins the next round of the named sources now, of all if none is
// named; but not within a second of the last, and where one after the other fails
// nevertheless, after longer and longer. A round that is under way, and a watch that
// works, go on.
func (s *Store) Refresh(names ...string) {
	for _, r := range s.runners {
		if len(names) == 0 || slices.Contains(names, r.source.Name) {
			r.wake()
		}
	}
}

// Slow makes the intervals of polls, and the pauses after failures, so many times
// longer, from the next round on: for a reader that nobody looks at, for whom
// nothing is watched either. 1 is the usual pace.
func (s *Store) Slow(times int) {
	times = max(1, times)
	was := s.pace.Swap(int64(times))
	s.looked.stir()
	if times == 1 && was > 1 {
		s.Refresh()
	}
}

// better tells which of two sources is believed: one that does not fail, then the
// first.
func (s *Store) better(a, b int) bool {
	failing := func(i int) bool { return i < len(s.states) && s.states[i].Status == SourceFailing }
	if failing(a) != failing(b) {
		return failing(b)
	}
	return a < b
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// due says that there is something to publish, soon or when it suits. The lock is
// held.
func (s *Store) due(when chan struct{}) {
	s.pending = true
	notify(when)
}

// publishing publishes what changed until ctx ends.
func (s *Store) publishing(ctx context.Context) {
	last := time.Now().Add(-confirmEvery)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.urgent:
		case <-s.quiet:
			if waitFor(ctx, time.Until(last.Add(confirmEvery)), s.urgent) != nil {
				return
			}
		}
		if waitFor(ctx, time.Until(last.Add(s.every)), nil) != nil {
			return
		}
		s.mu.Lock()
		if s.pending {
			s.publish()
			last = time.Now()
		}
		s.mu.Unlock()
	}
}

// waitFor waits for d, or until wake.
func waitFor(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
	}
	return ctx.Err()
}

// publish makes what is known the latest snapshot. The lock is held.
func (s *Store) publish() *Snapshot {
	last := s.current.Load()
	s.pending = false
	s.versions++
	at := s.now()
	if !s.recorded.IsZero() {
		at = s.recorded
	}
	snap := &Snapshot{
		version: s.versions, at: at, services: s.world.freeze(s.versions, last.services),
		sources: append([]SourceState(nil), s.states...),
		events:  s.log.last(), total: s.log.total, newer: make(chan struct{}),
	}
	s.current.Store(snap)
	close(last.newer)
	return snap
}
