package kit

import (
	"errors"
	"slices"
	"sync"
)

// closers are what is to be closed at the end of a server. Connections may be made
// by any call, also one that comes while the server stops.
type closers struct {
	mu     sync.Mutex
	list   []func() error
	closed bool
}

// add keeps f for close. It returns false when that is over.
func (c *closers) add(f func() error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.list = append(c.list, f)
	}
	return !c.closed
}

// close calls each once, the last one first, with no lock held: one may add another.
func (c *closers) close() error {
	var errs []error
	for {
		c.mu.Lock()
		list := c.list
		c.list = nil
		c.closed = len(list) == 0
		c.mu.Unlock()
		if len(list) == 0 {
			return errors.Join(errs...)
		}
		for _, f := range slices.Backward(list) {
			errs = append(errs, f())
		}
	}
}
