package why

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// askInstances asks the instances of a service themselves, and those who answer
// for them. Nobody can be asked about the past that way.
func (g *gatherer) askInstances(s *ServiceFact) {
	g.askStarts(s)
	if g.facts.Past {
		return
	}
	g.askBreakers(s)
	for i, in := range g.live[s.Name] {
		if i >= maxInstances {
			break
		}
		if s.Relation != Caller {
			g.askHealth(s, in, g.o.Budget.Each*9/10, true) // to tell a verdict before the question is late
		}
		if i < maxDeep {
			g.askDeep(s, in)
		}
	}
}

func (f *InstanceFact) health(h *fleet.Health) {
	f.Health, f.HealthTook, f.HealthErr = h.State, Num(h.Latency.Seconds()), ""
	if h.Err != nil {
		f.HealthErr = h.Err.Error()
	}
}

// askHealth asks an instance for its health, and once more where no answer came:
// one lost packet is no incident.
func (g *gatherer) askHealth(s *ServiceFact, in fleet.Instance, limit time.Duration, again bool) {
	g.askInstance(srcHealth, func(ctx context.Context) (func(), error) {
		prober, err := g.s.health(ctx)
		if err != nil {
			return nil, err
		}
		last := time.Now().Add(limit)
		limited, cancel := context.WithDeadline(ctx, last)
		defer cancel()
		h := prober.Health(limited, in, "")
		if h.State == fleet.UnknownHealth && !time.Now().Before(last) && ctx.Err() == nil { // the limit is for the instance
			h.State, h.Err = fleet.TimedOut, &fleet.Error{What: fmt.Sprintf("no answer within %s", limit), Instance: in.ID}
		}
		return g.about(s, in.ID, func(f *InstanceFact) { //nolint:contextcheck // see Gather
			f.health(&h)
			f.HealthTries++
			if (h.State == fleet.TimedOut || h.State == fleet.Unreachable) && again {
				g.askHealth(s, in, g.o.Budget.Each*7/10, false)
			}
		}), nil
	})
}

// askDeep asks for what costs more: certificate, schema, limits and changes.
func (g *gatherer) askDeep(s *ServiceFact, in fleet.Instance) {
	if s.Relation != Caller {
		g.askInstance(srcCerts, func(ctx context.Context) (func(), error) {
			reader, err := g.s.certificates(ctx)
			if err != nil {
				return nil, err
			}
			ends, err := reader.CertificateEnds(ctx, in)
			return g.about(s, in.ID, func(f *InstanceFact) { f.CertEnds = ends }), err
		})
		g.askInstance(srcSchemas, func(ctx context.Context) (func(), error) {
			reader, err := g.s.schemas(ctx)
			if err != nil {
				return nil, err
			}
			hash, methods, err := reader.Schema(ctx, in)
			return g.about(s, in.ID, func(f *InstanceFact) { f.Schema, f.Methods = hash, methods }), err
		})
	}
	g.askInstance(srcControl, func(ctx context.Context) (func(), error) {
		reader, err := g.s.control(ctx)
		if err != nil {
			return nil, err
		}
		changes, err := reader.InForce(ctx, in)
		if err != nil {
			return nil, err
		}
		limits, err := reader.Limits(ctx, in)
		return g.about(s, in.ID, func(f *InstanceFact) {
			f.InForce = changes
			s.Limits = append(s.Limits, limits...)
		}), err
	})
}

// about writes something down about an instance.
func (g *gatherer) about(s *ServiceFact, id string, set func(*InstanceFact)) func() {
	return func() {
		if f := s.instance(id); f != nil {
			set(f)
		}
	}
}

func (g *gatherer) askStarts(s *ServiceFact) {
	instances := g.live[s.Name]
	g.ask(srcStarts, func(ctx context.Context) (func(), error) {
		reader, err := g.s.starts(ctx)
		if err != nil {
			return nil, err
		}
		starts, err := reader.StartTimes(ctx, instances, g.at())
		if err != nil {
			return nil, err
		}
		return func() {
			for id, at := range starts {
				if f := s.instance(id); f != nil {
					f.Started = at
				}
			}
		}, nil
	}, nil)
}

func breakerFact(b *fleet.Breaker) BreakerFact {
	return BreakerFact{
		Caller: b.Caller.ID, Name: b.Name, Target: b.Target, State: b.State, Override: b.Override, Flapping: b.Flapping,
		Since: b.Since, Trips: b.Trips, LastError: b.LastError, Source: b.Provenance.Source, Query: b.Provenance.Query,
	}
}

// askBreakers reads the breakers in the instances of a service, which also say
// whom it calls.
func (g *gatherer) askBreakers(s *ServiceFact) {
	callers := g.live[s.Name]
	target := ""
	if s.Relation == Caller {
		target = g.o.Service
	}
	g.ask(srcBreakers, func(ctx context.Context) (func(), error) {
		reader, err := g.s.breakers(ctx)
		if err != nil {
			return nil, err
		}
		list, err := reader.Breakers(ctx, callers, target)
		if err != nil {
			return nil, err
		}
		return func() { //nolint:contextcheck // see Gather
			for i := range list.Breakers {
				b := &list.Breakers[i]
				s.Breakers = append(s.Breakers, breakerFact(b))
				g.link(s.Name, b.Target, b.Provenance.Source)
			}
		}, nil
	}, nil)
}

// Probing: a service of more instances is looked at by metrics or not at all.
const maxProbed = 32

// probe calls each instance of a service where its metrics cannot tell the
// instances apart: there are none, or too little traffic, or they show no
// difference. They are of minutes, and a balancer that turns away from an instance
// at once leaves no trace in them.
func (g *gatherer) probe(s *ServiceFact) {
	instances := g.live[s.Name]
	if g.facts.Past || g.probed[s.Name] || s.Relation == Caller || len(instances) > maxProbed || g.telling(s, instances) {
		return
	}
	g.probed[s.Name] = true
	for _, in := range instances {
		if in.Catalog == fleet.Maintenance {
			continue
		}
		g.askInstance(srcCalls, func(ctx context.Context) (func(), error) {
			prober, err := g.s.calls(ctx)
			if err != nil {
				return nil, err
			}
			p, err := prober.ProbeCall(ctx, in)
			if errors.Is(err, fleet.ErrNotFound) {
				return nil, ErrAbsent // it has no method that may be called
			}
			return g.about(s, in.ID, func(f *InstanceFact) { f.Probe = &p }), err
		})
	}
}

// telling: there are enough calls of each instance to compare it by, and one of
// them differs.
func (g *gatherer) telling(s *ServiceFact, instances []fleet.Instance) bool {
	wanted := 0
	for _, in := range instances {
		if in.Catalog != fleet.Maintenance {
			wanted++
		}
	}
	return telling(s.Served) >= wanted &&
		slices.ContainsFunc(newServiceSignals(s, g.o.At).members, func(m *member) bool { return m.failing || m.slow })
}

// ago is a time before that of the facts.
func (g *gatherer) ago(d time.Duration) time.Time { return g.o.At.Add(-d) }
