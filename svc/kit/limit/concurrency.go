package limit

import (
	"container/list"
	"sync"
	"time"
)

// holdAtMost is how long a stream takes a place if it sends nothing.
const holdAtMost = time.Second

// concurrency bounds the calls in flight. It refuses what is too much at once:
// whoever has to wait is better served by another instance.
//
// Why not a library: failsafe-go's adaptivelimiter (v0.9.8) is the one to be
// had. Its bounds are fixed once it is built, it cannot count a call that it
// would refuse (shadow mode), and one baseline stands for all methods, an
// average that a lasting overload is a part of. In the simulation of the tests,
// at three times what 4, 10 and 50 workers can do, its median latency is still 36
// to 148 ms in the first 8 s, and then it does 80 to 102 % of the possible work;
// this one is at 14 to 19 ms after 2 s, and does 98 to 100 %.
type concurrency struct {
	name       string
	configured Settings
	counts     counts

	mu       sync.Mutex
	settings Settings
	adapting *gradient
	inFlight int
	held     *list.List // of *hold, the streams that take a place, oldest first
}

// hold is the place that a stream takes.
type hold struct {
	since   time.Time
	element *list.Element // nil when it was given back
}

func newConcurrency(l Limit) *concurrency {
	return &concurrency{
		name: l.Name, configured: l.Settings, settings: l.Settings,
		adapting: newGradient(l.Settings, time.Now()),
		held:     list.New(),
	}
}

// refusal is why a call was not let in.
type refusal struct {
	inFlight int
	retry    time.Duration
}

// enter takes a place, or says why there is none.
func (c *concurrency) enter(now time.Time) *refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enterLocked(now)
}

func (c *concurrency) enterLocked(now time.Time) *refusal {
	c.expire(now)
	full := c.inFlight >= c.adapting.allowed()
	if full && !c.settings.Shadow {
		c.counts.rejected.Add(1)
		c.adapting.entered(c.inFlight, true, now)
		return &refusal{c.inFlight, c.adapting.window.length}
	}
	if full {
		c.counts.shadowed.Add(1)
	} else {
		c.counts.admitted.Add(1)
	}
	c.inFlight++
	c.adapting.entered(c.inFlight, false, now)
	return nil
}

// outcome is what the end of a call says about how long calls take.
type outcome int

const (
	aside    outcome = iota // nothing: it failed, or it was a stream
	complete                // as long as it took
	cut                     // at least as long as it took
)

// leave gives a place back.
func (c *concurrency) leave(method string, start, now time.Time, o outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight--
	if o == aside || c.settings.MinConcurrency == c.settings.MaxConcurrency {
		c.adapting.drained(c.inFlight, now)
		return
	}
	c.adapting.left(method, start, now, o == cut, c.inFlight)
}

// enterStream takes a place for the beginning of a stream.
func (c *concurrency) enterStream(now time.Time) (*hold, *refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.enterLocked(now); r != nil {
		return nil, r
	}
	h := &hold{since: now}
	h.element = c.held.PushBack(h)
	return h, nil
}

// release gives the place of a stream back, if it still has it.
func (c *concurrency) release(h *hold) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.giveBack(h)
}

func (c *concurrency) giveBack(h *hold) {
	if h.element == nil {
		return
	}
	c.held.Remove(h.element)
	h.element = nil
	c.inFlight--
}

// expire takes their places from streams that have been silent for too long.
func (c *concurrency) expire(now time.Time) {
	for front := c.held.Front(); front != nil; front = c.held.Front() {
		h := front.Value.(*hold) //nolint:forcetypeassert // the list holds nothing else
		if now.Sub(h.since) < holdAtMost {
			return
		}
		c.giveBack(h)
	}
}

// set changes the settings. What was learned stays.
func (c *concurrency) set(s Settings) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settings = s
	c.adapting.bound(s)
}

func (c *concurrency) status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(time.Now())
	return Status{
		Name: c.name, Kind: Concurrency, Methods: everything, Settings: c.settings,
		Current: c.adapting.allowed(), InFlight: c.inFlight,
		Admitted: c.counts.admitted.Load(),
		Rejected: c.counts.rejected.Load() + c.counts.shadowed.Load(),
	}
}
