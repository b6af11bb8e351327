package why

import (
	"cmp"
	"fmt"
	"slices"
)

// failingInstances finds instances that fail more than their siblings: by the
// metrics; where they cannot tell, by probes and by the traces with errors.
func failingInstances(g *signals) []Cause {
	var out []Cause
	for _, s := range g.services {
		var bad []*member
		for _, m := range s.members {
			if m.failing {
				bad = append(bad, m)
			}
		}
		if len(bad) > 0 && 2*len(bad) <= len(s.members) {
			out = append(out, failingCause(s, bad))
			continue
		}
		if len(bad) == 0 {
			out = append(out, probedFailing(s)...)
			if c, ok := tracedFailing(g, s); ok {
				out = append(out, c)
			}
		}
	}
	return out
}

func failingCause(s *serviceSignals, bad []*member) Cause {
	c := Cause{Kind: FailingInstance, Service: s.Name, Instances: ids(bad), Confidence: 0.85}
	for _, m := range bad {
		c.Evidence = append(c.Evidence, m.evidence(s.Name, fmt.Sprintf("%s: %s of its calls fail, of its siblings' %s (%s)", m.ID, percent(m.errors), percent(m.failRest), failuresOf(m.codes))))
		c.Since = earliest(c.Since, m.failSince)
		if m.errors >= 0.2 {
			c.Confidence = 0.9
		}
	}
	c.Summary = fmt.Sprintf("%s fails: %s of its calls, of its siblings' %s", names(c.Instances), percent(bad[0].errors), percent(bad[0].failRest))
	return c
}

// probesWanted is how many probes have to fail where the calls of the last minutes
// did not: a single one may be a hiccup.
const probesWanted = 2

// probedFailing judges by the small calls that were made of each instance.
func probedFailing(s *serviceSignals) []Cause {
	var bad []*member
	well, partly := 0, 0
	for _, m := range s.members {
		switch p := m.Probe; {
		case p == nil || p.Tries == 0 || p.Code == "RESOURCE_EXHAUSTED" || p.Code == "DEADLINE_EXCEEDED":
		case m.recent >= fewCalls && m.recentErrors < leastErrors && p.Failed < probesWanted: // hundreds say otherwise
		case 2*p.Failed >= p.Tries && !m.silent() && m.Health != "not_serving":
			bad = append(bad, m)
		case p.Failed == 0:
			well++
		default:
			partly++
		}
	}
	if len(bad) == 0 || len(bad) > well || partly > 0 {
		return nil
	}
	c := Cause{Kind: FailingInstance, Service: s.Name, Instances: ids(bad), Confidence: 0.72}
	for _, m := range bad {
		c.Evidence = append(c.Evidence, Evidence{
			Text:   fmt.Sprintf("%s: %d of %d read-only calls of %s failed with %s, those of %d siblings did not", m.ID, m.Probe.Failed, m.Probe.Tries, short(m.Probe.Method), m.Probe.Code, well),
			Source: "probe", Command: command("call", m.Probe.Method, "--instance", m.ID),
		})
	}
	c.Summary = fmt.Sprintf("%s fails when it is probed, its siblings do not", names(c.Instances))
	return []Cause{c}
}

// tracedFailing looks for the instance in which the traces with errors have gone
// wrong: all in one, while others take part in traces too.
func tracedFailing(g *signals, s *serviceSignals) (Cause, bool) {
	at := map[string]int{}
	total, unknown := 0, 0
	id := ""
	for i := range g.f.Traces {
		t := &g.f.Traces[i]
		if t.Sample != Errors {
			continue
		}
		if sp := guilty(t); sp != nil && sp.Service == s.Name && sp.Instance != "" {
			at[sp.Instance]++
			total++
			id = t.ID
			if sp.Code == "UNIMPLEMENTED" {
				unknown++
			}
		}
	}
	if total < 5 || len(s.members) < 3 {
		return Cause{}, false
	}
	for instance, n := range at {
		m := s.member(instance)
		if m == nil || float64(n) < 0.85*float64(total) || m.recent >= 3*fewCalls && m.errors < leastErrors {
			continue
		}
		kind := FailingInstance
		if 10*unknown >= 8*total {
			kind = SchemaDrift
		}
		return Cause{
			Kind: kind, Service: s.Name, Instances: []string{instance}, Confidence: 0.65, Since: m.failSince,
			Summary: instance + " fails: the traces with errors end there",
			Evidence: []Evidence{{
				Text:   fmt.Sprintf("%d of the last %d traces with errors went wrong in %s", n, total, instance),
				Source: "traces", Command: command("trace", id),
			}},
		}, true
	}
	return Cause{}, false
}

