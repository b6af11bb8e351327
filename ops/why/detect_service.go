package why

import (
	"fmt"
)

// slowServices finds services that are slower than they were, all of them or
// nearly. Whether it is their own time or that of something they wait for is told
// by the spans; where there are none, both are named.
func slowServices(g *signals) []Cause {
	var out []Cause
	for _, s := range g.services {
		t := newTraceStats(g.f, s.Name)
		a, told := t.attribute()
		if !s.slow && t.slowNow() {
			s.slow, s.slowBy = true, a.times
		}
		if !s.slow {
			continue
		}
		c := Cause{
			Kind: SlowService, Service: s.Name, Confidence: 0.62, Since: s.slowAt,
			Summary: fmt.Sprintf("%s is slow, all of it: %.1f times as slow as before", s.Name, s.slowBy),
			Evidence: []Evidence{{
				Text:   fmt.Sprintf("its instances became %.1f times slower, none stands out", s.slowBy),
				Source: "metrics", Command: command("metrics", s.Name),
			}},
		}
		switch {
		case told && a.own >= 0.5:
			c.Confidence = 0.86
			c.Evidence = append(c.Evidence, Evidence{
				Text:   fmt.Sprintf("slow calls spend %s of their time in it, not in what it waits for", percent(a.own)),
				Source: "traces", Command: command("trace", a.worst.trace),
			})
		case !told && len(g.f.callees(s.Name)) == 0:
			out = append(out, untoldWait(s, &c))
		}
		out = append(out, c)
	}
	return out
}

// untoldWait is the other reading of a service that is slow as a whole where no
// trace tells: it waits for something. What instances answer to a health check,
// which waits for nothing, tells a little.
func untoldWait(s *serviceSignals, own *Cause) Cause {
	c := Cause{
		Kind: DependencySlow, Service: s.Name, Confidence: 0.52, Since: s.slowAt,
		Summary:  fmt.Sprintf("something that %s waits for is slow", s.Name),
		Evidence: []Evidence{{Text: "all instances became slower together; there are no traces to tell whether they work or wait", Command: command("traces", s.Name)}},
	}
	var health, calls []float64
	for _, m := range s.members {
		if m.Health == "serving" {
			health = append(health, float64(m.HealthTook))
		}
	}
	for i := range s.Served {
		calls = append(calls, float64(s.Served[i].P50))
	}
	if h, p := median(health), median(calls); h < 0.25*p {
		c.Confidence, own.Confidence = 0.62, 0.58
		c.Evidence = append(c.Evidence, Evidence{Text: fmt.Sprintf("they answer health checks in %s, so they are not short of processor time", seconds(h)), Command: command("health", s.Name)})
	}
	return c
}

// failingServices finds services with more errors than usual, whatever the cause.
func failingServices(g *signals) []Cause {
	var out []Cause
	for _, s := range g.services {
		if !s.erring {
			if c, ok := sampledFailing(g, s); ok {
				out = append(out, c)
			}
			continue
		}
		share, codes, what := s.errors, s.codes, "it counts"
		if !(s.errors >= leastErrors) || s.sentError > 2*s.errors {
			share, codes, what = s.sentError, s.sentCodes, "its callers count"
		}
		out = append(out, Cause{
			Kind: FailingService, Service: s.Name, Confidence: 0.6, Since: s.erringAt,
			Summary: fmt.Sprintf("%s of the calls of %s fail", percent(share), s.Name),
			Evidence: []Evidence{{
				Text:   fmt.Sprintf("in the last minutes %s %s, usual are %s", what, failuresOf(codes), percent(s.baseline)),
				Source: "metrics", Command: command("metrics", s.Name),
			}},
		})
	}
	return out
}

// sampledFailing judges by probes and traces where nobody counts.
func sampledFailing(g *signals, s *serviceSignals) (Cause, bool) {
	if s.calls >= fewCalls || s.sent >= fewCalls {
		return Cause{}, false
	}
	c := Cause{Kind: FailingService, Service: s.Name, Confidence: 0.55, Summary: "calls of " + s.Name + " fail"}
	probed := count(s.members, func(m *member) bool { return m.Probe != nil })
	failed := count(s.members, func(m *member) bool { return m.Probe != nil && m.Probe.Failed > 0 })
	if failed >= 2 && 3*failed >= probed {
		c.Evidence = append(c.Evidence, Evidence{Text: fmt.Sprintf("probes of %d of %d instances failed", failed, probed), Source: "probe", Command: command("health", s.Name)})
	}
	if t := newTraceStats(g.f, s.Name); t.failed >= 4 && 10*t.failed >= 2*t.traces {
		c.Evidence = append(c.Evidence, Evidence{Text: fmt.Sprintf("%d of the last %d traces ended with an error", t.failed, t.traces), Source: "traces", Command: command("traces", s.Name, "--errors")})
	}
	s.erring = len(c.Evidence) > 0
	return c, s.erring
}
