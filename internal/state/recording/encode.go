package recording

import "github.com/gctl-dev/gctl/fleet"

// each converts a list; none stays none.
func each[A, B any](list []A, convert func(*A) B) []B {
	if list == nil {
		return nil
	}
	out := make([]B, len(list))
	for i := range list {
		out[i] = convert(&list[i])
	}
	return out
}

// encoder gathers the provenances of a line: most facts have the same.
type encoder struct {
	list  []provenance
	known map[fleet.Provenance]int
}

// from is the place of a provenance, 0 for none.
func (e *encoder) from(p *fleet.Provenance) int {
	if *p == (fleet.Provenance{}) {
		return 0
	}
	n, ok := e.known[*p]
	if !ok {
		e.list = append(e.list, provenance{p.Source, p.Query, p.At.UTC(), p.Feed})
		n = len(e.list)
		e.known[*p] = n
	}
	return n
}

func encode(d *fleet.Delta) *line {
	e := &encoder{known: map[fleet.Provenance]int{}}
	l := &line{
		At: d.At.UTC(), Whole: d.Whole,
		Services: each(d.Services, func(s *fleet.Service) service { return service{s.Name, s.Tags, s.Meta, s.GRPC} }),
		Instances: each(d.Instances, func(f *fleet.InstanceFact) instance {
			in := fromInstance(&f.Instance)
			in.Origin = e.from(&f.Provenance)
			return in
		}),
		Health: each(d.Health, e.health), Breakers: each(d.Breakers, e.breaker), REDs: each(d.REDs, e.red),
		Dependencies: each(d.Dependencies, func(p *fleet.Dependency) dependency {
			return dependency{p.Caller, p.Callee, p.Method, e.red(&p.RED), e.from(&p.Provenance)}
		}),
		SLOs: each(d.SLOs, func(s *fleet.SLO) slo {
			return slo{s.Service, number(s.Objective), s.Window, number(s.BudgetLeft), number(s.BurnRate), s.BurnWindow, s.Unknown, e.from(&s.Provenance)}
		}),
		Gone:    each(d.Gone, func(g *fleet.Gone) gone { return gone(*g) }),
		Sources: each(d.Sources, fromSource), Events: each(d.Events, e.event),
	}
	l.Provenances = e.list
	return l
}

func fromInstance(in *fleet.Instance) instance {
	return instance{
		ID: in.ID, Service: in.Service, Addr: in.Addr, Version: in.Version, Zone: in.Zone,
		Tags: in.Tags, Meta: in.Meta, Catalog: in.Catalog, GRPC: in.GRPC,
	}
}

func (e *encoder) health(h *fleet.Health) health {
	out := health{Instance: fromInstance(&h.Instance), Name: h.Name, State: h.State, Latency: h.Latency, Origin: e.from(&h.Provenance)}
	out.Error, out.Hint = textOf(h.Err)
	return out
}

func (e *encoder) breaker(b *fleet.Breaker) breaker {
	return breaker{
		Caller: fromInstance(&b.Caller), Name: b.Name, Target: b.Target, State: b.State, Ratio: number(b.Ratio), Raw: b.Raw,
		Override: b.Override, Flapping: b.Flapping, Since: b.Since, Trips: b.Trips, LastError: b.LastError, NextProbe: b.NextProbe,
		Counts: [4]int64{b.Counts.Requests, b.Counts.Successes, b.Counts.Failures, b.Counts.ConsecutiveFailures},
		ETag:   b.ETag, Origin: e.from(&b.Provenance),
	}
}

func (e *encoder) red(r *fleet.RED) red {
	out := red{
		Service: r.Service, Method: r.Method, Instance: r.Instance, Caller: r.Caller, Side: r.Side,
		Rate: number(r.Rate), ErrorRatio: number(r.ErrorRatio), P50: number(r.P50), P95: number(r.P95), P99: number(r.P99), Bound: number(r.Bound),
		Window: r.Window, Dialect: r.Dialect, Notes: r.Notes, Unknown: r.Unknown, Origin: e.from(&r.Provenance),
	}
	if r.Codes != nil {
		out.Codes = make(map[string]number, len(r.Codes))
		for code, rate := range r.Codes {
			out.Codes[code] = number(rate)
		}
	}
	return out
}

func fromSource(s *fleet.SourceState) source {
	out := source{Name: s.Name, Status: s.Status, Since: s.Since, At: s.At, Turn: s.Turn, Dropped: s.Dropped, Notes: s.Notes}
	out.Error, out.Hint = textOf(s.Err)
	out.Missing = each(s.Missing, func(m *fleet.Missing) missing {
		text, _ := textOf(m.Err)
		return missing{m.Instance.Service, m.Instance.ID, m.What, text}
	})
	return out
}

func (e *encoder) event(v *fleet.Event) event {
	return event{v.At.UTC(), v.Kind, v.Service, v.Instance, v.Subject, v.From, v.To, v.Exact, e.from(&v.Provenance)}
}
