package why

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// refusals are the codes with which a server answers what its schema does not
// know, or knows differently.
var refusals = []string{"UNIMPLEMENTED", "INVALID_ARGUMENT", "OUT_OF_RANGE"}

// driftedSchemas finds services whose instances serve different schemas, or lack
// a method that their callers want.
func driftedSchemas(g *signals) []Cause {
	var out []Cause
	for _, s := range g.services {
		if c, ok := drifted(g, s); ok {
			out = append(out, c)
		} else if c, ok := unimplemented(s); ok {
			out = append(out, c)
		}
	}
	return out
}

// group is some instances with something in common.
type group struct {
	members []*member
	calls   float64
	refused float64
	methods map[string]float64 // refused, by method
}

func groupOf(s *serviceSignals, members []*member) group {
	g := group{members: members, methods: map[string]float64{}}
	for _, m := range members {
		served, sent := refusedBy(s.served, m.ID), refusedBy(s.Sent, m.ID)
		if sent.refused > served.refused { // servers do not count what they do not know
			served = sent
		}
		g.calls += max(served.calls, sent.calls)
		g.refused += served.refused
		for method, n := range served.methods {
			g.methods[method] += n
		}
	}
	return g
}

func refusedBy(calls []CallFact, instance string) group {
	g := group{methods: map[string]float64{}}
	for i := range calls {
		c := &calls[i]
		if c.Instance != instance {
			continue
		}
		g.calls += c.count()
		for _, code := range refusals {
			n := c.Codes[code].Or(0) * c.Window.Or(0)
			g.refused += n
			if n >= 1 {
				g.methods[c.Method] += n
			}
		}
	}
	return g
}

// worse tells whether a group refuses more than another, beyond chance.
func (g *group) worse(o *group) bool {
	if g.calls < fewCalls {
		return false
	}
	a, b := g.refused/g.calls, ratio(o.refused, max(o.calls, 1))
	return a >= leastErrors && a >= 3*b && moreThanChance(g.refused, g.calls, max(0.002, 1.5*b))
}

func drifted(g *signals, s *serviceSignals) (Cause, bool) {
	bySchema := map[string][]*member{}
	for _, m := range s.members {
		if m.Schema != "" {
			bySchema[m.Schema] = append(bySchema[m.Schema], m)
		}
	}
	if len(bySchema) == 0 {
		return driftedVersions(s)
	}
	if len(bySchema) < 2 {
		return Cause{}, false
	}
	c := Cause{Kind: SchemaDrift, Service: s.Name}
	var parts []string
	for _, hash := range slices.Sorted(maps.Keys(bySchema)) {
		parts = append(parts, fmt.Sprintf("%s (%s)", hash[:min(8, len(hash))], names(ids(bySchema[hash]))))
	}
	c.Evidence = []Evidence{{Text: "they serve different schemas: " + strings.Join(parts, ", "), Source: "reflection", Command: command("describe", s.Name)}}
	for _, hash := range slices.Sorted(maps.Keys(bySchema)) {
		var others []*member
		for o, members := range bySchema {
			if o != hash {
				others = append(others, members...)
			}
		}
		mine, rest := groupOf(s, bySchema[hash]), groupOf(s, others)
		if !mine.worse(&rest) {
			continue
		}
		c.Confidence, c.Instances, c.Subject = 0.94, ids(mine.members), mostOf(mine.methods)
		c.Summary = fmt.Sprintf("%s of %s serve another schema than the others and refuse %s of their calls", names(c.Instances), s.Name, percent(mine.refused/mine.calls))
		c.Evidence = append(c.Evidence, Evidence{
			Text:   fmt.Sprintf("%.0f of their %.0f calls are refused, of the others %.0f of %.0f%s", mine.refused, mine.calls, rest.refused, rest.calls, inMethods(mine.methods)),
			Source: "metrics", Command: command("metrics", s.Name),
		})
		return c, true
	}
	if lack, ok := lacking(g, s, bySchema); ok {
		c.Instances, c.Subject = ids(lack.members), lack.method
		c.Summary = fmt.Sprintf("%s of %s lack %s, which the others serve", names(c.Instances), s.Name, short(lack.method))
		c.Confidence = 0.4
		if trace, n := wanted(g, lack.method); n >= 2 {
			c.Confidence = 0.85
			c.Evidence = append(c.Evidence, Evidence{
				Text: fmt.Sprintf("%d traces have calls of it that ended with UNIMPLEMENTED", n), Source: "traces", Command: command("trace", trace),
			})
		}
		if s.codes["UNIMPLEMENTED"] >= 3 || s.sentCodes["UNIMPLEMENTED"] >= 3 {
			c.Confidence = max(c.Confidence, 0.8)
		}
		return c, true
	}
	if s.codes["UNIMPLEMENTED"] >= 3 || s.sentCodes["UNIMPLEMENTED"] >= 3 {
		c.Confidence = 0.8
		c.Summary = "the instances of " + s.Name + " serve different schemas, and calls end with UNIMPLEMENTED"
		return c, true
	}
	c.Confidence = 0.35
	c.Summary = "the instances of " + s.Name + " serve different schemas"
	return c, true
}

// lack is a method that some instances do not have and the others do.
type lack struct {
	method  string
	members []*member
}

