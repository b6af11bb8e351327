package why_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/ops/why/whytest"
)

// ahead is what a world says whose clocks are an hour ahead.
type ahead struct {
	why.StartReader
	fleet.BreakerReader
	fleet.EventReader
	fleet.TraceReader
	why.ControlReader
}

func (a ahead) StartTimes(ctx context.Context, instances []fleet.Instance, at time.Time) (map[string]time.Time, error) {
	starts, err := a.StartReader.StartTimes(ctx, instances, at)
	for id := range starts {
		starts[id] = at.Add(time.Hour)
	}
	return starts, err
}

func (a ahead) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	list, err := a.BreakerReader.Breakers(ctx, callers, target)
	for i := range list.Breakers {
		list.Breakers[i].Since = list.Breakers[i].Since.Add(2 * time.Hour)
	}
	return list, err
}

func (a ahead) Events(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error) {
	list, err := a.EventReader.Events(ctx, service, since, until)
	for i := range list.Events {
		list.Events[i].At = list.Events[i].At.Add(3 * time.Hour)
	}
	return list, err
}

func (a ahead) SearchTraces(ctx context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
	list, err := a.TraceReader.SearchTraces(ctx, q)
	for i := range list.Traces {
		list.Traces[i].Start = list.Traces[i].Start.Add(time.Hour)
	}
	return list, err
}

func (a ahead) Trace(ctx context.Context, id string) (fleet.Trace, error) {
	t, err := a.TraceReader.Trace(ctx, id)
	for i := range t.Spans {
		t.Spans[i].Start = t.Spans[i].Start.Add(time.Hour)
	}
	return t, err
}

func (a ahead) InForce(ctx context.Context, in fleet.Instance) ([]why.ChangeFact, error) {
	changes, err := a.ControlReader.InForce(ctx, in)
	for i := range changes {
		changes[i].At = changes[i].At.Add(3 * time.Hour)
	}
	return changes, err
}

// What clocks that are ahead say began in the future began at an unknown time.
func TestNothingBeganInTheFuture(t *testing.T) {
	for _, fault := range []whytest.Fault{whytest.BreakerFlaps, whytest.BreakerForced, whytest.BadDeploy, whytest.KilledInstance, whytest.DatabaseSlow} {
		w := whytest.Complete(fault, 1)
		synctest.Test(t, func(t *testing.T) {
			s := w.Sources()
			starts, breakers, events, traces, control := s.Starts, s.Breakers, s.Events, s.Traces, s.Control
			s.Starts = func(ctx context.Context) (why.StartReader, error) {
				r, err := starts(ctx)
				return ahead{StartReader: r}, err
			}
			s.Breakers = func(ctx context.Context) (fleet.BreakerReader, error) {
				r, err := breakers(ctx)
				return ahead{BreakerReader: r}, err
			}
			s.Events = func(ctx context.Context) (fleet.EventReader, error) {
				r, err := events(ctx)
				return ahead{EventReader: r}, err
			}
			s.Traces = func(ctx context.Context) (fleet.TraceReader, error) {
				r, err := traces(ctx)
				return ahead{TraceReader: r}, err
			}
			s.Control = func(ctx context.Context) (why.ControlReader, error) {
				r, err := control(ctx)
				return ahead{ControlReader: r}, err
			}
			r, facts, err := why.Run(t.Context(), s, why.Options{Service: "user", Now: w.Time})
			if err != nil {
				t.Fatal(err)
			}
			began := []time.Time{r.Since}
			for _, c := range r.Causes {
				began = append(began, c.Since)
			}
			for _, s := range r.Symptoms {
				began = append(began, s.Since)
			}
			for _, c := range r.Changes {
				began = append(began, c.At)
			}
			for _, tr := range facts.Traces {
				began = append(began, tr.Start)
			}
			if r.Trace != nil {
				began = append(began, r.Trace.Start)
			}
			for _, at := range began {
				if at.After(r.At) {
					t.Errorf("%s: something began in %s: %+v", fault, at.Sub(r.At), r)
					break
				}
			}
			if len(r.Causes) == 0 {
				t.Errorf("%s: no cause is named", fault)
			}
		})
	}
}
