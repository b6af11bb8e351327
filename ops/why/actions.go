package why

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// actions are what can safely be done about a cause.
func (g *signals) actions(c *Cause) []Action {
	out := g.releases(c)
	switch c.Kind {
	case SlowInstance, FailingInstance, SchemaDrift:
		out = append(out, g.quarantines(c)...)
		out = append(out, g.drains(c)...)
		if c.Kind == SchemaDrift {
			out = append(out, advice("finish the roll-out of "+c.Service+", or roll it back, so that all instances serve one schema"))
		}
	case BadVersion:
		out = append(out, g.quarantines(c)...)
		out = append(out, advice(fmt.Sprintf("roll %s back from %s to the version before", c.Service, c.Subject)))
	case InstanceDown:
		if g.hanging(c) {
			out = append(out, g.quarantines(c)...)
		}
		out = append(out, advice("restart "+names(c.Instances)+", or see with its platform why it ended"))
	case ServiceDown:
		out = append(out, advice("start instances of "+c.Service))
	case BreakerForcedOpen:
		out = append(out, Action{Text: "release the breaker; it then decides by itself", Command: command("breakers", "release", c.Subject), Reversible: true})
	case BreakerFlapping, BreakerOpen:
		out = append(out, Action{
			Text:    "hold the breaker open for a while, so that the target can recover and callers fail at once",
			Command: command("breakers", "force-open", c.Subject, "--ttl", "5m"), Reversible: true,
		})
	case Overload:
		out = append(out, Action{Text: "see which limit refuses, and raise it if there is capacity left", Command: command("limits", c.Service), Reversible: true})
		out = append(out, advice("add instances of "+c.Service+", or have its callers send less"))
	case DependencySlow, DependencyDown:
		out = append(out, g.shields(c)...)
		out = append(out, advice("look after "+firstOf(c.Subject, "what "+c.Service+" depends on")+"; nothing in "+c.Service+" itself helps"))
	case CertificateExpired:
		out = append(out, advice("renew the certificate of "+firstOf(names(c.Instances), c.Service)+"; services on the kit take it over when the file changes"))
	}
	return out
}

func advice(text string) Action { return Action{Text: text} }

// releases undo what was done on purpose to the instances concerned.
func (g *signals) releases(c *Cause) []Action {
	s := g.service(c.Service)
	if s == nil {
		return nil
	}
	var out []Action
	for _, m := range s.members {
		if !slices.Contains(c.Instances, m.ID) {
			continue
		}
		for i := range m.InForce {
			if method, ok := strings.CutPrefix(m.InForce[i].Resource, "fault/"); ok && len(out) < 6 {
				out = append(out, Action{
					Text: fmt.Sprintf("end the fault on %s in %s", method, m.ID), Command: command("fault", "end", m.ID, method), Reversible: true,
				})
			}
		}
	}
	return out
}

// quarantines take the instances out of traffic where enough others are left, and let
// those back that are out already.
func (g *signals) quarantines(c *Cause) []Action {
	s := g.service(c.Service)
	if s == nil {
		return nil
	}
	left := count(s.members, func(m *member) bool { return m.answers() && !m.quarantined() && !slices.Contains(c.Instances, m.ID) })
	var out []Action
	for _, id := range c.Instances[:min(6, len(c.Instances))] {
		if m := s.member(id); m != nil && m.quarantined() {
			if !m.inForce("drain") { // which ends with the process
				out = append(out, Action{Text: id + " is out of traffic already; let it back when it is well", Command: command("release", id), Reversible: true})
			}
			continue
		}
		if left == 0 || left < len(c.Instances) {
			continue
		}
		out = append(out, Action{
			Text:    fmt.Sprintf("take %s out of traffic for a while; %d of %d instances are left", id, left, len(s.members)),
			Command: command("quarantine", id, "--ttl", "15m", "--reason", string(c.Kind)), Reversible: true,
		})
	}
	return out
}

func (g *signals) drains(c *Cause) []Action {
	s := g.service(c.Service)
	var out []Action
	for _, id := range c.Instances[:min(2, len(c.Instances))] {
		if s != nil {
			if m := s.member(id); m != nil && m.inForce("drain") {
				continue // it goes on by itself
			}
		}
		out = append(out, Action{Text: "stop " + id + " in order; its platform starts it anew", Command: command("drain", id)})
	}
	return out
}

// shields let callers fail at once instead of waiting for what cannot answer.
func (g *signals) shields(c *Cause) []Action {
	var out []Action
	for _, s := range g.f.Services {
		for i := range s.Breakers {
			b := &s.Breakers[i]
			if b.Target == c.Service && b.Override != fleet.ForcedOpen {
				a := Action{
					Text:    "let " + s.Name + " fail at once instead of waiting, while " + c.Service + " cannot answer",
					Command: command("breakers", "force-open", b.Name, "--ttl", "5m"), Reversible: true,
				}
				if !slices.Contains(out, a) && len(out) < 2 {
					out = append(out, a)
				}
			}
		}
	}
	return out
}

func (g *signals) hanging(c *Cause) bool {
	s := g.service(c.Service)
	return s != nil && slices.ContainsFunc(s.members, func(m *member) bool {
		return slices.Contains(c.Instances, m.ID) && (m.Health == fleet.TimedOut || m.Health == fleet.NotServing)
	})
}

// ordered puts the most reversible first: what ends by itself, then what does
// not, then what gctl cannot do; each once.
func ordered(all []Action) []Action {
	rank := func(a Action) int {
		switch {
		case a.Reversible:
			return 0
		case a.Command != "":
			return 1
		default:
			return 2
		}
	}
	var out []Action
	for _, a := range all {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b Action) int { return rank(a) - rank(b) })
	return out
}
