package prom

import (
	"context"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Query implements fleet.Querier. Of a native histogram the value is its sum.
func (r *Reader) Query(ctx context.Context, promql string, at time.Time) (fleet.QueryResult, error) {
	return r.result(ctx, promql, when{at: at})
}

// QueryRange implements fleet.Querier.
func (r *Reader) QueryRange(ctx context.Context, promql string, start, end time.Time, step time.Duration) (fleet.QueryResult, error) {
	return r.result(ctx, promql, when{start: start, end: end, step: step})
}

func (r *Reader) result(ctx context.Context, promql string, w when) (fleet.QueryResult, error) {
	a, err := r.ask(ctx, promql, w)
	if err != nil {
		return fleet.QueryResult{}, err
	}
	out := fleet.QueryResult{Warnings: a.warnings, Provenance: r.provenance(promql)}
	for _, s := range a.series {
		points := make([]fleet.Point, len(s.points))
		for i, p := range s.points {
			points[i] = fleet.Point{At: p.at, Value: p.value}
		}
		out.Series = append(out.Series, fleet.Series{Labels: s.labels, Points: points})
	}
	return out, nil
}

// Interval returns how often Prometheus scrapes, as its targets tell: between a
// second and a minute.
func (r *Reader) Interval(ctx context.Context) time.Duration {
	const looked = 5 * time.Minute
	a, err := r.ask(ctx, "max(count_over_time(up[5m]))", when{})
	if err != nil || len(a.series) == 0 || len(a.series[0].points) == 0 || !(a.series[0].points[0].value >= 1) {
		return 5 * time.Second
	}
	return min(max(looked/time.Duration(a.series[0].points[0].value), time.Second), time.Minute).Round(time.Second)
}
