package why

import (
	"fmt"
	"slices"
	"strings"
)

// overloads finds services that shed load: RESOURCE_EXHAUSTED is what limits
// answer with, and what a breaker does not count.
func overloads(g *signals) []Cause {
	var out []Cause
	for _, s := range g.services {
		codes, calls := s.codes, s.calls
		if s.sentCodes["RESOURCE_EXHAUSTED"] > codes["RESOURCE_EXHAUSTED"] {
			codes, calls = s.sentCodes, s.sent
		}
		shed := codes["RESOURCE_EXHAUSTED"]
		code, share := mainCode(codes)
		if code != "RESOURCE_EXHAUSTED" || share < 0.5 || shed < 0.005*calls || !moreThanChance(shed, calls, 0.001) {
			if c, ok := tracedOverload(g, s); ok {
				out = append(out, c)
			}
			continue
		}
		c := Cause{
			Kind: Overload, Service: s.Name, Confidence: 0.9, Since: s.erringAt,
			Summary: fmt.Sprintf("%s sheds load: %s of its calls are refused with RESOURCE_EXHAUSTED", s.Name, percent(shed/calls)),
			Evidence: []Evidence{{
				Text: fmt.Sprintf("%.0f of %.0f calls were refused in the last minutes", shed, calls), Source: "metrics", Command: command("metrics", s.Name),
			}},
		}
		if s.rate.points > 0 && s.rate.after >= 1.3*s.rate.before {
			c.Confidence = 0.93
			c.Evidence = append(c.Evidence, Evidence{
				Text:   fmt.Sprintf("%.3g calls a second come since %s, %.3g before", s.rate.after, g.agoText(s.rate.at), s.rate.before),
				Source: "metrics", Command: command("metrics", s.Name),
			})
		}
		c.Evidence = append(c.Evidence, limitEvidence(s)...)
		out = append(out, c)
	}
	return out
}

func limitEvidence(s *serviceSignals) []Evidence {
	var out []Evidence
	for i := range s.Limits {
		if l := &s.Limits[i]; l.Rejected > 0 && !l.Shadow && len(out) < 3 {
			out = append(out, Evidence{
				Text:   fmt.Sprintf("%s: limit %s has refused %d calls and admitted %d", l.Instance, l.Name, l.Rejected, l.Admitted),
				Source: l.Source, Command: command("limits", s.Name),
			})
		}
	}
	for _, m := range s.members {
		for i := range m.InForce {
			if c := &m.InForce[i]; strings.HasPrefix(c.Resource, "limit/") && len(out) < 4 {
				out = append(out, changeEvidence(m.ID, c))
			}
		}
	}
	return out
}

// tracedOverload judges by probes and by the traces with errors, where there are
// no metrics.
func tracedOverload(g *signals, s *serviceSignals) (Cause, bool) {
	if s.calls >= fewCalls {
		return Cause{}, false
	}
	probes := count(s.members, func(m *member) bool {
		return m.Probe != nil && m.Probe.Failed > 0 && m.Probe.Code == "RESOURCE_EXHAUSTED"
	})
	refused, all, id := 0, 0, ""
	for i := range g.f.Traces {
		t := &g.f.Traces[i]
		if t.Sample != Errors {
			continue
		}
		all++
		if slices.ContainsFunc(t.Spans, func(sp SpanFact) bool { return sp.Code == "RESOURCE_EXHAUSTED" }) {
			refused, id = refused+1, t.ID
		}
	}
	c := Cause{Kind: Overload, Service: s.Name, Confidence: 0.7, Summary: s.Name + " sheds load: calls are refused with RESOURCE_EXHAUSTED"}
	if probes > 0 {
		c.Evidence = append(c.Evidence, Evidence{Text: fmt.Sprintf("%d of %d instances refused a probe", probes, len(s.members)), Source: "probe", Command: command("limits", s.Name)})
	}
	if refused >= 4 && 2*refused > all {
		c.Evidence = append(c.Evidence, Evidence{Text: fmt.Sprintf("%d of the last %d traces with errors were refused", refused, all), Source: "traces", Command: command("trace", id)})
	}
	c.Evidence = append(c.Evidence, limitEvidence(s)...)
	return c, probes > 0 || refused >= 4 && 2*refused > all
}
