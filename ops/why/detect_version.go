package why

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// badVersions finds versions whose instances are worse than all others, and
// those that were rolled out everywhere just before the trouble began.
func badVersions(g *signals) []Cause {
	var out []Cause
	for _, s := range g.services {
		byVersion := map[string][]*member{}
		for _, m := range s.members {
			if m.Version != "" && !m.quarantined() {
				byVersion[m.Version] = append(byVersion[m.Version], m)
			}
		}
		for _, v := range slices.Sorted(maps.Keys(byVersion)) {
			var others []*member
			for o, members := range byVersion {
				if o != v {
					others = append(others, members...)
				}
			}
			if c, ok := worseVersion(g, s, v, byVersion[v], others); ok {
				out = append(out, c)
			}
		}
		if len(byVersion) == 1 {
			if c, ok := rolledOut(g, s); ok {
				out = append(out, c)
			}
		}
	}
	return out
}

func worseVersion(g *signals, s *serviceSignals, version string, members, others []*member) (Cause, bool) {
	if len(others) == 0 {
		return Cause{}, false
	}
	text := versionErrors(members, others)
	if text == "" && versionErrors(others, members) == "" { // what fails at once is not what the others should be like
		text = versionLatency(s, members, others)
	}
	if text == "" {
		text = versionProbes(s, members)
	}
	if text == "" {
		return Cause{}, false
	}
	c := Cause{
		Kind: BadVersion, Service: s.Name, Subject: version, Instances: ids(members), Confidence: 0.9, Since: s.versionSince(members),
		Summary: fmt.Sprintf("version %s of %s is worse than the others: %s", version, s.Name, text),
		Evidence: []Evidence{{
			Text: fmt.Sprintf("%s run %s: %s", names(ids(members)), version, text), Source: members[0].source, Query: members[0].query, Command: command("metrics", s.Name),
		}, {Text: "who runs what", Source: "catalog", Command: command("instances", s.Name)}},
	}
	if len(members) > 1 {
		return c, true
	}
	// A single instance: the version is to blame only if the trouble is as old as
	// the version.
	age, since := versionAge(g, s, members[0]), c.Since
	switch {
	case !age.IsZero() && since.IsZero() && g.f.At.Sub(age) < 15*time.Minute:
		c.Confidence = 0.8
	case age.IsZero() || since.IsZero():
		c.Confidence = 0.55
	case since.After(age.Add(-3*time.Minute)) && since.Before(age.Add(5*time.Minute)):
		c.Confidence = 0.9
	default:
		return c, false
	}
	return c, true
}

// versionSince is when the trouble of instances began.
func (g *serviceSignals) versionSince(members []*member) time.Time {
	var at []time.Time
	for _, m := range members {
		at = append(at, earliest(m.since, m.failSince))
	}
	return middle(at)
}

// versionAge is when an instance began to run its version.
func versionAge(g *signals, s *serviceSignals, m *member) time.Time {
	for _, e := range slices.Backward(g.f.Events) {
		if e.Service == s.Name && e.Instance == m.ID && (e.Kind == fleet.VersionChanged || e.Kind == fleet.InstanceCame) {
			return e.At
		}
	}
	return m.Started
}

func versionErrors(members, others []*member) string {
	pool := func(all []*member) (share, calls float64) {
		var w weighted
		for _, m := range all {
			w.add(m.errors, m.calls)
		}
		return w.mean(), w.weight
	}
	mine, n := pool(members)
	rest, _ := pool(others)
	var recent weighted
	for _, m := range others {
		recent.add(m.recentErrors, m.recent)
	}
	if recent.weight >= 10 && recent.mean() >= max(2*leastErrors, mine/4) {
		return "" // the others fail now too: what was counted since they started hides it
	}
	if math.IsNaN(mine) || math.IsNaN(rest) || mine < 2*leastErrors || mine < 3*rest || !moreThanChance(mine*n, n, max(0.002, 1.5*rest)) {
		return ""
	}
	if float64(count(members, func(m *member) bool { return m.errors >= 0.3*mine })) < 0.7*float64(len(members)) {
		return "" // one of them, not all
	}
	return fmt.Sprintf("%s of its calls fail, of the others' %s", percent(mine), percent(rest))
}

