package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
)

// countedReader counts how often it is asked; err is its answer.
type countedReader struct {
	fleet.MetricsReader

	asked   int
	err     error
	callers []fleet.Instance
}

func (c *countedReader) RED(context.Context, fleet.REDQuery) (fleet.REDList, error) {
	c.asked++
	return fleet.REDList{}, c.err
}

func (c *countedReader) Breakers(_ context.Context, callers []fleet.Instance, _ string) (fleet.BreakerList, error) {
	c.asked++
	c.callers = callers
	var list fleet.BreakerList
	for _, in := range callers {
		list.Breakers = append(list.Breakers, fleet.Breaker{Caller: in, Name: "b"})
	}
	return list, c.err
}

func TestMetricsAreOpenedOnceAndAgainAfterAFailure(t *testing.T) {
	now := time.Unix(1000, 0)
	opened, closed := 0, 0
	var why, openErr error
	r := &countedReader{}
	l := &lateMetrics{f: &commands.Factory{
		Now: func() time.Time { return now },
		Metrics: func(context.Context, string) (commands.MetricsSource, error) {
			opened++
			return commands.MetricsSource{Reader: r, Breakers: r, History: why == nil, Why: why, Close: func() { closed++ }}, openErr
		},
	}}
	ask := func(after time.Duration, want int) {
		t.Helper()
		now = now.Add(after)
		_, _ = l.RED(t.Context(), fleet.REDQuery{})
		if opened != want {
			t.Errorf("opened %d times, want %d", opened, want)
		}
	}
	openErr = errors.New("no context")
	ask(0, 1)
	ask(time.Second, 1) // in the pause
	openErr, why = nil, errors.New("prometheus is away")
	ask(afterNone, 2)
	ask(2*time.Second, 2)
	why = nil
	ask(afterFailure, 3) // prometheus came
	ask(time.Hour, 3)
	r.err = errors.New("500")
	ask(time.Hour, 3)
	r.err = nil
	ask(time.Second, 3)
	ask(afterFailure, 4)
	if closed != 2 {
		t.Errorf("%d of the two that were replaced are closed", closed)
	}
}

func TestABreakOffOfOneAskerIsNotRemembered(t *testing.T) {
	opened := 0
	l := &lateMetrics{f: &commands.Factory{
		Now: time.Now,
		Metrics: func(ctx context.Context, _ string) (commands.MetricsSource, error) {
			opened++
			return commands.MetricsSource{Reader: &countedReader{}}, ctx.Err()
		},
	}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.RED(ctx, fleet.REDQuery{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := l.RED(t.Context(), fleet.REDQuery{}); err != nil || opened != 2 {
		t.Errorf("%v, opened %d times", err, opened)
	}
}

func TestBreakersOfInstancesThatOnlyNameAPort(t *testing.T) {
	r := &countedReader{}
	l := &lateMetrics{f: &commands.Factory{Now: time.Now, Metrics: func(context.Context, string) (commands.MetricsSource, error) {
		return commands.MetricsSource{Breakers: r}, nil
	}}}
	_, err := l.Breakers(t.Context(), []fleet.Instance{
		{ID: "a", Addr: "h:1", Meta: map[string]string{"prometheus_port": "9"}}, {ID: "b", Addr: "h:1"},
	}, "")
	if err != nil || len(r.callers) != 1 || r.callers[0].ID != "a" {
		t.Errorf("asked %+v, %v", r.callers, err)
	}
}
