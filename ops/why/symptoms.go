package why

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// symptoms are what users of the service notice, and what each service of the
// chain shows of it.
func (g *signals) symptoms() []Symptom {
	var out []Symptom
	for _, s := range g.services {
		out = append(out, s.errorSymptoms()...)
		if s.slow {
			out = append(out, Symptom{
				Service: s.Name, Since: s.slowAt, Text: fmt.Sprintf("%.1f times as slow as before", s.slowBy),
				Evidence: Evidence{Text: "latency over time", Source: "metrics", Command: command("metrics", s.Name)},
			})
		}
		for _, m := range s.members {
			out = append(out, s.memberSymptoms(g, m)...)
		}
	}
	for key, all := range breakersOf(g, func(b *BreakerFact) bool {
		return b.Flapping || b.State == "open" || b.State == "half_open" || b.Override == "forced_open"
	}) {
		b := all[0]
		text := fmt.Sprintf("breaker %s towards %s is %s in %s", key[1], b.Target, b.State, asMany(len(all)))
		if b.Override == "forced_open" {
			text = fmt.Sprintf("breaker %s towards %s is forced open in %s", key[1], b.Target, asMany(len(all)))
		} else if b.Flapping {
			text += ", flapping"
		}
		out = append(out, Symptom{
			Service: key[0], Text: text, Since: b.Since,
			Evidence: Evidence{Text: lastError(b), Source: b.Source, Query: b.Query, Command: command("breakers", key[0])},
		})
	}
	place := map[string]int{}
	for i, s := range g.f.Services {
		place[s.Name] = i
	}
	slices.SortStableFunc(out, func(a, b Symptom) int {
		return cmp.Or(place[a.Service]-place[b.Service], cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Text, b.Text))
	})
	return out
}

// errorSymptoms say how much fails, with which codes and in which methods.
func (g *serviceSignals) errorSymptoms() []Symptom {
	if !g.erring {
		return nil
	}
	share, codes, calls, where := g.errors, g.codes, g.Served, "served"
	if !(g.errors >= leastErrors) || g.sentError > 2*g.errors {
		share, codes, calls, where = g.sentError, g.sentCodes, g.Sent, "as its callers see them"
	}
	text := fmt.Sprintf("%s of the calls fail (%s): %s", percent(share), where, failuresOf(codes))
	if m := worstMethods(calls); m != "" {
		text += "; " + m
	}
	return []Symptom{{
		Service: g.Name, Since: g.erringAt, Text: text,
		Evidence: Evidence{Text: "calls by method and code", Source: "metrics", Command: command("metrics", g.Name)},
	}}
}

// worstMethods names the methods with most failures.
func worstMethods(calls []CallFact) string {
	failed, all := map[string]float64{}, map[string]float64{}
	for i := range calls {
		c := &calls[i]
		if c.Method == "" {
			continue
		}
		failed[c.Method] += c.Errors.Or(0) * c.count()
		all[c.Method] += c.count()
	}
	var methods []string
	for m, n := range failed {
		if n >= 1 {
			methods = append(methods, m)
		}
	}
	slices.SortFunc(methods, func(a, b string) int { return cmp.Or(cmp.Compare(failed[b], failed[a]), cmp.Compare(a, b)) })
	var out []string
	for _, m := range methods[:min(3, len(methods))] {
		out = append(out, fmt.Sprintf("%s %s", short(m), percent(failed[m]/all[m])))
	}
	return strings.Join(out, ", ")
}

func (g *serviceSignals) memberSymptoms(all *signals, m *member) []Symptom {
	var out []Symptom
	if bad, text := downness(g, m); bad >= Enough {
		out = append(out, Symptom{Service: g.Name, Instance: m.ID, Text: text, Since: all.downSince(g, m), Evidence: Evidence{Command: command("health", g.Name)}})
	}
	if m.failing {
		out = append(out, Symptom{
			Service: g.Name, Instance: m.ID, Since: m.failSince, Text: fmt.Sprintf("%s of its calls fail, of its siblings' %s", percent(m.errors), percent(m.failRest)),
			Evidence: m.evidence(g.Name, failuresOf(m.codes)),
		})
	}
	if m.slow {
		out = append(out, Symptom{Service: g.Name, Instance: m.ID, Since: m.since, Text: m.slowText, Evidence: m.evidence(g.Name, m.slowText)})
	}
	return out
}

func asMany(instances int) string {
	if instances == 1 {
		return "1 instance"
	}
	return fmt.Sprintf("%d instances", instances)
}
