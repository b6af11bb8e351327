package balancer_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/discovery/balancer"
)

// giveUp makes one call after the other, none of which gets more than patience,
// until done: no two are in flight at once.
func (c *client) giveUp(t *testing.T, patience time.Duration, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); {
		if time.Now().After(end) {
			t.Fatalf("the status is %+v", c.monitor.Status())
		}
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(patience, cancel)
		_, err := c.get(ctx)
		timer.Stop()
		cancel()
		if code := status.Code(err); code != codes.OK && code != codes.Canceled {
			t.Fatal(err)
		}
	}
}

// The server answers health checks, and its calls end by no deadline: all that there
// is against it is how long its callers waited.
func TestOneOfSixWhoseCallersGiveUpIsEjected(t *testing.T) {
	for _, policy := range []balancer.Policy{balancer.LeastRequest, balancer.RoundRobin} {
		t.Run(string(policy), func(t *testing.T) {
			backends := six(t)
			conn := dial(t, balancer.Config{Policy: policy, BaseEjection: time.Minute}, backends...)
			l := conn.load(t, 1, time.Millisecond)
			l.await(t, 200)
			l.stop()
			backends[2].do(blocked)
			conn.giveUp(t, 200*time.Millisecond, func() bool {
				return conn.monitor.Status()[2].State == balancer.Ejected
			})
			if e := conn.event(t, "u2", balancer.Ejected); e.Reason != balancer.Slow {
				t.Errorf("event = %+v, want that it is slow", e)
			}
			calls := backends[2].calls.Load()
			conn.load(t, 1, time.Millisecond).await(t, 100)
			if n := backends[2].calls.Load() - calls; n > 0 {
				t.Errorf("the ejected one got %d calls", n)
			}
		})
	}
}

func TestCallersThatGiveUpAtOnceSayNothing(t *testing.T) {
	backends := six(t)
	conn := dial(t, balancer.Config{SlowFloor: 10 * time.Second}, backends...)
	l := conn.load(t, 1, time.Millisecond)
	l.await(t, 200)
	l.stop()
	backends[2].do(blocked)
	before := backends[2].calls.Load()
	conn.giveUp(t, 20*time.Millisecond, func() bool { return backends[2].calls.Load() > before+20 })
	for _, s := range conn.monitor.Status() {
		if s.State != balancer.InRotation || s.Slow > 0 {
			t.Errorf("status = %+v", s)
		}
	}
}
