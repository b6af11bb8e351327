package why

import (
	"fmt"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// downInstances finds instances that are dead, hang or say that they do not
// serve. That gctl cannot reach an instance is not enough: where its calls are
// counted and go well, it is gctl that has no way there.
func downInstances(g *signals) []Cause {
	var out []Cause
	for _, s := range g.services {
		if s.Listed && len(s.members) == 0 {
			out = append(out, Cause{
				Kind: ServiceDown, Service: s.Name, Confidence: 0.9, Summary: s.Name + " has no instances",
				Evidence: []Evidence{{Text: "the catalog lists none", Source: "catalog", Command: command("instances", s.Name)}},
			})
			continue
		}
		var down []*member
		var evidence []Evidence
		best, since := 0.0, time.Time{}
		unreached := g.outOfReach()
		for _, m := range s.members {
			confidence, text := downness(s, m)
			if confidence == 0 || unreached && m.Catalog != fleet.Critical && m.silent() {
				continue
			}
			down, best = append(down, m), max(best, confidence)
			evidence = append(evidence, Evidence{Text: m.ID + ": " + text, Command: command("health", s.Name)})
			since = earliest(since, g.downSince(s, m))
		}
		if len(down) == 0 {
			continue
		}
		c := Cause{
			Kind: InstanceDown, Service: s.Name, Instances: ids(down), Confidence: best, Since: since,
			Evidence: evidence[:min(4, len(evidence))], Summary: fmt.Sprintf("%s: %s", names(ids(down)), downText(down)),
		}
		if len(down) == len(s.members) && len(down) > 1 {
			c.Kind, c.Summary = ServiceDown, fmt.Sprintf("no instance of %s can be reached", s.Name)
		}
		out = append(out, c)
	}
	return out
}

// outOfReach tells whether it is gctl that reaches nobody: no instance of any
// service answered it, and spans of the last minute show that some are at work.
func (g *signals) outOfReach() bool {
	for _, s := range g.services {
		if count(s.members, (*member).answers) > 0 {
			return false
		}
	}
	for i := range g.f.Traces {
		t := &g.f.Traces[i]
		if t.Sample != Recent || g.f.At.Sub(t.Start) > time.Minute {
			continue
		}
		for j := range t.Spans {
			if sp := &t.Spans[j]; sp.Kind == fleet.SpanServer && sp.Depth > 0 {
				return true
			}
		}
	}
	return false
}

func downText(down []*member) string {
	hanging := count(down, func(m *member) bool { return m.Health == fleet.TimedOut })
	saying := count(down, func(m *member) bool { return m.Health == fleet.NotServing })
	switch {
	case hanging == len(down):
		return "hangs: it takes connections or packets and answers nothing"
	case saying == len(down):
		return "says that it does not serve"
	default:
		return "down: it cannot be reached"
	}
}

// downness is how sure it is that an instance is down, 0 for not at all.
func downness(s *serviceSignals, m *member) (confidence float64, text string) {
	text = fmt.Sprintf("health %s, catalog %s", m.Health, m.Catalog)
	if m.HealthErr != "" {
		text += ": " + m.HealthErr
	}
	switch {
	case m.quarantined():
		return 0, ""
	case m.silent():
		return silence(s, m, text)
	case m.Health == fleet.NotServing && count(s.members, func(o *member) bool { return o != m && o.Health == fleet.Serving }) > 0:
		return 0.75, text
	case m.Health == fleet.UnknownHealth && m.Catalog == fleet.Critical:
		return 0.8, text
	default:
		return 0, ""
	}
}

// silence is the same of one that could not be reached.
func silence(s *serviceSignals, m *member, text string) (confidence float64, why string) {
	others := count(s.members, func(o *member) bool { return o != m && o.answers() })
	served, well := m.recent >= 1, m.recent >= fewCalls && m.errors < 0.5
	switch {
	case m.Catalog == fleet.Critical:
		return 0.93, text
	case well && others == 0:
		return 0, "" // gctl has no way to any of them
	case m.HealthTries > 1 && others > 0 && (!served || m.errors >= 0.5 || s.fell(m)):
		return 0.9, text
	case m.HealthTries > 1 && others > 0:
		return 0.78, text + "; the calls that it answered in the last minutes may be from before"
	case well && !s.fell(m):
		return 0.35, text + "; but it answers its callers"
	case !served && s.calls >= fewCalls:
		return 0.9, text + "; it counts no calls any more"
	case others > 0:
		return 0.8, text
	default:
		return 0.7, text
	}
}

// fell tells whether the calls of an instance ended within the window: those that
// are counted are from before.
func (g *serviceSignals) fell(m *member) bool {
	for i := range g.Over {
		r := &g.Over[i]
		if r.Instance != m.ID || len(r.Rate) < 6 {
			continue
		}
		var old []float64
		for _, v := range r.Rate[:len(r.Rate)-4] {
			old = append(old, float64(v))
		}
		last := r.Rate[len(r.Rate)-1]
		return !last.Known() || float64(last) < 0.6*median(old)
	}
	return false
}

// downSince is when an instance was last seen well.
func (g *signals) downSince(s *serviceSignals, m *member) time.Time {
	for _, e := range slices.Backward(g.f.Events) {
		bad := e.To == string(fleet.Critical) || e.To == string(fleet.Unreachable) || e.To == string(fleet.NotServing) || e.To == string(fleet.TimedOut)
		if e.Service == s.Name && e.Instance == m.ID && bad && (e.Kind == fleet.CatalogChanged || e.Kind == fleet.HealthChanged) {
			return e.At
		}
	}
	for i := range s.Over {
		r := &s.Over[i]
		if r.Instance != m.ID {
			continue
		}
		for j, v := range slices.Backward(r.Rate) {
			if v.Or(0) > 0 && j < len(r.Rate)-1 {
				return r.Start.Add(time.Duration(float64(j) * float64(r.Step) * float64(time.Second)))
			}
		}
	}
	return time.Time{}
}
