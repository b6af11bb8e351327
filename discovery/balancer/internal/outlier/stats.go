package outlier

import "math"

// lower returns the lower end of Wilson's score interval for a share of bad out
// of n, at three standard deviations: the share that is at least to be believed.
// https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval
func lower(bad, n float64) float64 {
	if n <= 0 || bad <= 0 {
		return 0
	}
	const z2 = 3 * 3
	p := min(bad/n, 1)
	return max(0, (p+z2/(2*n)-math.Sqrt(z2*(p*(1-p)/n+z2/(4*n*n))))/(1+z2/n))
}

// surprising returns how many failures in a row are no accident where a share of
// base of all calls fails: as many as happen by chance once in 100,000 times, and
// atLeast.
func surprising(base float64, atLeast int) int {
	switch {
	case base <= 0:
		return atLeast
	case base >= 1:
		return math.MaxInt
	}
	return max(atLeast, int(math.Ceil(math.Log(1e-5)/math.Log(base))))
}
