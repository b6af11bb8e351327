package backend

import (
	"context"
	"sync"
	"time"
)

// How long credentials are used before they are asked for again: tokens run out,
// and are taken back.
const (
	credentialsFor = 5 * time.Minute
	// credentialsAtLeast is for those that were refused: asking again at once, by
	// each of a thousand instances that refused them, would give the same.
	credentialsAtLeast = 10 * time.Second
)

// Credentials remembers what Ask returned for five minutes, or until it was
// refused. A failure is not remembered. It is safe for concurrent use.
type Credentials[T any] struct {
	Ask func(context.Context) (T, error)
	Now func() time.Time // time.Now if nil

	mu    sync.Mutex
	known T
	at    time.Time // zero: nothing is known
}

func (c *Credentials[T]) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Get returns the credentials, the zero T where there is no Ask.
func (c *Credentials[T]) Get(ctx context.Context) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var none T
	if c.Ask == nil {
		return none, nil
	}
	if now := c.now(); c.at.IsZero() || now.Sub(c.at) >= credentialsFor {
		known, err := c.Ask(ctx)
		if err != nil {
			return none, err
		}
		c.known, c.at = known, now
	}
	return c.known, nil
}

// Refused says that the peer did not accept them.
func (c *Credentials[T]) Refused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.at) >= credentialsAtLeast {
		c.at = time.Time{}
	}
}
