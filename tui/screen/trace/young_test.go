package trace_test

import (
	"context"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
)

// Of a call that has just been made not all spans are there yet: what comes is shown
// without a key, until the trace is old.
func TestAYoungTraceGrows(t *testing.T) {
	all, asked := call(), 0
	there := 2
	s, look := open(t, &jaeger{trace: func(_ context.Context, id string) (fleet.Trace, error) {
		asked++
		return fleet.Trace{ID: id, Spans: all[:there]}, nil
	}}, id)
	look.Clock = screentest.Now()
	screentest.Send(s, look, screen.Shown{})
	screentest.Want(t, s, look, "2 spans")
	there = len(all)
	look.Clock = look.Clock.Add(time.Second)
	screentest.Send(s, look, screen.Changed{})
	if asked != 1 {
		t.Errorf("asked %d times within a second", asked)
	}
	look.Clock = look.Clock.Add(time.Second)
	screentest.Send(s, look, screen.Changed{})
	screentest.Want(t, s, look, "5 spans")
	look.Clock = look.Clock.Add(time.Minute)
	screentest.Send(s, look, screen.Changed{})
	if asked != 2 {
		t.Errorf("asked %d times, also when it is old", asked)
	}
}
