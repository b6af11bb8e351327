package dialect

import (
	"cmp"
	"math"
	"slices"
)

// Interval is a rate of calls that took between Low and High; High is +Inf for
// those above the largest bucket.
type Interval struct{ Low, High, Rate float64 }

// Quantile returns the duration that a share q of the calls did not exceed,
// taking those of one interval as spread evenly over it, as Prometheus'
// histogram_quantile does for classic histograms. Histograms with different
// bounds may be mixed. It is +Inf where it lies above the largest bucket, and
// NaN where there were no calls.
func Quantile(q float64, intervals []Interval) float64 {
	var total float64
	type edge struct{ at, slope, jump float64 }
	edges := make([]edge, 0, 2*len(intervals))
	for _, i := range intervals {
		total += i.Rate
		switch {
		case math.IsInf(i.High, 1) || i.Rate <= 0:
		case i.High <= i.Low:
			edges = append(edges, edge{at: i.Low, jump: i.Rate})
		default:
			slope := i.Rate / (i.High - i.Low)
			edges = append(edges, edge{at: i.Low, slope: slope}, edge{at: i.High, slope: -slope})
		}
	}
	if total <= 0 || math.IsInf(total, 0) {
		return math.NaN()
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	want := q * total
	var at, sum, slope float64
	for _, e := range edges {
		if grown := sum + slope*(e.at-at); grown >= want && slope > 0 && grown > sum {
			return at + (want-sum)/slope
		}
		sum += slope*(e.at-at) + e.jump
		slope += e.slope
		at = e.at
		if e.jump > 0 && sum >= want {
			return at
		}
	}
	if sum >= want*(1-1e-9) { // what rounding took
		return at
	}
	return math.Inf(1)
}

// Highest returns the largest finite bound below which nothing more is known.
func Highest(intervals []Interval) float64 {
	var bound float64
	for _, i := range intervals {
		if math.IsInf(i.High, 1) {
			bound = max(bound, i.Low)
		}
	}
	return bound
}
