package commands

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
)

// askedTraces answers searches by a function.
type askedTraces struct {
	fleet.TraceReader

	search func(context.Context, fleet.TraceQuery) (fleet.TraceList, error)
}

func (a askedTraces) SearchTraces(ctx context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
	return a.search(ctx, q)
}

func completedTraces(t *testing.T, reader fleet.TraceReader, failed error, given []string, toComplete string) []string {
	t.Helper()
	f, _ := testFactory(nil)
	f.Context = func() (config.Context, error) { return config.Context{}, nil }
	f.Traces = func(context.Context) (fleet.TraceReader, error) { return reader, failed }
	cmd := newTrace(f)
	cmd.SetContext(t.Context())
	out, _ := cmd.ValidArgsFunction(cmd, given, toComplete)
	return out
}

func TestTracesAreCompletedNewestFirst(t *testing.T) {
	reader := askedTraces{search: func(_ context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
		if q.Limit <= 0 || q.Limit > 100 || q.Start.IsZero() {
			t.Errorf("asked without bounds: %+v", q)
		}
		return fleet.TraceList{Traces: []fleet.TraceSummary{
			{ID: "ab02", Root: "edge GET\x1b[2J /b", Duration: 1234567}, {ID: "cd", Root: "x"}, {ID: "ab01\x1b", Root: "x"}, {ID: "ab00", Root: "edge GET /a"},
		}}, nil
	}}
	if got, want := completedTraces(t, reader, nil, nil, "AB"), []string{"ab02\tedge GET /b, 1.23ms", "ab00\tedge GET /a, 0s"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := completedTraces(t, reader, nil, []string{"ab02"}, "ab"), []string{"ab00\tedge GET /a, 0s"}; !slices.Equal(got, want) {
		t.Errorf("the second: %q, want %q", got, want)
	}
	if got := completedTraces(t, reader, nil, []string{"ab02", "ab00"}, ""); len(got) > 0 {
		t.Errorf("a third: %q", got)
	}
}

// Who presses TAB is not told of errors, and does not wait.
func TestTracesThatCannotBeAskedAreNotProposed(t *testing.T) {
	if got := completedTraces(t, nil, errors.New("no jaeger"), nil, ""); len(got) > 0 {
		t.Errorf("%q", got)
	}
	fails := askedTraces{search: func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) { return fleet.TraceList{}, errAway }}
	if got := completedTraces(t, fails, nil, nil, ""); len(got) > 0 {
		t.Errorf("%q", got)
	}
	over := make(chan struct{})
	defer close(over)
	deaf := askedTraces{search: func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) {
		<-over
		return fleet.TraceList{}, nil
	}}
	begun := time.Now()
	if got := completedTraces(t, deaf, nil, nil, ""); len(got) > 0 || time.Since(begun) > 10*completionTime {
		t.Errorf("%q after %s", got, time.Since(begun))
	}
}