// slowInstances finds instances that are slower than their siblings.
func slowInstances(g *signals) []Cause {
	var out []Cause
	for _, s := range g.services {
		var bad []*member
		for _, m := range s.members {
			if m.slow {
				bad = append(bad, m)
			}
		}
		switch {
		case len(bad) > 0 && 2*len(bad) <= len(s.members):
			out = append(out, slowCause(s, bad))
		case len(bad) == 0:
			if c, ok := probedSlow(s); ok {
				out = append(out, c)
			} else if c, ok := tracedSlow(g, s); ok {
				out = append(out, c)
			}
		}
	}
	return out
}

func slowCause(s *serviceSignals, bad []*member) Cause {
	c := Cause{Kind: SlowInstance, Service: s.Name, Instances: ids(bad), Confidence: 0.8}
	for _, m := range bad {
		c.Evidence = append(c.Evidence, m.evidence(s.Name, m.ID+": "+m.slowText))
		c.Since = earliest(c.Since, m.since)
		if m.slower || m.slowBy >= 3 {
			c.Confidence = 0.9
		}
	}
	c.Summary = fmt.Sprintf("%s is slow: %.1f times as slow as its siblings", names(c.Instances), bad[0].slowBy)
	return c
}

// tracedSlow looks for the instance that slow spans are of: nearly all of one,
// while others take part in traces too. Who has metrics needs no such guess.
func tracedSlow(g *signals, s *serviceSignals) (Cause, bool) {
	t := newTraceStats(g.f, s.Name)
	if t.before < 8 || len(t.slow) < 4 || len(s.members) < 3 || s.calls >= fewCalls {
		return Cause{}, false
	}
	at := map[string]int{}
	for _, p := range t.slow {
		at[p.instance]++
	}
	for instance, n := range at {
		if s.member(instance) == nil || float64(n) < 0.85*float64(len(t.slow)) || t.recent < 2*t.slowIn {
			continue
		}
		return Cause{
			Kind: SlowInstance, Service: s.Name, Instances: []string{instance}, Confidence: 0.65,
			Summary: instance + " is slow: nearly all slow spans are of it",
			Evidence: []Evidence{{
				Text: fmt.Sprintf("%d of %d slow spans of %s are of %s", n, len(t.slow), s.Name, instance), Source: "traces", Command: command("trace", t.slow[0].trace),
			}},
		}, true
	}
	return Cause{}, false
}

// probedSlow judges by how long the small calls took.
func probedSlow(s *serviceSignals) (Cause, bool) {
	bad, took, usual := slowProbes(s)
	if len(bad) == 0 || 2*len(bad) > len(s.members) {
		return Cause{}, false
	}
	confidence := 0.65
	if took >= 5*usual {
		confidence = 0.75
	}
	c := Cause{
		Kind: SlowInstance, Service: s.Name, Instances: ids(bad), Confidence: confidence, Since: bad[0].since,
		Summary: fmt.Sprintf("%s is slow when it is probed: %s, its siblings %s", names(ids(bad)), seconds(took), seconds(usual)),
	}
	for _, m := range bad[:min(3, len(bad))] {
		c.Evidence = append(c.Evidence, Evidence{
			Text:   fmt.Sprintf("%s: a read-only call of %s took %s, of its siblings %s", m.ID, short(m.Probe.Method), seconds(float64(m.Probe.Seconds)), seconds(usual)),
			Source: "probe", Command: command("call", m.Probe.Method, "--instance", m.ID),
		})
	}
	return c, true
}

// slowProbes finds the gap between the instances that answered a probe fast and
// those that took much longer, if there is one.
func slowProbes(s *serviceSignals) (bad []*member, took, usual float64) {
	var all []*member
	for _, m := range s.members {
		if p := m.Probe; p != nil && p.Seconds.Known() && (p.Failed < p.Tries || p.Code == "DEADLINE_EXCEEDED") {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *member) int { return cmp.Compare(a.Probe.Seconds, b.Probe.Seconds) })
	gap, at := 0.0, 0
	for i := 1; i < len(all); i++ {
		a, b := float64(all[i-1].Probe.Seconds), float64(all[i].Probe.Seconds)
		if r := ratio(b, max(a, 1e-4)); r > gap && b-a >= leastSlower {
			gap, at = r, i
		}
	}
	if at == 0 || gap < 2 || len(all) < 3 {
		return nil, 0, 0
	}
	var fast, slow []float64
	for i, m := range all {
		if i < at {
			fast = append(fast, float64(m.Probe.Seconds))
		} else {
			slow = append(slow, float64(m.Probe.Seconds))
		}
	}
	took, usual, bad = median(slow), median(fast), all[at:]
	// Where the calls of the last minutes show nothing, a few calls must show much.
	counted := !slices.ContainsFunc(bad, func(m *member) bool { return m.recent < fewCalls })
	// Nor may it be the way there: health checks go it too.
	far := slices.ContainsFunc(bad, func(m *member) bool { return float64(m.Probe.Seconds) < 5*m.HealthTook.Or(0) })
	if took < 2.5*usual || counted && (far || took < 10*usual || took < usual+10*leastSlower) {
		return nil, 0, 0
	}
	return bad, took, usual
}
