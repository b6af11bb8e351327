package recording

import "github.com/gctl-dev/gctl/fleet"

func (l *line) decode() fleet.Delta {
	return fleet.Delta{
		At: l.At, Whole: l.Whole,
		Services: each(l.Services, func(s *service) fleet.Service {
			return fleet.Service{Name: s.Name, Tags: s.Tags, Meta: s.Meta, GRPC: s.GRPC}
		}),
		Instances: each(l.Instances, func(in *instance) fleet.InstanceFact {
			return fleet.InstanceFact{Instance: toInstance(in), Provenance: l.provenance(in.Origin)}
		}),
		Health: each(l.Health, l.health), Breakers: each(l.Breakers, l.breaker), REDs: each(l.REDs, l.red),
		Dependencies: each(l.Dependencies, func(d *dependency) fleet.Dependency {
			return fleet.Dependency{
				Caller: d.Caller, Callee: d.Callee, Method: d.Method, RED: l.red(&d.RED), Provenance: l.provenance(d.Origin),
			}
		}),
		SLOs: each(l.SLOs, func(s *slo) fleet.SLO {
			return fleet.SLO{
				Service: s.Service, Objective: float64(s.Objective), Window: s.Window, BudgetLeft: float64(s.BudgetLeft),
				BurnRate: float64(s.BurnRate), BurnWindow: s.BurnWindow, Unknown: s.Unknown, Provenance: l.provenance(s.Origin),
			}
		}),
		Gone:    each(l.Gone, func(g *gone) fleet.Gone { return fleet.Gone(*g) }),
		Sources: each(l.Sources, toSource), Events: each(append(l.Known, l.Events...), l.event),
	}
}

// provenance is the one at a place, from 1.
func (l *line) provenance(n int) fleet.Provenance {
	if n < 1 || n > len(l.Provenances) {
		return fleet.Provenance{}
	}
	p := &l.Provenances[n-1]
	return fleet.Provenance{Source: p.Source, Query: p.Query, At: p.At, Feed: p.Feed}
}

func toInstance(in *instance) fleet.Instance {
	return fleet.Instance{
		ID: in.ID, Service: in.Service, Addr: in.Addr, Version: in.Version, Zone: in.Zone,
		Tags: in.Tags, Meta: in.Meta, Catalog: in.Catalog, GRPC: in.GRPC,
	}
}

func (l *line) health(h *health) fleet.Health {
	return fleet.Health{
		Instance: toInstance(&h.Instance), Name: h.Name, State: h.State, Latency: h.Latency,
		Err: errorOf(h.Error, h.Hint), Provenance: l.provenance(h.Origin),
	}
}

func (l *line) breaker(b *breaker) fleet.Breaker {
	return fleet.Breaker{
		Caller: toInstance(&b.Caller), Name: b.Name, Target: b.Target, State: b.State, Ratio: float64(b.Ratio), Raw: b.Raw,
		Override: b.Override, Flapping: b.Flapping, Since: b.Since, Trips: b.Trips, LastError: b.LastError, NextProbe: b.NextProbe,
		Counts: fleet.BreakerCounts{Requests: b.Counts[0], Successes: b.Counts[1], Failures: b.Counts[2], ConsecutiveFailures: b.Counts[3]},
		ETag:   b.ETag, Provenance: l.provenance(b.Origin),
	}
}

func (l *line) red(r *red) fleet.RED {
	out := fleet.RED{
		Service: r.Service, Method: r.Method, Instance: r.Instance, Caller: r.Caller, Side: r.Side,
		Rate: float64(r.Rate), ErrorRatio: float64(r.ErrorRatio), P50: float64(r.P50), P95: float64(r.P95), P99: float64(r.P99), Bound: float64(r.Bound),
		Window: r.Window, Dialect: r.Dialect, Notes: r.Notes, Unknown: r.Unknown, Provenance: l.provenance(r.Origin),
	}
	if r.Codes != nil {
		out.Codes = make(map[string]float64, len(r.Codes))
		for code, rate := range r.Codes {
			out.Codes[code] = float64(rate)
		}
	}
	return out
}

func toSource(s *source) fleet.SourceState {
	return fleet.SourceState{
		Name: s.Name, Status: s.Status, Since: s.Since, At: s.At, Turn: s.Turn, Err: errorOf(s.Error, s.Hint), Dropped: s.Dropped, Notes: s.Notes,
		Missing: each(s.Missing, func(m *missing) fleet.Missing {
			return fleet.Missing{Instance: fleet.Instance{Service: m.Service, ID: m.Instance}, What: m.What, Err: errorOf(m.Error, "")}
		}),
	}
}

func (l *line) event(e *event) fleet.Event {
	return fleet.Event{
		At: e.At, Kind: e.Kind, Service: e.Service, Instance: e.Instance, Subject: e.Subject,
		From: e.From, To: e.To, Exact: e.Exact, Provenance: l.provenance(e.Origin),
	}
}
