package why

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// detector finds candidates of one sort. It looks at nothing but the signals and
// the facts under them.
type detector func(g *signals) []Cause

// detectors are asked in this order. It matters only in that the last one wants to
// know whether the service as a whole is unwell, by whatever sign.
var detectors = []detector{
	expiredCertificates, forcedBreakers, otherBreakers, troubledDependencies, driftedSchemas,
	overloads, downInstances, failingInstances, slowInstances, slowServices, failingServices, badVersions,
}

func (g *signals) service(name string) *serviceSignals {
	for _, s := range g.services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// ids are the IDs of members.
func ids(members []*member) []string {
	out := make([]string, 0, len(members))
	for _, m := range members {
		out = append(out, m.ID)
	}
	slices.Sort(out)
	return out
}

// who says which instances are meant, in a sentence.
func (g *serviceSignals) who(instances []string) string {
	if len(instances) == len(g.members) && len(instances) > 1 {
		return "all instances of " + g.Name
	}
	return names(instances)
}

// quarantined tells whether an operator took the instance out of traffic.
func (m *member) quarantined() bool {
	return m.Catalog == fleet.Maintenance || m.inForce("serving") || m.inForce("drain")
}

// inForce tells whether an operator changed something of the instance.
func (m *member) inForce(resource string) bool {
	return slices.ContainsFunc(m.InForce, func(c ChangeFact) bool { return c.Resource == resource })
}

// answers tells whether the instance was reached at all.
func (m *member) answers() bool {
	return m.Health == fleet.Serving || m.Health == fleet.NotServing || m.Health == fleet.Unimplemented
}

// silent tells whether the instance was asked and could not be reached.
func (m *member) silent() bool { return m.Health == fleet.Unreachable || m.Health == fleet.TimedOut }

func (m *member) evidence(service, text string) Evidence {
	return Evidence{Text: text, Source: m.source, Query: m.query, Command: command("metrics", service)}
}

// failuresOf says how many of which failures, the most frequent first.
func failuresOf(codes map[string]float64) string {
	type entry struct {
		code string
		n    float64
	}
	var all []entry
	for code, n := range codes {
		if n >= 1 {
			all = append(all, entry{code, n})
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		if a.n != b.n {
			return int(b.n - a.n)
		}
		return strings.Compare(a.code, b.code)
	})
	var out []string
	for _, e := range all[:min(3, len(all))] {
		out = append(out, fmt.Sprintf("%.0f %s", e.n, e.code))
	}
	return strings.Join(out, ", ")
}

// agoText says how long before the facts something was.
func (g *signals) agoText(t time.Time) string { return span(g.f.At.Sub(t)) + " ago" }
