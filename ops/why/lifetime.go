package why

import "math"

// byLifetime compares the instances once more by all that they have counted since
// they started, where the last moment alone says little. What is over is no
// trouble: the present, or a probe, may contradict.
func (g *serviceSignals) byLifetime() {
	if len(g.SinceStart) == 0 {
		return
	}
	life := &serviceSignals{ServiceFact: g.ServiceFact, at: g.at, served: g.SinceStart, timed: g.SinceStart}
	for i := range g.Instances {
		life.members = append(life.members, &member{InstanceFact: &g.Instances[i], errors: math.NaN()})
	}
	life.count()
	life.compareErrors()
	life.compareLatency()
	for i, m := range g.members {
		l := life.members[i]
		if l.failing && !m.failing && !(m.recent >= 10 && m.recentErrors == 0) && !g.failElsewhere(m) {
			m.failing, m.errors, m.failRest, m.calls, m.codes = true, l.errors, l.failRest, l.calls, l.codes
		}
		if l.slow && !m.slow && !g.probedWell(m) && !g.slowElsewhere(m) {
			m.slow, m.slowBy, m.slowText = true, l.slowBy, l.slowText
		}
		if m.failing && l.failing && g.failElsewhere(m) {
			m.failing = false
		}
		if m.slow && l.slow && m.recent < fewCalls && g.probedWell(m) {
			m.slow = false
		}
	}
}

// failElsewhere tells whether the siblings fail at this moment about as much as an
// instance did since it started: the trouble is younger than some of them, which
// dilutes it there.
func (g *serviceSignals) failElsewhere(m *member) bool {
	var rest weighted
	for _, o := range g.members {
		if o != m {
			rest.add(o.recentErrors, o.recent)
		}
	}
	return rest.weight >= 10 && rest.mean() >= max(2*leastErrors, orZero(m.errors)/4)
}

// slowElsewhere tells the same of slowness.
func (g *serviceSignals) slowElsewhere(m *member) bool {
	for i := range g.SinceStart {
		own := &g.SinceStart[i]
		if own.Instance != m.ID {
			continue
		}
		var rest []float64
		for j := range g.Served {
			if o := &g.Served[j]; o.Method == own.Method && o.Instance != m.ID && o.count() >= 5 {
				rest = append(rest, float64(o.P50))
			}
		}
		if len(rest) > 0 && median(rest) >= 0.5*float64(own.P50) {
			return true
		}
	}
	return false
}

// probedWell tells whether a probe found the instance as fast as its siblings.
func (g *serviceSignals) probedWell(m *member) bool {
	if m.Probe == nil || m.Probe.Tries < 2 || m.Probe.Failed > 0 {
		return false
	}
	var rest []float64
	for _, o := range g.members {
		if o != m && o.Probe != nil {
			rest = append(rest, float64(o.Probe.Seconds))
		}
	}
	return float64(m.Probe.Seconds) <= 1.5*median(rest)
}
