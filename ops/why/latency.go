package why

import "time"

// lasting is how many points a tail must be up to count by itself: points a
// minute apart with windows of two are not independent.
const lasting = 5

// judgeLatency tells whether the service as a whole is slower than it was: by the
// medians of most of its calls, or by the tails of most of its instances for some
// minutes.
func (g *serviceSignals) judgeLatency() {
	var by []float64
	var at []time.Time
	known, tails := 0, 0
	for _, m := range g.members {
		if m.calls >= fewCalls || m.slower {
			known++
		}
		if m.slower {
			by, at = append(by, m.slowerBy), append(at, m.since)
			if m.slowerFor >= lasting {
				tails++
			}
		}
	}
	switch times, yes := g.againstBefore(); {
	case yes:
		g.slow, g.slowBy, g.slowAt = true, times, middle(at)
	case known > 0 && float64(tails) >= 0.6*float64(known) && median(by) >= 2:
		g.slow, g.slowBy, g.slowAt = true, median(by), middle(at)
	}
}

func (g *serviceSignals) hasHistory() bool {
	for i := range g.Over {
		if len(g.Over[i].P99) > 0 {
			return true
		}
	}
	return false
}

// againstBefore compares the medians of the present calls, by method and
// instance, with those of before, or where nobody remembers these with all since
// the processes started. Most calls must be slower; or all of a method that makes
// up a good part.
func (g *serviceSignals) againstBefore() (times float64, yes bool) {
	reference := g.Before
	if len(reference) == 0 {
		reference = g.SinceStart
	}
	type tally struct{ slow, all float64 }
	var by weighted
	total := tally{}
	methods := map[string]*tally{}
	present := g.Brief
	if present == nil {
		present = g.Served
	}
	for i := range present {
		now := &present[i]
		if now.Errors.Or(0) >= 0.5 {
			continue // failures have a time of their own
		}
		for j := range reference {
			then := &reference[j]
			if now.Method != then.Method || now.Instance != then.Instance || now.count() < 5 || then.count() < fewCalls {
				continue
			}
			m := methods[now.Method]
			if m == nil {
				m = &tally{}
				methods[now.Method] = m
			}
			n := now.count()
			m.all, total.all = m.all+n, total.all+n
			if r := min(ratio(float64(now.P50), float64(then.P50)), 1000); r >= 1.9 && float64(now.P50-then.P50) >= leastSlower/2 {
				m.slow, total.slow = m.slow+n, total.slow+n
				by.add(r, n)
			}
		}
	}
	if total.all < fewCalls || len(g.members) == 0 {
		return 1, false
	}
	for _, m := range methods {
		if m.all >= max(fewCalls, 0.08*total.all) && m.slow >= 0.85*m.all && by.mean() >= 3 {
			return by.mean(), true
		}
	}
	return by.mean(), total.slow >= 0.6*total.all
}
