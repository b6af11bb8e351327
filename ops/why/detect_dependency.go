package why

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
)

// troubledDependencies finds what services depend on and what has no metrics of
// its own, a database for the most part: by the spans of those who call it, and
// where there are none by what all of them say at the same moment.
func troubledDependencies(g *signals) []Cause {
	var out []Cause
	for _, s := range g.services {
		t := newTraceStats(g.f, s.Name)
		for _, peer := range slices.Sorted(maps.Keys(t.peers)) {
			if c, ok := downPeer(g, s, peer, t, t.peers[peer]); ok {
				out = append(out, c)
			}
		}
		if c, ok := slowPeer(s, t); ok {
			out = append(out, c)
		}
		if c, ok := commonlyUnwell(s); ok {
			out = append(out, c)
		} else if c, ok := commonlyFailing(g, s); ok {
			out = append(out, c)
		}
	}
	return out
}

func downPeer(g *signals, s *serviceSignals, peer string, t *traceStats, p *peerStats) (Cause, bool) {
	share := ratio(float64(p.errors), float64(p.count))
	if p.count < 3 && p.ends >= 3 && 10*p.ends >= 6*t.ended && (refused(g, s.Name) || count(s.members, func(m *member) bool { return m.Health == fleet.NotServing }) > 0) {
		return Cause{ // next to no call comes that far: breakers are open
			Kind: DependencyDown, Service: s.Name, Subject: peer, Confidence: 0.86, Since: s.erringAt,
			Summary: fmt.Sprintf("%s does not answer %s", peer, s.Name),
			Evidence: []Evidence{{
				Text:   fmt.Sprintf("%d of %d traces with errors went wrong in %s: %s", p.ends, t.ended, peer, p.message),
				Source: "traces", Command: command("trace", p.errorID),
			}},
		}, true
	}
	if p.count < 3 || share < 0.4 || p.countBefore > 2 && float64(p.errorsBefore) > 0.3*float64(p.countBefore) && !s.erring {
		return Cause{}, false
	}
	c := Cause{
		Kind: DependencyDown, Service: s.Name, Subject: peer, Confidence: 0.93, Since: s.erringAt,
		Summary: fmt.Sprintf("%s does not answer %s: %s of the calls fail", peer, s.Name, percent(share)),
		Evidence: []Evidence{{
			Text:   fmt.Sprintf("%d of %d recent spans towards %s have an error: %s", p.errors, p.count, peer, p.message),
			Source: "traces", Command: command("trace", p.errorID),
		}},
	}
	if n := count(s.members, func(m *member) bool { return m.Health == fleet.NotServing }); n > 0 {
		c.Confidence = 0.96
		c.Evidence = append(c.Evidence, Evidence{Text: fmt.Sprintf("%d of %d instances can be reached and say that they do not serve", n, len(s.members)), Command: command("health", s.Name)})
	}
	return c, true
}

// refused tells whether breakers keep calls from a service.
func refused(g *signals, service string) bool {
	return len(breakersOf(g, func(b *BreakerFact) bool {
		return b.Target == service && (b.Flapping || b.State == fleet.BreakerOpen || b.State == fleet.BreakerHalfOpen)
	})) > 0
}

// slowPeer finds that slow spans spend their time in a peer.
func slowPeer(s *serviceSignals, t *traceStats) (Cause, bool) {
	a, ok := t.attribute()
	if !ok || a.peerPart < 0.5 || !s.slow && !t.slowNow() && !t.slowThere(&a) {
		return Cause{}, false
	}
	c := Cause{
		Kind: DependencySlow, Service: s.Name, Subject: a.peer, Confidence: 0.92, Since: s.slowAt,
		Summary: fmt.Sprintf("%s is slow for %s: slow calls spend %s of their time there", a.peer, s.Name, percent(a.peerPart)),
		Evidence: []Evidence{
			{Text: fmt.Sprintf("in %d slow spans of %s, %s took %s of the time", a.n, s.Name, a.peer, percent(a.peerPart)), Source: "traces", Command: command("traces", s.Name)},
			{Text: fmt.Sprintf("the longest took %s", seconds(a.worst.took)), Source: "traces", Command: command("trace", a.worst.trace)},
		},
	}
	if !s.slow || t.before < 8 {
		c.Confidence = 0.8
	}
	return c, true
}

// commonlyUnwell finds that all instances can be reached and none serves: what
// they have in common is away, whatever that is.
func commonlyUnwell(s *serviceSignals) (Cause, bool) {
	mine := slices.DeleteFunc(slices.Clone(s.members), (*member).quarantined)
	n := count(mine, func(m *member) bool { return m.Health == fleet.NotServing })
	if n == 0 || n < len(mine) {
		return Cause{}, false
	}
	c := Cause{
		Kind: DependencyDown, Service: s.Name, Confidence: 0.72, Since: s.erringAt,
		Summary:  fmt.Sprintf("no instance of %s serves, and all can be reached: something that they all depend on is away", s.Name),
		Evidence: []Evidence{{Text: fmt.Sprintf("%d of %d instances say NOT_SERVING", n, len(mine)), Command: command("health", s.Name)}},
	}
	if n == 1 {
		c.Confidence = 0.6
	}
	return c, true
}

// commonlyFailing finds that nearly all calls fail in all instances, which are
// there and answer: what they have in common is away. Refusals of limits, calls of
// methods that are not there and calls that time out have causes of their own.
func commonlyFailing(g *signals, s *serviceSignals) (Cause, bool) {
	code, share := mainCode(s.codes)
	failing := count(s.members, func(m *member) bool { return m.calls >= fewCalls && m.errors >= 0.8 })
	counted := count(s.members, func(m *member) bool { return m.calls >= fewCalls })
	if counted < 2 || failing < counted || !(s.errors >= 0.9) || share < 0.6 || len(g.f.callees(s.Name)) > 0 ||
		code != "UNAVAILABLE" && code != "INTERNAL" && code != "UNKNOWN" {
		return Cause{}, false
	}
	return Cause{
		Kind: DependencyDown, Service: s.Name, Confidence: 0.68, Since: s.erringAt,
		Summary: fmt.Sprintf("nearly all calls of %s fail, in all its instances: something that they all depend on is away", s.Name),
		Evidence: []Evidence{{
			Text: fmt.Sprintf("%s of the calls fail in all %d instances: %s", percent(s.errors), counted, failuresOf(s.codes)), Source: "metrics", Command: command("metrics", s.Name),
		}},
	}, true
}

func count(members []*member, which func(*member) bool) int {
	n := 0
	for _, m := range members {
		if which(m) {
			n++
		}
	}
	return n
}
