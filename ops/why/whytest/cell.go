package whytest

import (
	"math"
	"math/rand/v2"
)

// The gRPC codes that occur.
const (
	ok = iota
	unavailable
	internal
	deadline
	exhausted
	unimplemented
	invalid
	notFound
	unknownCode
	codes
)

var codeNames = [codes]string{
	"OK", "UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "INVALID_ARGUMENT", "NOT_FOUND", "UNKNOWN",
}

// The buckets that are in use: those of Prometheus' Go client, and those of
// grpc-go's OpenTelemetry metrics.
var (
	coarse = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	fine   = []float64{
		.001, .002, .003, .004, .005, .006, .008, .01, .013, .016, .02, .025, .03, .04, .05, .065, .08, .1, .13, .16, .2, .25, .3, .4, .5, .65, .8, 1, 2, 5, 10, 20,
	}
)

// cell counts the calls of one tick.
type cell struct {
	codes [codes]float64
	hist  []float64 // by bucket, the last one is above all
}

func newCell(bounds []float64) cell { return cell{hist: make([]float64, len(bounds)+1)} }

func (c *cell) add(o *cell) {
	for i, n := range o.codes {
		c.codes[i] += n
	}
	for i, n := range o.hist {
		c.hist[i] += n
	}
}

func (c *cell) observe(bounds []float64, seconds, n float64) {
	i := 0
	for i < len(bounds) && seconds > bounds[i] {
		i++
	}
	c.hist[i] += n
}

func (c *cell) calls() float64 {
	n := 0.0
	for _, v := range c.codes {
		n += v
	}
	return n
}

// errors is the share of calls with a code that is a failure.
func (c *cell) errors() float64 {
	n := c.calls()
	if n == 0 {
		return math.NaN()
	}
	return (n - c.codes[ok] - c.codes[invalid] - c.codes[notFound]) / n
}

// quantile is histogram_quantile of Prometheus: linear within a bucket, the
// largest bound above it.
func (c *cell) quantile(bounds []float64, q float64) float64 {
	total := 0.0
	for _, n := range c.hist {
		total += n
	}
	if total < 1e-9 {
		return math.NaN()
	}
	rank, seen := q*total, 0.0
	for i, n := range c.hist {
		if seen+n >= rank && n > 0 {
			if i == len(bounds) {
				return bounds[len(bounds)-1]
			}
			low := 0.0
			if i > 0 {
				low = bounds[i-1]
			}
			return low + (bounds[i]-low)*(rank-seen)/n
		}
		seen += n
	}
	return bounds[len(bounds)-1]
}

// thin is what a part of the cell's time would have counted.
func (c *cell) thin(share float64, r *rand.Rand) cell {
	out := cell{hist: make([]float64, len(c.hist))}
	for i, n := range c.codes {
		out.codes[i] = poisson(r, n*share)
	}
	for i, n := range c.hist {
		out.hist[i] = poisson(r, n*share)
	}
	return out
}

// poisson draws from the Poisson distribution; from the normal one that it is
// close to where the mean is large.
func poisson(r *rand.Rand, mean float64) float64 {
	switch {
	case mean <= 0:
		return 0
	case mean > 40:
		return math.Max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64()))
	}
	limit, p, n := math.Exp(-mean), 1.0, -1.0
	for p > limit {
		p *= r.Float64()
		n++
	}
	return n
}

// binomial draws how many of n happen, each with probability p.
func binomial(r *rand.Rand, n, p float64) float64 {
	switch {
	case p >= 1:
		return n
	case p > 0.5:
		return n - binomial(r, n, 1-p)
	case n*p < 20:
		return math.Min(n, poisson(r, n*p))
	default:
		return math.Max(0, math.Min(n, math.Round(n*p+math.Sqrt(n*p*(1-p))*r.NormFloat64())))
	}
}

// between draws evenly, logBetween evenly by magnitude.
func between(r *rand.Rand, low, high float64) float64 { return low + (high-low)*r.Float64() }

func logBetween(r *rand.Rand, low, high float64) float64 {
	return math.Exp(between(r, math.Log(low), math.Log(high)))
}

func lognormal(r *rand.Rand, median, sigma float64) float64 {
	return median * math.Exp(sigma*r.NormFloat64())
}
