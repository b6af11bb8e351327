package dialect_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gctl-dev/gctl/fleet/dialect"
)

func TestQuantilesAreThoseOfPrometheus(t *testing.T) {
	inf := math.Inf(1)
	// 10 calls up to 1, 40 up to 2, 50 up to 4: the values that Prometheus'
	// histogram_quantile gives for buckets 10, 50, 100.
	ladder := []dialect.Interval{{Low: 0, High: 1, Rate: 10}, {Low: 1, High: 2, Rate: 40}, {Low: 2, High: 4, Rate: 50}}
	for q, want := range map[float64]float64{0.05: .5, .1: 1, .3: 1.5, .5: 2, .75: 3, .99: 3.96, 1: 4} {
		if got := dialect.Quantile(q, ladder); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	above := append(slices.Clone(ladder), dialect.Interval{Low: 4, High: inf, Rate: 100})
	if got := dialect.Quantile(.6, above); !math.IsInf(got, 1) || dialect.Highest(above) != 4 {
		t.Errorf("%v above %v", got, dialect.Highest(above))
	}
	if got := dialect.Quantile(.25, above); got != 2 {
		t.Errorf("%v", got)
	}
	// Two histograms with other bounds: evenly spread over 0 to 4 and 0 to 2.
	if got := dialect.Quantile(.5, []dialect.Interval{{Low: 0, High: 4, Rate: 4}, {Low: 0, High: 2, Rate: 2}}); math.Abs(got-1.5) > 1e-9 {
		t.Errorf("%v", got)
	}
	// A gap, and a point.
	if got := dialect.Quantile(.5, []dialect.Interval{{Low: 0, High: 1, Rate: 1}, {Low: 5, High: 6, Rate: 2}}); math.Abs(got-5.25) > 1e-9 {
		t.Errorf("%v", got)
	}
	if got := dialect.Quantile(.5, []dialect.Interval{{Low: 0, High: 0, Rate: 3}, {Low: 1, High: 2, Rate: 1}}); got != 0 {
		t.Errorf("%v", got)
	}
	for _, none := range [][]dialect.Interval{nil, {{Low: 0, High: 1}}} {
		if got := dialect.Quantile(.5, none); !math.IsNaN(got) {
			t.Errorf("%v", got)
		}
	}
}

func FuzzQuantile(f *testing.F) {
	f.Add(0.5, 0.0, 1.0, 3.0, 1.0, 2.0, 4.0)
	f.Add(0.99, 0.0, 0.001, 1e-9, 0.5, 0.5, 1e9)
	f.Fuzz(func(t *testing.T, q, low, high, rate, low2, high2, rate2 float64) {
		for _, v := range []float64{low, high, rate, low2, high2, rate2} {
			if math.IsNaN(v) || v < 0 || v > 1e12 || v > 0 && v < 1e-9 {
				return
			}
		}
		if !(q > 0 && q <= 1) || high < low || high2 < low2 {
			return
		}
		all := []dialect.Interval{{Low: low, High: high, Rate: rate}, {Low: low2, High: high2, Rate: rate2}}
		got := dialect.Quantile(q, all)
		if rate+rate2 == 0 {
			if !math.IsNaN(got) {
				t.Errorf("%v of nothing", got)
			}
			return
		}
		least, most := min(low, low2), max(high, high2)
		if math.IsNaN(got) || got < least-1e-6*most-1e-9 || got > most+1e-6*most+1e-9 {
			t.Errorf("quantile %v of %+v is %v", q, all, got)
		}
	})
}
