package controltest

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// watch is a stream of WatchBreakers whose sequence is checked.
type watch struct {
	grpc.ServerStreamingClient[controlv1.WatchBreakersResponse]

	cancel context.CancelFunc
	want   int64
}

func (c *client) watch(t *testing.T, target string) *watch {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	t.Cleanup(cancel)
	stream, err := c.WatchBreakers(ctx, &controlv1.WatchBreakersRequest{Target: target})
	if err != nil {
		t.Fatalf("WatchBreakers: %v", err)
	}
	return &watch{stream, cancel, 0}
}

// next returns the next message, which must have the next number.
func (w *watch) next(t *testing.T) *controlv1.WatchBreakersResponse {
	t.Helper()
	response, err := w.Recv()
	if err != nil {
		t.Fatalf("message %d: %v", w.want, err)
	}
	if response.GetSequence() != w.want {
		t.Fatalf("sequence = %d, want %d", response.GetSequence(), w.want)
	}
	w.want++
	return response
}

// until reads until the fixture's breaker comes with what is looked for.
func (w *watch) until(t *testing.T, c *client, ok func(*controlv1.Breaker) bool) *controlv1.Breaker {
	t.Helper()
	for {
		response := w.next(t)
		if len(response.GetBreakers()) == 0 {
			t.Fatalf("message %d has no breaker", response.GetSequence())
		}
		if b := c.breaker(response.GetBreakers()); b != nil && ok(b) {
			return b
		}
	}
}

func overridden(o controlv1.BreakerOverride) func(*controlv1.Breaker) bool {
	return func(b *controlv1.Breaker) bool { return b.GetOverride() == o }
}

func testWatch(t *testing.T, c *client) {
	w := c.watch(t, "")
	snapshot, listed := w.next(t).GetBreakers(), c.breakers(t, "")
	if len(snapshot) != len(listed) {
		t.Fatalf("the snapshot has %d breakers, the list %d", len(snapshot), len(listed))
	}
	for i := range listed {
		if !proto.Equal(snapshot[i], listed[i]) {
			t.Errorf("snapshot: %v, list: %v", snapshot[i], listed[i])
		}
	}
	forced := c.override(t, controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN)
	b := w.until(t, c, overridden(controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN))
	if b.GetEtag() != forced.GetChange().GetEtag() {
		t.Errorf("watched %v, want the etag of %v", b, forced.GetChange())
	}
	c.override(t, controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE)
	w.until(t, c, overridden(controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE))
	c.Breakers.Trip()
	w.until(t, c, func(b *controlv1.Breaker) bool { return b.GetState() == controlv1.BreakerState_BREAKER_STATE_OPEN })

	// A change that leaves the value as it is has a new etag, and is a change.
	c.override(t, controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_CLOSED)
	first := w.until(t, c, overridden(controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_CLOSED))
	again := c.override(t, controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_CLOSED)
	w.until(t, c, func(b *controlv1.Breaker) bool {
		return b.GetEtag() == again.GetChange().GetEtag() && b.GetEtag() != first.GetEtag()
	})
}

func testWatchTarget(t *testing.T, c *client) {
	mine, other := c.watch(t, c.Breakers.Target), c.watch(t, "no-such-target")
	if list := other.next(t).GetBreakers(); len(list) != 0 {
		t.Errorf("towards nothing: %v", list)
	}
	if c.breaker(mine.next(t).GetBreakers()) == nil {
		t.Error("not in the snapshot")
	}
	arrived := make(chan error, 1)
	go func() {
		_, err := other.Recv()
		arrived <- err
	}()
	c.override(t, controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN)
	mine.until(t, c, overridden(controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN))
	other.cancel()
	if err := <-arrived; err == nil {
		t.Error("a watch of another target got the change")
	}
	_, err := c.watch(t, string(make([]byte, 300))).Recv()
	wantInvalid(t, "a long target", err, "target")
}

// The client does not read while there are many more changes than fit into the
// buffers between it and the server.
func testWatchSlow(t *testing.T, c *client) {
	slow := c.watch(t, "")
	slow.next(t)
	for i := range 1000 {
		c.override(t, controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN+controlv1.BreakerOverride(i%2))
	}
	last := c.override(t, controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE).GetChange().GetEtag()
	slow.until(t, c, func(b *controlv1.Breaker) bool { return b.GetEtag() == last })
}

func testWatchStop(t *testing.T, c *client) {
	w := c.watch(t, "")
	w.next(t)
	c.Stop()
	_, err := w.Recv()
	wantCode(t, "a watch of a server that stops", err, codes.Unavailable)
}
