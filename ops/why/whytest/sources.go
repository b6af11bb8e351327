package whytest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
)

// Sources are what the world answers to package why.
func (w *World) Sources() *why.Sources {
	s := &why.Sources{
		Catalog: opens[fleet.Catalog](catalog{w}),
		Health:  opens[fleet.Prober](prober{w}),
	}
	if w.has.prometheus || w.has.scrape {
		s.Metrics = opens[fleet.MetricsReader](metrics{w})
		s.Starts = opens[why.StartReader](starts{w})
		s.Dependencies = opens[why.DependencyReader](dependencies{w})
	}
	if w.has.scrape {
		s.Lifetime = opens[why.LifetimeReader](metrics{w})
	}
	if w.has.traces {
		s.Traces = opens[fleet.TraceReader](traces{w})
	}
	if w.has.control || w.has.breakerMetrics {
		s.Breakers = opens[fleet.BreakerReader](breakers{w})
	}
	if w.has.control {
		s.Control = opens[why.ControlReader](control{w})
	}
	if w.has.events {
		s.Events = opens[fleet.EventReader](events{w})
	}
	if w.has.certificates && w.p.tls {
		s.Certificates = opens[why.CertificateReader](certificates{w})
	}
	if w.has.schemas {
		s.Schemas = opens[why.SchemaReader](schemas{w})
	}
	if w.has.calls {
		s.Calls = opens[why.CallProber](calls{w})
	}
	return s
}

func opens[T any](v T) why.Open[T] {
	return func(context.Context) (T, error) { return v, nil }
}

func (w *World) all() []*instance { return append(append([]*instance{}, w.users...), w.edges...) }

func (w *World) find(id string) *instance {
	for _, in := range w.all() {
		if in.ID == id {
			return in
		}
	}
	return nil
}

type catalog struct{ w *World }

func (c catalog) Services(context.Context) (fleet.ServiceList, error) {
	l := fleet.ServiceList{Provenance: fleet.Provenance{Source: "catalog", At: c.w.Now}}
	for _, name := range []string{"edge", "user"} {
		s := fleet.Service{Name: name}
		for _, in := range c.w.all() {
			if in.Service == name {
				s.Add(in.Catalog)
			}
		}
		l.Services = append(l.Services, s)
	}
	return l, nil
}

func (c catalog) Instances(_ context.Context, service string) (fleet.InstanceList, error) {
	l := fleet.InstanceList{Service: service, Provenance: fleet.Provenance{Source: "catalog", At: c.w.Now}}
	for _, in := range c.w.all() {
		if in.Service == service && !in.gone {
			l.Instances = append(l.Instances, in.Instance)
		}
	}
	return l, nil
}

func (c catalog) Watch(ctx context.Context, _ string, _ func(fleet.Update)) error {
	<-ctx.Done()
	return ctx.Err()
}

type prober struct{ w *World }

func (p prober) Health(_ context.Context, in fleet.Instance, name string) fleet.Health {
	w := p.w
	known := w.find(in.ID)
	r := w.dice("health", in.ID, w.again(in.ID))
	h := fleet.Health{Instance: in, Name: name, State: known.health, Latency: time.Duration(lognormal(r, 1.5e6, 0.5)), Provenance: fleet.Provenance{Source: in.Addr, At: w.Now}}
	switch {
	case w.has.outside:
		h.State, h.Err = fleet.Unreachable, errors.New("dial tcp "+in.Addr+": no route to host")
	case known.health == fleet.Serving && r.Float64() < 0.002: // a packet was lost
		h.State, h.Err, h.Latency = fleet.TimedOut, errors.New("no answer in time"), 0
	case known.why != "":
		h.Err = errors.New(known.why)
	case w.effect.starved && w.effect.meets(known, w.Now):
		h.Latency = time.Duration(float64(h.Latency) * w.effect.own / 2)
	}
	return h
}

func (p prober) HealthList(ctx context.Context, in fleet.Instance) []fleet.Health {
	return []fleet.Health{p.Health(ctx, in, "")}
}

func (p prober) WatchHealth(ctx context.Context, _ fleet.Instance, _ string, _ func(fleet.Health)) error {
	<-ctx.Done()
	return ctx.Err()
}

// again counts how often something was asked.
func (w *World) again(what string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[what]++
	return strconv.Itoa(w.asked[what])
}

type starts struct{ w *World }

func (s starts) StartTimes(_ context.Context, instances []fleet.Instance, _ time.Time) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for _, in := range instances {
		if known := s.w.find(in.ID); known.health != fleet.Unreachable && known.health != fleet.TimedOut {
			out[in.ID] = known.started
		}
	}
	return out, nil
}

type dependencies struct{ w *World }

func (d dependencies) Dependencies(context.Context, string, time.Time) ([]fleet.Dependency, error) {
	return []fleet.Dependency{{Caller: "edge", Callee: "user", Provenance: fleet.Provenance{Source: "metrics"}}}, nil
}

type events struct{ w *World }

