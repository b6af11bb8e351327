// Package history remembers what the dashboard has seen: the snapshots of the last
// while, and how the calls of each service went.
package history

import (
	"math"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Points is how many values a Trend has.
const Points = 16

// Trend is how the calls of a service went, oldest first; what is not known is NaN.
type Trend struct {
	Rate, Errors, P99 [Points]float32 // calls a second, ratio, seconds
}

// NoTrend is that of a service of which nothing is known.
func NoTrend() Trend {
	r := ring{}
	r.clear(Points)
	return r.Trend
}

// History is what was seen. It is safe for concurrent use.
type History struct {
	step time.Duration // between the values of a trend
	room int           // facts that are kept
	all  bool

	mu     sync.RWMutex
	kept   []kept // oldest first
	facts  int
	trends map[string]*ring
	filled int // how often it learned what was before
}

// kept is a snapshot and what it costs to keep it beside the one before.
type kept struct {
	snap  *fleet.Snapshot
	facts int
}

// ring is the trend of a service; the last value is that of the bucket number last.
type ring struct {
	Trend
	last int64
}

// Options say how much is remembered.
type Options struct {
	Step time.Duration // between the values of a trend; a minute if 0
	Room int           // facts in all snapshots together that are kept; 100,000 if 0
	All  bool          // keep also snapshots that came right after another: nobody waits for their end
}

// New returns an empty history.
func New(o Options) *History {
	if o.Step <= 0 {
		o.Step = time.Minute
	}
	if o.Room <= 0 {
		o.Room = 100_000
	}
	return &History{step: o.Step, room: o.Room, all: o.All, trends: map[string]*ring{}}
}

// apart is how much later than the one before a snapshot is that is kept for good.
const apart = 2 * time.Second

// Add remembers a snapshot, the newest.
func (h *History) Add(snap *fleet.Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed, cost, before := snap.Services(), 0, &fleet.Snapshot{}
	if n := len(h.kept); n > 0 {
		last := h.kept[n-1].snap
		if last == snap {
			return
		}
		changed, _ = snap.Since(last)
		before = last
		// The last one is not kept if it came right after the one before.
		if n > 1 && !h.all && last.At().Sub(h.kept[n-2].snap.At()) < apart {
			cost = h.kept[n-1].facts
			h.facts -= cost
			h.kept = h.kept[:n-1]
		}
	}
	pointers := len(snap.Services())
	for _, s := range changed {
		h.learn(snap, s)
		pointers += len(s.Instances) + len(s.Health) + len(s.Breakers) + len(s.REDs) + len(s.Dependencies)
		cost += news(before.Service(s.Name), s)
	}
	cost += pointers / pointersOfAFact
	h.kept = append(h.kept, kept{snap, cost})
	h.facts += cost
	drop := 0
	for h.facts > h.room && drop < len(h.kept)-2 {
		h.facts -= h.kept[drop].facts
		drop++
	}
	if drop > 0 {
		h.kept = slices.Delete(h.kept, 0, drop)
	}
}

// Of returns how the calls of a service go in all, as its servers counted them, or
// its callers where those do not; nil where nobody says.
func Of(s *fleet.ServiceFacts) *fleet.RED {
	if r := s.RED("", "", fleet.ServerSide); r != nil {
		return r
	}
	return s.RED("", "", fleet.ClientSide)
}

// measured returns when it was last said how calls go, as a snapshot has it, and
// whether that still holds then: it does not where the source does not answer.
func measured(snap *fleet.Snapshot, r *fleet.RED) (at time.Time, holds bool) {
	state, ok := snap.Source(r.Provenance.Feed)
	holds = !ok || state.Status == fleet.SourceFresh
	if r.Provenance.At.IsZero() && state.At.IsZero() { // nobody says when
		return snap.At(), holds
	}
	return snap.At().Add(-snap.Age(r.Provenance, snap.At())), holds
}

func (h *History) learn(snap *fleet.Snapshot, s *fleet.ServiceFacts) {
	r := Of(s)
	if r == nil {
		return
	}
	at, holds := measured(snap, r)
	h.sample(s.Name, at, float32(r.Rate), float32(r.ErrorRatio), float32(r.P99))
	if !holds {
		h.ring(s.Name, snap.At())
	}
}

// ring returns the trend of a service with room for a time, and the bucket of that.
func (h *History) ring(service string, at time.Time) (t *ring, bucket int64) {
	bucket = at.UnixNano() / int64(h.step)
	t = h.trends[service]
	if t == nil {
		t = &ring{last: bucket}
		t.clear(Points)
		h.trends[service] = t
	}
	if ahead := bucket - t.last; ahead > 0 {
		t.clear(int(min(ahead, Points)))
		t.last = bucket
	}
	return t, bucket
}

func (h *History) sample(service string, at time.Time, rate, errors, p99 float32) {
	t, bucket := h.ring(service, at)
	if bucket <= t.last-Points {
		return
	}
	i := Points - 1 - int(t.last-bucket)
	t.Rate[i], t.Errors[i], t.P99[i] = rate, errors, p99
}

// clear makes room for n values.
func (r *ring) clear(n int) {
	nan := float32(math.NaN())
	for _, list := range []*[Points]float32{&r.Rate, &r.Errors, &r.P99} {
		copy(list[:], list[n:])
		for i := Points - n; i < Points; i++ {
			list[i] = nan
		}
	}
}

// Backfill learns how the calls of a service went before it was watched.
func (h *History) Backfill(list []fleet.REDSeries) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.filled++
	for i := range list {
		s := &list[i]
		for n, p := range s.RateOverTime {
			value := func(points []fleet.Point) float32 {
				if n < len(points) {
					return float32(points[n].Value)
				}
				return float32(math.NaN())
			}
			if rate := float32(p.Value); rate == rate {
				h.sample(s.Service, p.At, rate, value(s.ErrorsOverTime), value(s.LatencyOverTime))
			}
		}
	}
}

