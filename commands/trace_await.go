package commands

import (
	"context"
	"errors"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

const (
	// quiet is how long nothing new must have come to a trace until it counts as
	// complete.
	quiet = time.Second
	// again is how long to wait before a trace is asked for once more.
	again = 100 * time.Millisecond
)

// awaitTrace reads a trace until it is complete: every parent is there, but for
// the span own, which nobody sends, and nothing new came for a second. After limit,
// or when ctx ends, it returns what came, which may be nothing. A source that has
// not answered by then is an error.
func awaitTrace(ctx context.Context, reader fleet.TraceReader, id, own string, limit time.Duration) (t fleet.Trace, complete bool, failed error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errNoTraceYet)
	defer cancel()
	tick := time.NewTicker(again)
	defer tick.Stop()
	var last time.Time // that something new came
	answered := false
	for {
		found, err := reader.Trace(ctx, id)
		switch missing := errors.Is(err, fleet.ErrNotFound); {
		case ctx.Err() != nil: // the answer may be cut off
		case err != nil && !missing:
			return t, false, err
		default:
			answered = true
			if len(found.Spans) > len(t.Spans) {
				t, last = found, time.Now()
			}
		}
		if len(t.Spans) > 0 && time.Since(last) >= quiet && parentsThere(&t, own) {
			return t, true, nil
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		if !answered && errors.Is(context.Cause(ctx), errNoTraceYet) {
			return t, false, &fleet.Error{What: "no answer within " + limit.String(), Hint: "what keeps the traces may be hanging; gctl doctor looks at all backends"}
		}
		return t, false, nil
	}
}

var errNoTraceYet = errors.New("the time to wait for a trace is over")

func parentsThere(t *fleet.Trace, own string) bool {
	there := make(map[string]bool, len(t.Spans))
	for i := range t.Spans {
		there[t.Spans[i].ID] = true
	}
	for i := range t.Spans {
		if p := t.Spans[i].Parent; p != "" && p != own && !there[p] {
			return false
		}
	}
	return true
}