func (e events) Events(_ context.Context, _ string, from, to time.Time) (fleet.EventList, error) {
	var out fleet.EventList
	for _, ev := range e.w.events {
		if !ev.At.Before(from) && !ev.At.After(to) {
			out.Events = append(out.Events, ev)
		}
	}
	return out, nil
}

type certificates struct{ w *World }

func (c certificates) CertificateEnds(_ context.Context, in fleet.Instance) (time.Time, error) {
	known := c.w.find(in.ID)
	if c.w.has.outside || known.health == fleet.TimedOut || c.w.effect.dead && known.health == fleet.Unreachable {
		return time.Time{}, errors.New("no connection")
	}
	return known.certEnds, nil
}

type schemas struct{ w *World }

func (s schemas) Schema(_ context.Context, in fleet.Instance) (hash string, all []string, err error) {
	known := s.w.find(in.ID)
	if s.w.has.outside || known.health == fleet.Unreachable || known.health == fleet.TimedOut {
		return "", nil, errors.New("no connection")
	}
	for i := range methods {
		if e := &s.w.effect; i != e.refuses || e.refuseCode != unimplemented || !slices.Contains(e.who, known) {
			all = append(all, methods[i].name)
		}
	}
	if known.Service == "edge" {
		return "e" + "17c1d20b", all, nil
	}
	return known.schema, all, nil
}

type control struct{ w *World }

func (c control) Limits(_ context.Context, in fleet.Instance) ([]why.LimitFact, error) {
	if in.Service != "user" {
		return nil, nil
	}
	return []why.LimitFact{{Instance: in.ID, Name: "concurrency", Admitted: 1e6, Rejected: c.w.limits[in.ID], Source: "control API"}}, nil
}

func (c control) InForce(_ context.Context, in fleet.Instance) ([]why.ChangeFact, error) {
	known := c.w.find(in.ID)
	if c.w.has.outside || known.health == fleet.Unreachable || known.health == fleet.TimedOut {
		return nil, errors.New("no connection")
	}
	var out []why.ChangeFact
	for _, f := range c.w.forced {
		if f.edge == in.ID {
			out = append(out, why.ChangeFact{Resource: "breaker/" + f.name, Value: "forced_open", Reason: "maintenance", Actor: "ops", At: f.at})
		}
	}
	if c.w.lowered && in.Service == "user" {
		out = append(out, why.ChangeFact{Resource: "limit/concurrency", Value: "2..4", Reason: "test", Actor: "ops", At: c.w.onset})
	}
	if in.Catalog == fleet.Maintenance {
		out = append(out, why.ChangeFact{Resource: "serving", Value: "false", Reason: "looked at", Actor: "ops", At: c.w.onset})
	}
	return out, nil
}

type calls struct{ w *World }

// ProbeCall makes three calls of the cheapest method.
func (c calls) ProbeCall(_ context.Context, in fleet.Instance) (why.ProbeFact, error) {
	w := c.w
	known := w.find(in.ID)
	p := why.ProbeFact{Method: methods[0].name, Code: "OK", Tries: 3}
	if w.has.outside || known.health == fleet.Unreachable || known.health == fleet.TimedOut {
		return p, errors.New("no connection")
	}
	var took []float64
	r := w.dice("call", in.ID)
	for range 3 {
		f := w.failureRate(known, 0, w.Now, w.p.rate)
		if known.Service == "edge" {
			f = failure{}
			if w.effect.meets(known, w.Now) {
				f = failure{p: w.effect.fail, code: w.effect.code}
			}
		}
		o := w.play(r, known, 0, w.Now, w.p.rate)
		if known.Service == "edge" && w.effect.meets(known, w.Now) {
			o.own += 0.0008 * 8 * w.effect.own
		}
		if r.Float64() < f.p {
			p.Failed++
			p.Code = codeNames[f.code]
		}
		took = append(took, o.own+o.db)
	}
	slices.Sort(took)
	p.Seconds = why.Num(took[1] + 0.001)
	return p, nil
}

type breakers struct{ w *World }

func (b breakers) Breakers(_ context.Context, callers []fleet.Instance, target string) (fleet.BreakerList, error) {
	var l fleet.BreakerList
	w := b.w
	for _, caller := range callers {
		for _, g := range w.gates {
			if g.edge.ID != caller.ID || target != "" && target != "user" {
				continue
			}
			f := fleet.Breaker{
				Caller: caller, Name: g.name, Target: "user", State: g.state, Override: g.override, Since: g.since, Trips: g.trips,
				LastError: g.last, Flapping: g.flapping(w.Now), Provenance: fleet.Provenance{Source: "control API", At: w.Now},
			}
			if !w.has.control {
				f.LastError, f.Since, f.Provenance.Source = "", time.Time{}, "metrics"
				if !w.has.overrideKnown {
					// Exporters that know no overrides show a forced breaker as open.
					if f.Override == fleet.ForcedOpen {
						f.State = fleet.BreakerOpen
					}
					f.Override = ""
				}
			}
			l.Breakers = append(l.Breakers, f)
		}
	}
	return l, nil
}
