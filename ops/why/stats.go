package why

import (
	"math"
	"slices"
)

// median returns the middle of the known values, NaN if there are none.
func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile returns the q-th quantile of the known values by linear
// interpolation, NaN if there are none.
func quantile(values []float64, q float64) float64 {
	known := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	if len(known) == 0 {
		return math.NaN()
	}
	slices.Sort(known)
	at := q * float64(len(known)-1)
	low := int(at)
	if low+1 >= len(known) || known[low] == known[low+1] { // also where both are infinite
		return known[low]
	}
	return known[low] + (at-float64(low))*(known[low+1]-known[low])
}

// mad is the median absolute deviation from the median, times 1.4826, which
// makes it an estimate of the standard deviation of normal values that half of
// them may be wrong without spoiling.
func mad(values []float64) float64 {
	m := median(values)
	deviations := make([]float64, 0, len(values))
	for _, v := range values {
		deviations = append(deviations, math.Abs(v-m))
	}
	return 1.4826 * median(deviations)
}

// outlying is the robust score from which a value counts as an outlier among its
// siblings: 3.5 deviations, as Iglewicz and Hoaglin recommend (How to Detect and
// Handle Outliers, ASQC 1993).
const outlying = 3.5

// outlierScore says by how many robust deviations a value lies above those of
// its siblings. With few siblings the MAD is often next to nothing, so a
// deviation is at least a share of the median, and least.
func outlierScore(value float64, siblings []float64, least float64) float64 {
	m := median(siblings)
	scale := max(mad(siblings), 0.1*m, least)
	if math.IsInf(value, 1) && !math.IsInf(m, 1) {
		return math.Inf(1)
	}
	score := (value - m) / scale
	if math.IsNaN(score) {
		return 0
	}
	return score
}

// moreThanChance tells whether so many failures among n calls are more than
// calls that fail with the probability p would bring: more than four standard
// deviations of the Poisson distribution above the mean, and some to spare.
func moreThanChance(failures, n, p float64) bool {
	expected := n * p
	return failures > expected+4*math.Sqrt(expected)+3
}

// weighted is a mean of known values by weights.
type weighted struct{ sum, weight float64 }

func (w *weighted) add(value, weight float64) {
	if math.IsNaN(value) || math.IsNaN(weight) || weight <= 0 {
		return
	}
	w.sum += value * weight
	w.weight += weight
}

func (w *weighted) mean() float64 {
	if w.weight == 0 {
		return math.NaN()
	}
	return w.sum / w.weight
}

// ratio divides, and is 1 where it cannot be told.
func ratio(a, b float64) float64 {
	switch r := a / b; {
	case math.IsNaN(r):
		return 1
	default:
		return r
	}
}
