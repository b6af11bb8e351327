package jaeger

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// found is an answer to a search, before it is checked.
type found struct {
	traces     []fleet.Trace
	more       bool // the source may have others
	provenance fleet.Provenance
}

// SearchTraces finds traces. Without a service each is asked about, since a
// Jaeger searches within one; where there are too many, the answer says that there
// may be more.
func (r *Reader) SearchTraces(ctx context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	got, err := r.find(ctx, &q)
	if err != nil {
		return fleet.TraceList{}, err
	}
	list := fleet.SummarizeTraces(&q, got.traces)
	list.More = list.More || got.more
	list.Provenance = got.provenance
	return list, nil
}

func (r *Reader) find(ctx context.Context, q *fleet.TraceQuery) (found, error) {
	if q.Service != "" {
		return r.findOf(ctx, q)
	}
	services, err := r.TraceServices(ctx)
	if err != nil {
		return found{}, err
	}
	all := found{more: len(services) > maxServices}
	services = services[:min(len(services), maxServices)]
	answers, errs := make([]found, len(services)), make([]error, len(services))
	slots := make(chan struct{}, atOnce)
	var asked sync.WaitGroup
	for i, service := range services {
		slots <- struct{}{}
		asked.Go(func() {
			of := *q
			of.Service = service
			answers[i], errs[i] = r.findOf(ctx, &of)
			<-slots
		})
	}
	asked.Wait()
	seen := map[string]bool{}
	for i := range answers {
		all.more = all.more || answers[i].more
		all.provenance = answers[i].provenance
		for _, t := range answers[i].traces {
			if !seen[t.ID] {
				seen[t.ID] = true
				all.traces = append(all.traces, t)
			}
		}
	}
	if len(services) == 0 {
		all.provenance = r.provenance("/api/v3/services", nil)
	}
	return all, cmp.Or(errs...)
}

// findOf asks about one service.
func (r *Reader) findOf(ctx context.Context, q *fleet.TraceQuery) (found, error) {
	older := func() (found, error) { return r.searchV1(ctx, q) }
	newer := func() (found, error) { return r.searchV3(ctx, q) }
	if len(q.Tags) > 0 || q.ErrorsOnly {
		return either(older, newer)
	}
	return either(newer, older)
}

// depth is how many traces are asked for.
func depth(q *fleet.TraceQuery, filteredHere bool) int {
	// One more than is wanted tells that there are more.
	n := q.Limit + 1
	if filteredHere {
		n = q.Limit * sieve
	}
	return min(n, maxDepth)
}

// window is the time in which spans begin. Both APIs want one.
func (r *Reader) window(q *fleet.TraceQuery) (start, end time.Time) {
	start, end = q.Start, q.End
	if start.IsZero() {
		start = time.Unix(0, 0)
	}
	if end.IsZero() {
		end = r.now().Add(time.Hour) // a clock may be ahead of this one
	}
	return start, end
}

// newest sorts traces and leaves those that were asked for, since a source may
// return more.
func newest(traces []fleet.Trace, most int) []fleet.Trace {
	if len(traces) <= most {
		return traces
	}
	start := func(t *fleet.Trace) time.Time {
		if len(t.Spans) == 0 {
			return time.Time{}
		}
		return t.Spans[0].Start
	}
	slices.SortStableFunc(traces, func(a, b fleet.Trace) int { return start(&b).Compare(start(&a)) })
	return traces[:most]
}

var errNoTraces = errors.New("no answer with traces")
