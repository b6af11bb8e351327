package breaker

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

const steps = 10 // in which the window rolls

// circuit is one breaker: gobreaker's, what is seen of it, and its override.
//
// gobreaker is asked for nothing that it moves for: its State moves an open
// breaker on to half-open, and its counts are cleared when it trips. What is
// shown is a mirror that its callbacks keep. They run under gobreaker's lock;
// so nothing here calls gobreaker while it holds mu.
type circuit struct {
	set                 *Set
	name, target, group string
	gate                *gobreaker.TwoStepCircuitBreaker[any]

	override  atomic.Int32
	position  atomic.Uint64 // epoch<<2 | State
	lastEvent atomic.Int64  // of a call, in nanoseconds since the set was made

	results  [failure + 1]atomic.Int64 // calls by verdict
	rejected atomic.Int64
	entered  [HalfOpen + 1]atomic.Int64 // how often each state was entered

	mu        sync.Mutex
	since     time.Time
	lastError string
	run       time.Time              // of failures, its start
	tripped   gobreaker.Counts       // of the last trip
	probed    gobreaker.Counts       // of the present or last half-open time
	changes   [flapChanges]time.Time // a ring of the last ones
	changed   int                    // how many there were
	probes    map[*ticket]struct{}   // under way
}

// Flapping is so many changes in so long a time.
const (
	flapChanges = 6
	flapWindow  = 10 * time.Minute
)

func newCircuit(set *Set, name, target, group string) *circuit {
	c := &circuit{set: set, name: name, target: target, group: group, since: time.Now(), probes: map[*ticket]struct{}{}}
	o := set.options
	c.gate = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name:          name,
		MaxRequests:   uint32(o.Probes),
		Interval:      o.Window,
		BucketPeriod:  max(1, o.Window/steps),
		Timeout:       o.OpenFor,
		ReadyToTrip:   c.readyToTrip,
		OnStateChange: func(_ string, _, to gobreaker.State) { c.moved(to) },
		IsSuccessful:  func(err error) bool { return err == nil },
		IsExcluded:    func(err error) bool { return errors.Is(err, errIgnored) },
	})
	return c
}

func (c *circuit) overridden() Override { return Override(c.override.Load()) }

// at returns the state and its epoch, a number that grows with each change.
func (c *circuit) at() (State, uint64) {
	p := c.position.Load()
	return State(p & 3), p >> 2
}

// readyToTrip is called for each failure of a closed breaker, with counts that
// are cleared before OnStateChange is called.
func (c *circuit) readyToTrip(counts gobreaker.Counts) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if counts.ConsecutiveFailures <= 1 {
		c.run = time.Now()
	}
	o := c.set.options
	judged := counts.TotalSuccesses + counts.TotalFailures
	share := int(judged) >= o.MinRequests && float64(counts.TotalFailures) >= o.FailureRatio*float64(judged)
	row := int(counts.ConsecutiveFailures) >= o.Consecutive && time.Since(c.run) >= o.RunFor
	if share || row {
		c.tripped = counts
	}
	return share || row
}

// moved is called for each change of the state, under gobreaker's lock and so in
// order.
func (c *circuit) moved(to gobreaker.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := stateOf(to)
	from, epoch := c.at()
	switch {
	case state == HalfOpen:
		c.probed = gobreaker.Counts{}
	case state == Open && from == HalfOpen:
		c.tripped = c.probed
	}
	clear(c.probes)
	c.since = time.Now()
	c.changes[c.changed%flapChanges] = c.since
	c.changed++
	c.entered[state].Add(1)
	c.position.Store((epoch+1)<<2 | uint64(state))
	counts := gobreaker.Counts{}
	if state == Open {
		counts = c.tripped
	}
	c.set.events.add(c.status(counts))
}

func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateOpen:
		return Open
	case gobreaker.StateHalfOpen:
		return HalfOpen
	default:
		return Closed
	}
}

// look calls use with mu held and the counts that belong to the present state.
// It does not move the breaker.
func (c *circuit) look(use func(gobreaker.Counts)) {
	for {
		state, epoch := c.at()
		counts := c.gate.Counts() // asking does not roll the window on
		idle := time.Since(c.set.start) - time.Duration(c.lastEvent.Load())
		if state == Closed && idle > c.set.options.Window {
			counts = gobreaker.Counts{}
		}
		c.mu.Lock()
		_, now := c.at()
		if now == epoch {
			if state == Open {
				counts = c.tripped
			}
			use(counts)
		}
		c.mu.Unlock()
		if now == epoch {
			return
		}
	}
}

// show returns what is to be seen now.
func (c *circuit) show() (s Status) {
	c.look(func(counts gobreaker.Counts) { s = c.status(counts) })
	return s
}

// force puts an override in force.
func (c *circuit) force(override Override) {
	c.look(func(counts gobreaker.Counts) {
		if Override(c.override.Swap(int32(override))) != override {
			c.set.events.add(c.status(counts))
		}
	})
}

// status is called with mu held.
func (c *circuit) status(counts gobreaker.Counts) Status {
	state, _ := c.at()
	s := Status{
		Name: c.name, Target: c.target, MethodGroup: c.group,
		State: state, Override: c.overridden(), Since: c.since,
		Trips: c.entered[Open].Load(), LastError: c.lastError,
		Counts: Counts{
			Requests:            int64(counts.Requests) - int64(counts.TotalExclusions),
			Successes:           int64(counts.TotalSuccesses),
			Failures:            int64(counts.TotalFailures),
			ConsecutiveFailures: int64(counts.ConsecutiveFailures),
		},
		Flapping: c.changed >= flapChanges && time.Since(c.changes[c.changed%flapChanges]) <= flapWindow,
	}
	if state == Open {
		s.NextProbe = c.since.Add(c.set.options.OpenFor)
	}
	return s
}
