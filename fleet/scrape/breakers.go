package scrape

import (
	"context"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect"
)

// Breakers implements fleet.BreakerReader: each caller is asked once. Since when
// a state lasts is not in the metrics.
func (r *Reader) Breakers(ctx context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	pages := make([]page, len(callers))
	errs := make([]error, len(callers))
	fleet.Each(len(callers), func(i int) {
		get, done, err := r.ask(&callers[i])
		if err != nil {
			errs[i] = err
			return
		}
		defer done()
		pages[i], errs[i] = get(ctx)
	})
	if ctx.Err() != nil {
		return fleet.BreakerList{}, context.Cause(ctx)
	}
	var list fleet.BreakerList
	for i := range callers {
		if errs[i] != nil {
			list.Missing = append(list.Missing, missing(&callers[i], "breakers", errs[i]))
			continue
		}
		var gauges []dialect.Gauge
		for _, s := range pages[i].samples {
			if dialect.IsBreaker(s.name) {
				gauges = append(gauges, dialect.Gauge{Name: s.name, Labels: s.labels, Value: s.value})
			}
		}
		for _, b := range dialect.Breakers(callers[i], gauges) {
			if dialect.Towards(&b, target) {
				b.Provenance = provenance(Address(&callers[i]), "GET /metrics")
				list.Breakers = append(list.Breakers, b)
			}
		}
	}
	slices.SortStableFunc(list.Breakers, dialect.CompareBreakers)
	return list, nil
}
