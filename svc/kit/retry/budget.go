package retry

import (
	"sync"
	"time"
)

// budget is a bucket of retries that calls and time fill.
type budget struct {
	ratio, perSecond, burst float64

	mu     sync.Mutex
	tokens float64
	filled time.Time // by time, up to then
}

func newBudget(o Options) *budget {
	return &budget{ratio: o.Ratio, perSecond: o.MinPerSecond, burst: o.Burst, tokens: o.Burst / 10, filled: time.Now()}
}

// call adds what a call is worth.
func (b *budget) call() {
	b.mu.Lock()
	b.tokens = min(b.burst, b.tokens+b.ratio)
	b.mu.Unlock()
}

// take takes one retry, and tells whether there was one.
func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill()
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *budget) left() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill()
	return b.tokens
}

func (b *budget) fill() {
	now := time.Now()
	b.tokens = min(b.burst, b.tokens+b.perSecond*now.Sub(b.filled).Seconds())
	b.filled = now
}
