package why

import (
	"math"
	"time"
)

// shift is a lasting change of the level of a series: the level before, the
// level since, and when it came.
type shift struct {
	before, after float64
	spread        float64 // the 95th percentile before
	at            time.Time
	points        int // since
}

// findShift looks for the one moment at which the level of the series changed
// most: the split that leaves the least squared deviation of the two parts from
// their means, as in binary segmentation (Scott and Knott 1974), over form(value),
// which should make the noise even. Unknown points are left out. It is false
// where there is too little to split.
func findShift(values []Num, start time.Time, step Num, form func(float64) float64) (shift, bool) {
	type point struct {
		index int
		value float64
	}
	var known []point
	for i, v := range values {
		if v.Known() {
			known = append(known, point{i, float64(v)})
		}
	}
	n := len(known)
	if n < 8 || step.Or(0) <= 0 {
		return shift{}, false
	}
	sums, squares := make([]float64, n+1), make([]float64, n+1)
	for i, p := range known {
		v := form(p.value)
		sums[i+1], squares[i+1] = sums[i]+v, squares[i]+v*v
	}
	cost := func(from, to int) float64 {
		s := sums[to] - sums[from]
		return squares[to] - squares[from] - s*s/float64(to-from)
	}
	best, least := 0, math.Inf(1)
	for split := 4; split <= n-2; split++ {
		if c := cost(0, split) + cost(split, n); c < least {
			best, least = split, c
		}
	}
	if best == 0 {
		return shift{}, false
	}
	level := func(from, to int) []float64 {
		out := make([]float64, 0, to-from)
		for _, p := range known[from:to] {
			out = append(out, p.value)
		}
		return out
	}
	before := level(0, best)
	return shift{
		before: median(before), after: median(level(best, n)), spread: quantile(before, 0.95),
		at: start.Add(time.Duration(float64(known[best].index) * float64(step) * float64(time.Second))), points: n - best,
	}, true
}

// logarithm evens the noise of latencies, which is a factor. The largest bucket
// is as good as any for what lies above it.
func logarithm(v float64) float64 {
	return math.Log(min(max(v, 1e-5), 1e4))
}

// root evens the noise of shares, whose variance grows with them.
func root(v float64) float64 { return math.Sqrt(min(max(v, 0), 1)) }

// Floors: less than this is noise, whatever the statistics say.
const (
	leastSlower = 0.010 // seconds
	leastErrors = 0.01  // share of the calls of a service
	timesSlower = 1.8   // an instance against itself
)

// slower tells whether a latency rose and stayed up: well above its level before,
// and above nearly all of what it was before.
func (s *shift) slower() bool {
	return s.points > 0 && s.after >= timesSlower*s.before && s.after >= s.before+leastSlower && s.after >= 1.15*s.spread
}

// worse tells whether a share of errors rose and stayed up.
func (s *shift) worse() bool {
	return s.after >= leastErrors && s.after >= 3*s.before && s.after > s.spread
}
