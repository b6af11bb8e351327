// Package latest keeps the number of the last change that a store has heard of,
// and wakes those who wait for a greater one.
package latest

import (
	"context"
	"fmt"
	"sync"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// Number is the number of the last change. The zero value has seen none.
type Number struct {
	mu     sync.Mutex
	last   int64
	waiter chan struct{} // closed and forgotten when last grows; nil while nobody waits
}

// Saw wakes the waiting calls if seq is new.
func (n *Number) Saw(seq int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if seq <= n.last {
		return
	}
	n.last = seq
	if n.waiter != nil {
		close(n.waiter)
		n.waiter = nil
	}
}

// Wait returns nil as soon as a number greater than after was seen, ctx's
// error, or that the store is closed when closed is.
func (n *Number) Wait(ctx context.Context, after int64, closed <-chan struct{}) error {
	for {
		last, waiter := n.look()
		if last > after {
			return nil
		}
		select {
		case <-waiter:
		case <-closed:
			return fmt.Errorf("%w: it was closed", repository.ErrAway)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (n *Number) look() (last int64, waiter <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiter == nil {
		n.waiter = make(chan struct{})
	}
	return n.last, n.waiter
}