// Filled counts how often it learned what was before.
func (h *History) Filled() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.filled
}

// Span is the time that a trend covers.
func (h *History) Span() time.Duration { return Points * h.step }

// Step is the time between two values of a trend.
func (h *History) Step() time.Duration { return h.step }

// Trend returns how the calls of a service went up to now. It tells whether
// anything is known.
func (h *History) Trend(service string) (Trend, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	r, ok := h.trends[service]
	if !ok {
		return Trend{}, false
	}
	return r.Trend, true
}

// TrendAt returns how the calls of a service went up to a time in the past, as far
// as snapshots are kept.
func (h *History) TrendAt(service string, at time.Time) (Trend, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	past := &History{step: h.step, trends: map[string]*ring{}}
	for i := range h.kept {
		if h.kept[i].snap.At().After(at) {
			break
		}
		if s := h.kept[i].snap.Service(service); s != nil {
			past.learn(h.kept[i].snap, s)
		}
	}
	r, ok := past.trends[service]
	if !ok {
		return Trend{}, false
	}
	return r.Trend, true
}

// At returns the snapshot of a time: the last one before it. It is nil where
// nothing is kept that is as old.
func (h *History) At(at time.Time) *fleet.Snapshot {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if i := h.before(at); i >= 0 {
		return h.kept[i].snap
	}
	return nil
}

// before returns the index of the last snapshot that is not after a time, or -1.
func (h *History) before(at time.Time) int {
	return sort.Search(len(h.kept), func(i int) bool { return h.kept[i].snap.At().After(at) }) - 1
}

// Series returns how the calls of a service went between two times, as far as
// snapshots are kept: a point for each time at which it was measured, and one that is
// not known where the source did not answer.
func (h *History) Series(service string, from, to time.Time) fleet.REDSeries {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var out fleet.REDSeries
	var last time.Time
	add := func(at time.Time, rate, errors, p99 float64) {
		if !at.After(last) || at.Before(from) || at.After(to) {
			return
		}
		last = at
		out.RateOverTime = append(out.RateOverTime, fleet.Point{At: at, Value: rate})
		out.ErrorsOverTime = append(out.ErrorsOverTime, fleet.Point{At: at, Value: errors})
		out.LatencyOverTime = append(out.LatencyOverTime, fleet.Point{At: at, Value: p99})
	}
	for i := range h.kept {
		snap := h.kept[i].snap
		if snap.At().Before(from) || snap.At().After(to) {
			continue
		}
		s := snap.Service(service)
		if s == nil {
			continue
		}
		r := Of(s)
		if r == nil {
			continue
		}
		at, holds := measured(snap, r)
		add(at, r.Rate, r.ErrorRatio, r.P99)
		if len(out.RateOverTime) > 0 {
			out.RED = *r
			if !holds {
				add(snap.At(), math.NaN(), math.NaN(), math.NaN())
			}
		}
	}
	return out
}

// Walk returns the snapshot that is n before or after the one of a time, the first
// or the last if there are fewer; nil where there is none.
func (h *History) Walk(at time.Time, n int) *fleet.Snapshot {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if len(h.kept) == 0 {
		return nil
	}
	i := max(0, min(h.before(at)+n, len(h.kept)-1))
	return h.kept[i].snap
}

// Oldest is the time from which on snapshots are kept, zero if none is.
func (h *History) Oldest() time.Time {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if len(h.kept) == 0 {
		return time.Time{}
	}
	return h.kept[0].snap.At()
}
