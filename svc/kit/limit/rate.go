package limit

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// counts are the calls that a limit decided on.
type counts struct{ admitted, rejected, shadowed atomic.Int64 }

// rateLimit is a token bucket for each caller.
//
// The number of buckets is bounded. Where there is no room, a bucket that has
// filled up again is given up, which costs its caller nothing: a new one is as
// full. Those are found at the end of the list, which is ordered by the last
// call that was let in. While no bucket is full again, callers that have none
// share one. So a flood of callers, made up or not, takes neither memory nor the
// state of others, and gets in as one.
type rateLimit struct {
	name, methods string
	configured    Settings
	maxCallers    int
	counts        counts

	mu       sync.Mutex
	settings Settings
	buckets  map[string]*list.Element // of *bucket
	order    *list.List               // by the last call that was let in, the latest in front
	overflow *rate.Limiter            // of callers without room
}

type bucket struct {
	caller string
	tokens *rate.Limiter
}

func newRateLimit(l Limit, maxCallers int) *rateLimit {
	return &rateLimit{
		name: l.Name, methods: l.Methods, configured: l.Settings, settings: l.Settings,
		maxCallers: maxCallers,
		buckets:    map[string]*list.Element{},
		order:      list.New(),
		overflow:   newTokens(l.Settings),
	}
}

func newTokens(s Settings) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(s.Rate), s.Burst)
}

// verdict is what a rate limit says to a call.
type verdict struct {
	reservation *rate.Reservation // the token that the call took, if any
	refused     bool
	shadow      bool          // but it was let in
	wait        time.Duration // when the next token is there; 0 for never
}

// take takes a token of the caller's bucket.
func (r *rateLimit) take(caller string, now time.Time) verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	shadow := r.settings.Shadow
	if r.settings.Rate == 0 {
		return verdict{refused: true, shadow: shadow}
	}
	tokens, element := r.overflow, r.find(caller, now)
	if element != nil {
		tokens = element.Value.(*bucket).tokens //nolint:forcetypeassert // the list holds nothing else
	}
	reservation := tokens.ReserveN(now, 1)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return verdict{refused: true, shadow: shadow, wait: wait}
	}
	if element != nil {
		r.order.MoveToFront(element)
	}
	return verdict{reservation: reservation}
}

// find returns the bucket of the caller, or nil if there is no room for one.
func (r *rateLimit) find(caller string, now time.Time) *list.Element {
	if element, ok := r.buckets[caller]; ok {
		return element
	}
	if len(r.buckets) >= r.maxCallers && !r.giveUpOne(now) {
		return nil
	}
	element := r.order.PushFront(&bucket{caller, newTokens(r.settings)})
	r.buckets[caller] = element
	return element
}

// giveUpOne drops the bucket that was not used for longest, if it is full.
func (r *rateLimit) giveUpOne(now time.Time) bool {
	last := r.order.Back()
	b := last.Value.(*bucket) //nolint:forcetypeassert // the list holds nothing else
	if b.tokens.TokensAt(now) < float64(r.settings.Burst) {
		return false
	}
	r.order.Remove(last)
	delete(r.buckets, b.caller)
	return true
}

// set changes the settings. Buckets keep what is in them, as far as it fits.
func (r *rateLimit) set(s Settings, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settings = s
	change := func(tokens *rate.Limiter) {
		tokens.SetLimitAt(now, rate.Limit(s.Rate))
		tokens.SetBurstAt(now, s.Burst)
	}
	change(r.overflow)
	for element := r.order.Front(); element != nil; element = element.Next() {
		change(element.Value.(*bucket).tokens) //nolint:forcetypeassert // the list holds nothing else
	}
}

// callers returns how many have a bucket.
func (r *rateLimit) callers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.buckets)
}

func (r *rateLimit) status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Status{
		Name: r.name, Kind: Rate, Methods: r.methods, Settings: r.settings,
		Admitted: r.counts.admitted.Load(),
		Rejected: r.counts.rejected.Load() + r.counts.shadowed.Load(),
	}
}
