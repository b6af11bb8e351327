package why

import (
	"fmt"
	"math"
)

// compareErrors finds the instances that fail more than their siblings.
func (g *serviceSignals) compareErrors() {
	for _, m := range g.members {
		if m.calls < fewCalls || math.IsNaN(m.errors) {
			continue
		}
		var rest weighted
		for _, o := range g.members {
			if o != m && o.calls >= fewCalls {
				rest.add(o.errors, o.calls)
			}
		}
		m.failRest = rest.mean()
		usual := rest.mean()
		if math.IsNaN(usual) { // alone: against what is normal anywhere
			continue
		}
		m.failing = m.errors >= 2*leastErrors && m.errors >= 3*usual && moreThanChance(m.errors*m.calls, m.calls, max(0.002, 1.5*usual))
	}
}

// How much slower than its siblings an instance must be.
const (
	timesMedian = 1.75 // by the median of the calls of a method, and more where there are few
	timesTail   = 2.2  // by the 95th percentile
)

// compareLatency finds the instances that are slower than their siblings, method
// by method, since instances may get different ones.
func (g *serviceSignals) compareLatency() {
	for _, m := range g.members {
		slow, all := 0.0, 0.0
		var by weighted
		worst := 0.0
		for i := range g.timed {
			c := &g.timed[i]
			if c.Instance != m.ID || c.count() < fewCalls/2 {
				continue
			}
			r, text := g.slowerThanSiblings(c)
			all += c.count()
			if r == 0 {
				continue
			}
			slow += c.count()
			by.add(min(r, 1000), c.count())
			if c.count() > worst {
				worst, m.slowText = c.count(), text
			}
		}
		if all >= fewCalls && slow >= 0.3*all {
			m.slow, m.slowBy = true, by.mean()
		}
	}
	g.compareTails()
}

// slowerThanSiblings returns by what factor the instance of c is slower in its
// method than its siblings, 0 if it is not.
func (g *serviceSignals) slowerThanSiblings(c *CallFact) (times float64, text string) {
	var medians, tails []float64
	for i := range g.timed {
		o := &g.timed[i]
		if o.Method != c.Method || o.Instance == c.Instance || o.count() < fewCalls/2 || o.Errors.Or(0) >= 0.1 {
			continue // what fails at once is no measure
		}
		medians = append(medians, float64(o.P50))
		if o.count() >= fewTails {
			tails = append(tails, float64(o.P95))
		}
	}
	judge := func(value float64, siblings []float64, factor, floor float64, name string) (float64, string) {
		m := median(siblings)
		if len(siblings) == 0 || !(value >= factor*m && value >= m+floor) || outlierScore(value, siblings, floor/outlying) < outlying {
			return 0, ""
		}
		return ratio(value, m), fmt.Sprintf("%s of %s %s, its siblings %s", name, short(c.Method), seconds(value), seconds(m))
	}
	// The median of n calls is off by a factor of about exp(1.25 sd/sqrt(n)); latencies
	// have a deviation of about 1 in their logarithm.
	if r, text := judge(float64(c.P50), medians, timesMedian+5/math.Sqrt(c.count()), leastSlower/2, "median"); r > 0 {
		return r, text
	}
	// A pause of the garbage collector moves the tail of some minutes: where there
	// are series, compareTails looks at more of them.
	if c.count() < fewTails || g.hasHistory() {
		return 0, ""
	}
	return judge(float64(c.P95), tails, timesTail+8/math.Sqrt(c.count()), 2*leastSlower, "p95")
}

// tailsBack is how many points are compared, and how many of them must be known.
const (
	tailsBack = 10
	tailsLeft = 8
)

// compareTails finds an instance whose slowest calls are slower than those of its
// siblings for as long as the series show it: too few to move the median.
func (g *serviceSignals) compareTails() {
	var own []*RangeFact
	for i := range g.Over {
		if g.Over[i].Instance != "" && len(g.Over[i].P99) > 0 {
			own = append(own, &g.Over[i])
		}
	}
	if len(own) < 3 {
		return
	}
	for _, r := range own {
		m := g.member(r.Instance)
		if m == nil || m.slow || !m.slower {
			continue
		}
		if times, ok := slowTail(r, own); ok {
			m.slow, m.slowBy = true, times
			m.slowText = fmt.Sprintf("p99 %s, %.1f times that of its siblings, for minutes", seconds(float64(r.P99[len(r.P99)-1])), m.slowBy)
		}
	}
}

// slowTail tells whether nearly all of the last points of a series lie well above
// those of the others.
func slowTail(r *RangeFact, all []*RangeFact) (times float64, yes bool) {
	late, known := 0, 0
	var by []float64
	for back := 1; back <= min(tailsBack, len(r.P99)); back++ {
		var rest []float64
		for _, o := range all {
			if o != r && back <= len(o.P99) {
				rest = append(rest, float64(o.P99[len(o.P99)-back]))
			}
		}
		v, usual := float64(r.P99[len(r.P99)-back]), median(rest)
		if math.IsNaN(v) || math.IsNaN(usual) {
			continue
		}
		known++
		if v >= 2.5*usual && v >= usual+3*leastSlower {
			late, by = late+1, append(by, ratio(v, usual))
		}
	}
	return median(by), known >= tailsLeft && late >= known-1
}
