package why

import (
	"fmt"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// breakersOf groups breakers of a service by name where which says so. Of those
// that only call the service asked about, the breakers towards it count.
func breakersOf(g *signals, which func(*BreakerFact) bool) map[[2]string][]*BreakerFact {
	out := map[[2]string][]*BreakerFact{}
	for _, s := range g.f.Services {
		for i := range s.Breakers {
			b := &s.Breakers[i]
			if s.Relation == Caller && b.Target != g.f.Service || !which(b) {
				continue
			}
			key := [2]string{s.Name, b.Name}
			out[key] = append(out[key], b)
		}
	}
	return out
}

// breakerCause is a cause about the breakers of one name.
func breakerCause(kind Kind, key [2]string, all []*BreakerFact, text func(*BreakerFact) string) Cause {
	c := Cause{Kind: kind, Service: key[0], Subject: key[1]}
	for _, b := range all {
		c.Instances = append(c.Instances, b.Caller)
		c.Since = earliest(c.Since, b.Since)
		c.Evidence = append(c.Evidence, Evidence{
			Text: b.Caller + ": " + text(b), Source: b.Source, Query: b.Query, Command: command("breakers", key[0]),
		})
	}
	slices.Sort(c.Instances)
	c.Evidence = c.Evidence[:min(4, len(c.Evidence))]
	return c
}

// forcedBreakers finds breakers that an operator holds open.
func forcedBreakers(g *signals) []Cause {
	var out []Cause
	for key, all := range breakersOf(g, func(b *BreakerFact) bool { return b.Override == fleet.ForcedOpen }) {
		c := breakerCause(BreakerForcedOpen, key, all, func(b *BreakerFact) string {
			return fmt.Sprintf("breaker %s is forced open; by itself it would be %s", b.Name, b.State)
		})
		c.Confidence = 0.97
		c.Since = time.Time{} // that of the state is not that of the override
		for _, b := range all {
			at, e := forcedBy(g, key[0], b)
			c.Since = earliest(c.Since, at)
			if e.Text != "" {
				c.Evidence = append(c.Evidence, e)
			}
		}
		c.Summary = fmt.Sprintf("breaker %s is forced open in %s: calls to %s are refused", key[1], names(c.Instances), all[0].Target)
		out = append(out, c)
	}
	return out
}

// forcedBy finds the change that forced a breaker.
func forcedBy(g *signals, service string, b *BreakerFact) (time.Time, Evidence) {
	s := g.f.service(service)
	if in := s.instance(b.Caller); in != nil {
		for _, c := range in.InForce {
			if c.Resource == "breaker/"+b.Name {
				return c.At, changeEvidence(in.ID, &c)
			}
		}
	}
	return time.Time{}, Evidence{}
}

func changeEvidence(instance string, c *ChangeFact) Evidence {
	text := fmt.Sprintf("%s: %s %s by %s", instance, c.Resource, c.Value, c.Actor)
	if c.Reason != "" {
		text += fmt.Sprintf(" (%q)", c.Reason)
	}
	return Evidence{Text: text, Source: "control API", Command: command("actions")}
}

// otherBreakers finds breakers that flap, and those that are open by themselves.
// One that is open although its target is well, and of which nobody tells whether
// it is forced, probably is.
func otherBreakers(g *signals) []Cause {
	var out []Cause
	free := func(b *BreakerFact) bool { return b.Override != fleet.ForcedOpen && b.Override != fleet.ForcedClosed }
	flapping := breakersOf(g, func(b *BreakerFact) bool { return free(b) && b.Flapping })
	for key, all := range flapping {
		c := breakerCause(BreakerFlapping, key, all, func(b *BreakerFact) string {
			return fmt.Sprintf("breaker %s is %s and has opened %d times%s", b.Name, b.State, b.Trips, lastError(b))
		})
		c.Confidence = 0.7
		c.Since = time.Time{} // the last change is not the first
		c.Summary = fmt.Sprintf("breaker %s in %s opens and closes again and again: calls to %s fail in bursts", key[1], names(c.Instances), all[0].Target)
		out = append(out, c)
	}
	for key, all := range breakersOf(g, func(b *BreakerFact) bool {
		return free(b) && (b.State == fleet.BreakerOpen || b.State == fleet.BreakerHalfOpen)
	}) {
		if _, known := flapping[key]; known {
			continue
		}
		c := breakerCause(BreakerOpen, key, all, func(b *BreakerFact) string {
			return fmt.Sprintf("breaker %s is %s%s", b.Name, b.State, lastError(b))
		})
		c.Confidence = 0.55
		c.Summary = fmt.Sprintf("breaker %s is open in %s", key[1], names(c.Instances))
		if all[0].Override == "" && all[0].State == fleet.BreakerOpen && targetWell(g, all[0].Target) {
			c.Kind, c.Confidence = BreakerForcedOpen, 0.75
			c.Summary = fmt.Sprintf("breaker %s is open in %s although %s is well: perhaps it is forced", key[1], names(c.Instances), all[0].Target)
		}
		out = append(out, c)
	}
	return out
}

func lastError(b *BreakerFact) string {
	if b.LastError == "" {
		return ""
	}
	return "; last error: " + b.LastError
}

// targetWell tells whether a service was looked at and nothing is wrong with it.
func targetWell(g *signals, name string) bool {
	s := g.service(name)
	if s == nil || s.erring || s.slow || len(s.members) == 0 {
		return false
	}
	for _, m := range s.members {
		if m.failing || m.slow || !m.quarantined() && m.Health != fleet.Serving {
			return false
		}
	}
	return s.sentCodes["UNAVAILABLE"] <= leastErrors*s.sent
}
