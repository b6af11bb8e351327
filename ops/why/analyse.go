package why

import (
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Analyse judges facts. It reads nothing else, so that the same facts always
// give the same report.
func Analyse(f *Facts) *Report {
	g := newSignals(f)
	var all []Cause
	for _, d := range detectors {
		all = append(all, d(g)...)
	}
	for i := range all {
		g.addInForce(&all[i])
		g.doubt(&all[i])
	}
	r := &Report{Service: f.Service, At: f.At, Sources: f.Sources, Trace: g.worstTrace()}
	for _, c := range g.rank(all) {
		if c.Confidence < Enough {
			r.Noticed = append(r.Noticed, c)
			continue
		}
		r.Causes = append(r.Causes, c)
		r.Since = earliest(r.Since, c.Since)
	}
	r.Healthy = len(r.Causes) == 0
	r.Symptoms = g.symptoms()
	r.Changes = g.changes(r.Since)
	for i := range r.Causes {
		r.Causes[i].Actions = g.actions(&r.Causes[i])
		if r.Causes[i].ExplainedBy == "" {
			r.Actions = append(r.Actions, r.Causes[i].Actions...)
		}
	}
	r.Actions = ordered(r.Actions)
	return r
}

// addInForce adds what an operator has done to the instances concerned: a fault
// that was put there on purpose is most of the answer, a quarantine tells that
// somebody is at it.
func (g *signals) addInForce(c *Cause) {
	s := g.service(c.Service)
	if s == nil || len(c.Instances) == 0 {
		return
	}
	added := 0
	for _, m := range s.members {
		if !slices.Contains(c.Instances, m.ID) {
			continue
		}
		if m.Catalog == fleet.Maintenance {
			c.Evidence = append(c.Evidence, Evidence{
				Text: m.ID + ": the catalog has it in maintenance, out of traffic", Source: "catalog", Command: command("instances", c.Service),
			})
		}
		for i := range m.InForce {
			in := &m.InForce[i]
			if in.Resource == "serving" || in.Resource == "drain" {
				c.Evidence = append(c.Evidence, changeEvidence(m.ID, in))
			}
			if !strings.HasPrefix(in.Resource, "fault/") || added >= 4 {
				continue
			}
			added++
			c.Evidence = append([]Evidence{changeEvidence(m.ID, in)}, c.Evidence...)
			if !in.At.IsZero() {
				c.Since = earliest(c.Since, in.At)
			}
		}
	}
	if added > 0 {
		c.Confidence = min(0.98, c.Confidence+0.08)
		c.Summary += "; a fault was put there on purpose"
	}
}

// doubt takes a little from what rests on few sources.
func (g *signals) doubt(c *Cause) {
	for _, source := range []string{srcMetrics, srcHealth} {
		if !g.f.answered(source) {
			c.Confidence *= 0.97
		}
	}
}

// changesBefore is how long before the trouble a change is of interest.
const changesBefore = 30 * time.Minute

// changes are what changed shortly before the trouble began or since, newest
// first.
func (g *signals) changes(since time.Time) []Change {
	from := g.f.At.Add(-changesBefore)
	if !since.IsZero() {
		from = since.Add(-changesBefore)
	}
	var out []Change
	told := map[string]bool{}
	for i := range g.f.Events {
		e := &g.f.Events[i]
		if e.At.Before(from) || e.At.After(g.f.At) || g.f.service(e.Service) == nil {
			continue
		}
		told[e.Instance] = told[e.Instance] || e.Kind == "process_started"
		out = append(out, Change{At: e.At, Text: eventText(e), Command: command("events", e.Service)})
	}
	for _, s := range g.f.Services {
		for i := range s.Instances {
			in := &s.Instances[i]
			if !in.Started.IsZero() && in.Started.After(from) && !in.Started.After(g.f.At) && !told[in.ID] {
				text := in.ID + " was started"
				if in.Version != "" {
					text += ", version " + in.Version
				}
				out = append(out, Change{At: in.Started, Text: text, Command: command("instances", s.Name)})
			}
			for j := range in.InForce {
				c := &in.InForce[j]
				out = append(out, Change{At: c.At, Text: changeEvidence(in.ID, c).Text, Command: command("actions")})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Change) int { return b.At.Compare(a.At) })
	return out[:min(12, len(out))]
}

func eventText(e *EventFact) string {
	who := e.Instance
	if who == "" {
		who = e.Service
	}
	text := who + " " + strings.ReplaceAll(string(e.Kind), "_", " ")
	if e.Subject != "" {
		text += " " + e.Subject
	}
	if e.From != "" || e.To != "" {
		text += ": " + e.From + " -> " + e.To
	}
	return text
}

// worstTrace picks the trace that says most: one with an error, else the longest
// of the recent ones.
func (g *signals) worstTrace() *WorstTrace {
	var worst *TraceFact
	var span *SpanFact
	bad := func(t *TraceFact) bool { return slices.ContainsFunc(t.Spans, func(s SpanFact) bool { return s.Error }) }
	for i := range g.f.Traces {
		t := &g.f.Traces[i]
		if t.Sample == Earlier || len(t.Spans) == 0 {
			continue
		}
		if worst == nil || bad(t) && !bad(worst) || bad(t) == bad(worst) && t.Took.Or(0) > worst.Took.Or(0) {
			worst, span = t, guilty(t)
		}
	}
	if worst == nil || span == nil {
		return nil
	}
	w := &WorstTrace{
		ID: worst.ID, Root: worst.Root, Start: worst.Start, Duration: worst.Took, SpanSelf: span.Self, Command: command("trace", worst.ID),
		Span: strings.TrimSpace(firstOf(span.Instance, span.Service) + " " + span.Name),
	}
	if span.Error {
		w.Error = firstOf(span.Message, "error")
	}
	return w
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// guilty is the span that a trace went wrong in: the deepest with an error, else
// the one that took longest by itself.
func guilty(t *TraceFact) *SpanFact {
	var worst *SpanFact
	for i := range t.Spans {
		s := &t.Spans[i]
		switch {
		case worst == nil || s.Error && !worst.Error:
			worst = s
		case s.Error != worst.Error:
		case s.Error && (s.Depth > worst.Depth || s.Depth == worst.Depth && s.Self > worst.Self), !s.Error && s.Self.Or(0) > worst.Self.Or(0):
			worst = s
		}
	}
	return worst
}
