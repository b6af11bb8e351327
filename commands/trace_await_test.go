package commands

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// slowly is a source to which the spans of a trace come one after the other.
type slowly struct {
	fleet.TraceReader
	began time.Time
	spans []fleet.Span
	at    []time.Duration // when each comes
	err   error           // instead
	hangs bool
}

func (s *slowly) Trace(ctx context.Context, id string) (fleet.Trace, error) {
	if s.hangs {
		<-ctx.Done()
		return fleet.Trace{}, ctx.Err()
	}
	t := fleet.Trace{ID: id}
	for i, at := range s.at {
		if time.Since(s.began) >= at {
			t.Spans = append(t.Spans, s.spans[i])
		}
	}
	switch {
	case s.err != nil:
		return fleet.Trace{}, s.err
	case len(t.Spans) == 0:
		return t, &fleet.Error{What: "no trace", Err: fleet.ErrNotFound}
	}
	return t, nil
}

func TestATraceIsAwaited(t *testing.T) {
	own := fleet.Span{ID: "1", Parent: "0"}
	below := fleet.Span{ID: "2", Parent: "1"}
	orphan := fleet.Span{ID: "3", Parent: "9"}
	for name, c := range map[string]struct {
		source   slowly
		n        int
		complete bool
		after    time.Duration
		err      string
	}{
		"all there":                     {slowly{spans: []fleet.Span{own, below}, at: []time.Duration{0, 0}}, 2, true, quiet, ""},
		"children first":                {slowly{spans: []fleet.Span{below, own}, at: []time.Duration{time.Second, 4 * time.Second}}, 2, true, 5 * time.Second, ""},
		"the clock starts anew":         {slowly{spans: []fleet.Span{own, below}, at: []time.Duration{0, 900 * time.Millisecond}}, 2, true, 1900 * time.Millisecond, ""},
		"a parent that never comes":     {slowly{spans: []fleet.Span{orphan}, at: []time.Duration{0}}, 1, false, 10 * time.Second, ""},
		"nothing":                       {slowly{}, 0, false, 10 * time.Second, ""},
		"a source that fails":           {slowly{err: errors.New("it is down")}, 0, false, 0, "it is down"},
		"a source that gives no answer": {slowly{hangs: true}, 0, false, 10 * time.Second, "no answer within 10s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.source.began = time.Now()
				got, complete, err := awaitTrace(t.Context(), &c.source, "t", "0", 10*time.Second)
				if took := time.Since(c.source.began); len(got.Spans) != c.n || complete != c.complete || took != c.after {
					t.Errorf("%d spans, complete: %v, after %s", len(got.Spans), complete, took)
				}
				if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Error(err)
				}
			})
		})
	}
}

func TestWaitingForATraceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		got, complete, err := awaitTrace(ctx, &slowly{began: began, spans: []fleet.Span{{ID: "1", Parent: "9"}}, at: []time.Duration{0}}, "t", "", time.Hour)
		if len(got.Spans) != 1 || complete || err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("%+v, %v, %v after %s", got, complete, err, time.Since(began))
		}
	})
}
