package why

import (
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// expiredCertificates finds instances whose certificate has ended: by the
// certificate itself, or by the words of those who could not connect.
func expiredCertificates(g *signals) []Cause {
	var out []Cause
	for _, s := range g.services {
		var expired []*member
		var since time.Time
		var evidence []Evidence
		best := 0.0
		for _, m := range s.members {
			confidence, e := certificateOf(g, m)
			if confidence == 0 {
				continue
			}
			expired, evidence, best = append(expired, m), append(evidence, e), max(best, confidence)
			since = earliest(since, m.CertEnds)
		}
		if len(expired) > 0 {
			out = append(out, Cause{
				Kind: CertificateExpired, Service: s.Name, Instances: ids(expired), Confidence: best, Since: since, Evidence: evidence,
				Summary: "the certificate of " + s.who(ids(expired)) + " has expired",
			})
			continue
		}
		if c, ok := toldExpired(g, s); ok {
			out = append(out, c)
		}
	}
	return out
}

func saysExpired(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "certificate has expired") || strings.Contains(text, "certificate expired") || strings.Contains(text, "expired certificate")
}

func certificateOf(g *signals, m *member) (float64, Evidence) {
	e := Evidence{Command: command("explain", m.Addr)}
	ended := !m.CertEnds.IsZero() && m.CertEnds.Before(g.f.At)
	said := m.Health != fleet.Serving && saysExpired(m.HealthErr)
	switch {
	case ended && (said || m.silent()):
		e.Text = fmt.Sprintf("%s: its certificate ended %s and it cannot be reached: %s", m.ID, g.agoText(m.CertEnds), m.HealthErr)
		return 0.98, e
	case ended:
		e.Text = fmt.Sprintf("%s: its certificate ended %s", m.ID, g.agoText(m.CertEnds))
		return 0.9, e
	case said:
		e.Text = m.ID + ": " + m.HealthErr
		return 0.92, e
	default:
		return 0, e
	}
}

// toldExpired reads the errors of the callers.
func toldExpired(g *signals, s *serviceSignals) (Cause, bool) {
	for _, caller := range g.f.Services {
		for i := range caller.Breakers {
			b := &caller.Breakers[i]
			if b.Target == s.Name && b.State != fleet.BreakerClosed && saysExpired(b.LastError) {
				return Cause{
					Kind: CertificateExpired, Service: s.Name, Confidence: 0.8, Summary: "a certificate of " + s.Name + " has expired, say its callers",
					Evidence: []Evidence{{Text: b.Caller + ": " + b.LastError, Source: b.Source, Query: b.Query, Command: command("breakers", caller.Name)}},
				}, true
			}
		}
	}
	return Cause{}, false
}