func versionLatency(s *serviceSignals, members, others []*member) string {
	has := func(all []*member, id string) bool {
		return slices.ContainsFunc(all, func(m *member) bool { return m.ID == id })
	}
	type sides struct{ mine, rest []float64 }
	byMethod := map[string]*sides{}
	calls := map[string]float64{}
	for i := range s.timed {
		c := &s.timed[i]
		if c.count() < fewCalls/2 {
			continue
		}
		m := byMethod[c.Method]
		if m == nil {
			m = &sides{}
			byMethod[c.Method] = m
		}
		switch {
		case has(members, c.Instance):
			m.mine = append(m.mine, float64(c.P50))
		case has(others, c.Instance):
			m.rest = append(m.rest, float64(c.P50))
		}
		calls[c.Method] += c.count()
	}
	slow, all := 0.0, 0.0
	text := ""
	if slices.ContainsFunc(members, s.slowElsewhere) {
		return "" // the others are slow now too
	}
	for _, method := range slices.Sorted(maps.Keys(byMethod)) {
		m := byMethod[method]
		if len(m.mine) == 0 || len(m.rest) == 0 {
			continue
		}
		all += calls[method]
		// Nearly all of them are worse than nearly all of the others.
		low, high := 0.25, 0.75
		if len(m.mine) < 4 {
			low = 0
		}
		if len(m.rest) < 4 {
			high = 1
		}
		if a, b := median(m.mine), median(m.rest); a >= 1.9*b && a >= b+leastSlower/2 && quantile(m.mine, low) >= 1.4*quantile(m.rest, high) {
			slow += calls[method]
			if text == "" {
				text = fmt.Sprintf("median of %s %s, of the others %s", short(method), seconds(a), seconds(b))
			}
		}
	}
	if all == 0 || slow < 0.4*all {
		return ""
	}
	return text
}

// rolledOut finds that all instances started with this version just before the
// service as a whole became worse.
func rolledOut(g *signals, s *serviceSignals) (Cause, bool) {
	if !s.erring && !s.slow {
		return Cause{}, false
	}
	onset := earliest(s.erringAt, s.slowAt)
	var changed []time.Time
	from := ""
	for i := range g.f.Events {
		if e := &g.f.Events[i]; e.Service == s.Name && e.Kind == fleet.VersionChanged {
			changed, from = append(changed, e.At), e.From
		}
	}
	confidence := 0.84
	what := "their version changed"
	if len(changed) == 0 {
		confidence, what = 0.7, "they all were started"
		for _, m := range s.members {
			if !m.Started.IsZero() {
				changed = append(changed, m.Started)
			}
		}
	}
	if len(changed) == 0 || float64(len(changed)) < 0.7*float64(len(s.members)) {
		return Cause{}, false
	}
	first, last := slices.MinFunc(changed, time.Time.Compare), slices.MaxFunc(changed, time.Time.Compare)
	if onset.IsZero() { // nobody remembers when
		age := g.f.At.Sub(first)
		if age > time.Hour || confidence < 0.8 && (age > 10*time.Minute || !s.wellBefore(first)) {
			return Cause{}, false
		}
		onset, confidence = last, 0.57
	}
	if last.Sub(first) > 30*time.Minute || onset.Before(first.Add(-3*time.Minute)) || onset.After(last.Add(2*time.Minute+30*time.Second)) {
		return Cause{}, false
	}
	version := s.members[0].Version
	text := fmt.Sprintf("%s between %s and %s, the trouble began %s", what, g.agoText(first), g.agoText(last), g.agoText(onset))
	if from != "" {
		text = fmt.Sprintf("from %s to %s: %s", from, version, text)
	}
	return Cause{
		Kind: BadVersion, Service: s.Name, Subject: version, Instances: ids(s.members), Confidence: confidence, Since: onset,
		Summary:  fmt.Sprintf("version %s of %s: it is worse since that was rolled out", version, s.Name),
		Evidence: []Evidence{{Text: text, Command: command("events", s.Name)}},
	}, true
}

// wellBefore tells that other processes served the calls before a time, and did not
// fail: what was started then replaced them.
func (g *serviceSignals) wellBefore(at time.Time) bool {
	_, calls, errors := tallyCalls(g.Before, func(*CallFact) bool { return true })
	return g.BeforeAt.Before(at) && calls >= fewCalls && errors < leastErrors
}

// versionProbes tells whether it is exactly the instances of a version that
// answered the probes badly.
func versionProbes(s *serviceSignals, members []*member) string {
	if bad, took, usual := slowProbes(s); len(bad) > 0 && slices.Equal(ids(bad), ids(members)) {
		return fmt.Sprintf("a probe takes %s, of the others %s", seconds(took), seconds(usual))
	}
	var failed []*member
	for _, m := range s.members {
		if p := m.Probe; p != nil && p.Failed > 0 && p.Code != "RESOURCE_EXHAUSTED" {
			failed = append(failed, m)
		}
	}
	if (len(failed) > 1 || len(failed) == 1 && failed[0].Probe.Failed > 1) && slices.Equal(ids(failed), ids(members)) {
		return "probes of them fail, of the others not"
	}
	return ""
}