// lacking finds the method that an instance of one schema lacks, of several the one
// that is called most.
func lacking(g *signals, s *serviceSignals, bySchema map[string][]*member) (lack, bool) {
	has := map[string]int{}
	known := 0
	for _, m := range s.members {
		if len(m.Methods) > 0 {
			known++
		}
		for _, method := range m.Methods {
			has[method]++
		}
	}
	var l lack
	most := -1
	for _, method := range slices.Sorted(maps.Keys(has)) {
		if _, n := wanted(g, method); has[method] < known && n > most {
			l.method, most = method, n
		}
	}
	if most >= 0 {
		for _, members := range bySchema {
			for _, m := range members {
				if len(m.Methods) > 0 && !slices.Contains(m.Methods, l.method) {
					l.members = append(l.members, m)
				}
			}
		}
		slices.SortFunc(l.members, func(a, b *member) int { return strings.Compare(a.ID, b.ID) })
		return l, true
	}
	return l, false
}

// wanted counts the traces in which a method was called that is not there.
func wanted(g *signals, method string) (trace string, n int) {
	for i := range g.f.Traces {
		t := &g.f.Traces[i]
		if t.Sample != Earlier && slices.ContainsFunc(t.Spans, func(sp SpanFact) bool {
			return sp.Code == "UNIMPLEMENTED" && strings.TrimPrefix(sp.Name, "/") == method
		}) {
			trace, n = t.ID, n+1
		}
	}
	return trace, n
}

// driftedVersions finds a version that refuses what others take, where nobody
// could read the schemas.
func driftedVersions(s *serviceSignals) (Cause, bool) {
	byVersion := map[string][]*member{}
	for _, m := range s.members {
		byVersion[m.Version] = append(byVersion[m.Version], m)
	}
	for _, v := range slices.Sorted(maps.Keys(byVersion)) {
		var others []*member
		for o, members := range byVersion {
			if o != v {
				others = append(others, members...)
			}
		}
		mine, rest := groupOf(s, byVersion[v]), groupOf(s, others)
		if len(others) > 0 && mine.worse(&rest) {
			return Cause{
				Kind: SchemaDrift, Service: s.Name, Confidence: 0.7, Subject: mostOf(mine.methods), Instances: ids(mine.members),
				Summary: fmt.Sprintf("version %s of %s refuses %s of its calls, which the others take", v, s.Name, percent(mine.refused/mine.calls)),
				Evidence: []Evidence{{
					Text:   fmt.Sprintf("%.0f of %.0f calls are refused%s; of the others %.0f of %.0f", mine.refused, mine.calls, inMethods(mine.methods), rest.refused, rest.calls),
					Source: "metrics", Command: command("metrics", s.Name),
				}},
			}, true
		}
	}
	return refusingInstances(s)
}

// refusingInstances finds instances that refuse what their siblings take, where
// not even the versions tell them apart.
func refusingInstances(s *serviceSignals) (Cause, bool) {
	most := 0.0
	shares := make([]float64, len(s.members))
	for i, m := range s.members {
		if g := groupOf(s, []*member{m}); g.calls >= fewCalls {
			shares[i] = g.refused / g.calls
			most = max(most, shares[i])
		}
	}
	var bad, well []*member
	for i, m := range s.members {
		if shares[i] >= max(leastErrors, most/3) {
			bad = append(bad, m)
		} else {
			well = append(well, m)
		}
	}
	mine, rest := groupOf(s, bad), groupOf(s, well)
	if len(bad) == 0 || len(well) == 0 || !mine.worse(&rest) {
		return Cause{}, false
	}
	return Cause{
		Kind: SchemaDrift, Service: s.Name, Confidence: 0.62, Subject: mostOf(mine.methods), Instances: ids(bad),
		Summary: fmt.Sprintf("%s of %s refuse %s of their calls, which their siblings take: perhaps they serve another schema", names(ids(bad)), s.Name, percent(mine.refused/mine.calls)),
		Evidence: []Evidence{{
			Text:   fmt.Sprintf("%.0f of %.0f calls are refused%s; of the others %.0f of %.0f", mine.refused, mine.calls, inMethods(mine.methods), rest.refused, rest.calls),
			Source: "metrics", Command: command("metrics", s.Name),
		}},
	}, true
}

func mostOf(methods map[string]float64) string {
	best := ""
	for m, n := range methods {
		if best == "" || n > methods[best] || n == methods[best] && m < best {
			best = m
		}
	}
	return best
}

func inMethods(methods map[string]float64) string {
	if m := mostOf(methods); m != "" {
		return ", most in " + short(m)
	}
	return ""
}

// unimplemented finds calls of methods that some or all instances do not have,
// where nobody could read the schemas.
func unimplemented(s *serviceSignals) (Cause, bool) {
	code, share := mainCode(s.codes)
	calls, n := s.calls, s.codes["UNIMPLEMENTED"]
	if sentCode, sentShare := mainCode(s.sentCodes); s.sentCodes["UNIMPLEMENTED"] > n {
		code, share, calls, n = sentCode, sentShare, s.sent, s.sentCodes["UNIMPLEMENTED"]
	}
	if code != "UNIMPLEMENTED" || share < 0.6 || !moreThanChance(n, calls, 0.001) || n < 0.005*calls {
		return Cause{}, false
	}
	all := groupOf(s, s.members)
	return Cause{
		Kind: SchemaDrift, Service: s.Name, Confidence: 0.75, Subject: mostOf(all.methods), Since: s.erringAt,
		Summary: "callers of " + s.Name + " want a method that instances of it do not have",
		Evidence: []Evidence{{
			Text:   fmt.Sprintf("%.0f calls ended with UNIMPLEMENTED in the last minutes%s", n, inMethods(all.methods)),
			Source: "metrics", Command: command("metrics", s.Name),
		}},
	}, true
}
