package why

import (
	"context"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// start asks what can be asked by the service's name alone.
func (g *gatherer) start() {
	g.askCatalog(g.add(g.o.Service, Asked))
	g.askDependencies(g.o.Service)
	g.askTraces(g.o.Service)
	g.askEvents()
	if g.facts.Past {
		g.askRecording()
		return
	}
	g.askCallers()
}

// add makes a service part of the chain; nil where it is already, or there are
// too many.
func (g *gatherer) add(name string, r Relation) *ServiceFact {
	if known := g.facts.service(name); known != nil {
		if known.Relation == Caller && r == Callee { // a loop: it is looked at wholly
			known.Relation = Callee
			g.served(known)
		}
		return nil
	}
	if len(g.facts.Services) >= maxServices {
		return nil
	}
	s := &ServiceFact{Name: name, Relation: r}
	g.facts.Services = append(g.facts.Services, s)
	return s
}

// link notes that one service calls another, and follows it if it belongs to the
// chain: downwards without end, upwards to the direct callers.
func (g *gatherer) link(caller, callee, source string) {
	if caller == "" || callee == "" || caller == callee {
		return
	}
	if !slices.ContainsFunc(g.facts.Calls, func(e EdgeFact) bool { return e.Caller == caller && e.Callee == callee }) {
		g.facts.Calls = append(g.facts.Calls, EdgeFact{Caller: caller, Callee: callee, Source: source})
	}
	from := g.facts.service(caller)
	switch {
	case from != nil && from.Relation != Caller:
		if s := g.add(callee, Callee); s != nil {
			g.askCatalog(s)
			g.askDependencies(callee)
			g.askTraces(callee)
		}
	case callee == g.o.Service:
		if s := g.add(caller, Caller); s != nil {
			g.askCatalog(s)
		}
	}
}

func (g *gatherer) askCatalog(s *ServiceFact) {
	g.ask(srcCatalog, func(ctx context.Context) (func(), error) {
		catalog, err := g.s.catalog(ctx)
		if err != nil {
			return nil, err
		}
		list, err := catalog.Instances(ctx, s.Name)
		if err != nil {
			return nil, err
		}
		var known []fleet.Service
		if len(list.Instances) == 0 && s.Name == g.o.Service {
			all, err := catalog.Services(ctx)
			if err != nil {
				return nil, err
			}
			known = all.Services
		}
		return func() { g.listed(s, list, known) }, nil //nolint:contextcheck // see Gather
	}, func() {
		if !s.Listed { // what knows it by name may still tell
			g.served(s)
		}
	})
}

// listed takes over what the catalog lists. known are all services where it has
// no instance of this one.
func (g *gatherer) listed(s *ServiceFact, list fleet.InstanceList, known []fleet.Service) {
	if len(list.Instances) == 0 && known != nil && !slices.ContainsFunc(known, func(k fleet.Service) bool { return k.Name == s.Name }) {
		g.refused = UnknownServiceError{s.Name}
		return
	}
	s.Listed = len(list.Instances) > 0 || known != nil
	if !s.Listed {
		return // a callee that is no service of the catalog
	}
	g.live[s.Name] = list.Instances
	for i := range list.Instances {
		in := &list.Instances[i]
		f := InstanceFact{
			ID: in.ID, Addr: in.Addr, Version: in.Version, Zone: in.Zone, Catalog: in.Catalog,
			Health: fleet.UnknownHealth, HealthTook: unknown(),
		}
		if g.facts.Past {
			f.Catalog = "" // the verdict is today's
		}
		s.Instances = append(s.Instances, f)
	}
	g.askInstances(s)
	g.served(s)
	if s.Relation == Caller { // those who scrape need to know whom
		for _, e := range g.facts.Calls {
			if e.Caller == s.Name {
				g.askSent(g.facts.service(e.Callee))
			}
		}
	}
}

// UnknownServiceError says that the catalog knows no service of the name.
type UnknownServiceError struct{ Service string }

// Error implements error.
func (e UnknownServiceError) Error() string { return "the catalog knows no service " + e.Service }

func (g *gatherer) askDependencies(service string) {
	g.ask(srcDeps, func(ctx context.Context) (func(), error) {
		reader, err := g.s.dependencies(ctx)
		if err != nil {
			return nil, err
		}
		found, err := reader.Dependencies(ctx, service, g.at())
		if err != nil {
			return nil, err
		}
		return func() { //nolint:contextcheck // see Gather
			for i := range found {
				g.link(found[i].Caller, found[i].Callee, found[i].Provenance.Source)
			}
		}, nil
	}, nil)
}

// at is the time to ask for: zero for now.
func (g *gatherer) at() time.Time {
	if g.facts.Past {
		return g.o.At
	}
	return time.Time{}
}

// Bounds of looking for callers in everybody's breakers.
const (
	maxOthers         = 24
	maxOtherInstances = 200
)

// askCallers looks for breakers towards the service in a fleet that is small
// enough to ask everybody.
func (g *gatherer) askCallers() {
	g.ask(srcBreakers, func(ctx context.Context) (func(), error) {
		reader, err := g.s.breakers(ctx)
		if err != nil {
			return nil, err
		}
		catalog, err := g.s.catalog(ctx)
		if err != nil {
			return nil, err
		}
		others, err := instancesBut(ctx, catalog, g.o.Service)
		if err != nil || len(others) == 0 {
			return nil, err
		}
		list, err := reader.Breakers(ctx, others, g.o.Service)
		if err != nil {
			return nil, err
		}
		return func() { //nolint:contextcheck // see Gather
			for i := range list.Breakers {
				if b := &list.Breakers[i]; b.Target == g.o.Service {
					g.link(b.Caller.Service, g.o.Service, b.Provenance.Source)
				}
			}
		}, nil
	}, nil)
}

func instancesBut(ctx context.Context, catalog fleet.Catalog, service string) ([]fleet.Instance, error) {
	all, err := catalog.Services(ctx)
	if err != nil {
		return nil, err
	}
	var out []fleet.Instance
	if len(all.Services) > maxOthers {
		return nil, nil
	}
	for _, s := range all.Services {
		if s.Name == service || s.Instances > maxOtherInstances {
			continue
		}
		list, err := catalog.Instances(ctx, s.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, list.Instances...)
	}
	if len(out) > maxOtherInstances {
		return nil, nil
	}
	return out, nil
}

// eventsBack is how far back changes are looked for.
const eventsBack = 2 * time.Hour

func (g *gatherer) askEvents() {
	g.ask(srcEvents, func(ctx context.Context) (func(), error) {
		reader, err := g.s.events(ctx)
		if err != nil {
			return nil, err
		}
		list, err := reader.Events(ctx, "", g.o.At.Add(-eventsBack), g.o.At)
		if err != nil {
			return nil, err
		}
		return func() {
			for i := range list.Events {
				e := &list.Events[i]
				g.facts.Events = append(g.facts.Events, EventFact{
					At: e.At, Kind: e.Kind, Service: e.Service, Instance: e.Instance, Subject: e.Subject, From: e.From, To: e.To,
				})
			}
		}, nil
	}, nil)
}

// askRecording takes from a recording what knows only the present otherwise.
func (g *gatherer) askRecording() {
	g.ask(srcRecording, func(ctx context.Context) (func(), error) {
		recording, err := g.s.recording(ctx)
		if err != nil {
			return nil, err
		}
		m, err := recording.Moment(ctx, g.o.At)
		if err != nil {
			return nil, err
		}
		return func() { g.moment = &m; g.recall(&m) }, nil //nolint:contextcheck // see Gather
	}, nil)
}

func (g *gatherer) recall(m *Moment) {
	for i := range m.Dependencies {
		g.link(m.Dependencies[i].Caller, m.Dependencies[i].Callee, m.Provenance.Source)
	}
	for i := range m.Breakers {
		b := &m.Breakers[i]
		g.link(b.Caller.Service, b.Target, b.Provenance.Source)
		if s := g.facts.service(b.Caller.Service); s != nil {
			s.Breakers = append(s.Breakers, breakerFact(b))
		}
	}
}

// recallInstances replaces the instances of today by those of the moment.
func recallInstances(s *ServiceFact, m *Moment) {
	var then []InstanceFact
	for i := range m.Instances {
		in := &m.Instances[i]
		if in.Service != s.Name {
			continue
		}
		f := InstanceFact{ID: in.ID, Addr: in.Addr, Version: in.Version, Zone: in.Zone, Catalog: in.Catalog, Health: fleet.UnknownHealth, HealthTook: unknown()}
		for j := range m.Health {
			if h := &m.Health[j]; h.Instance.ID == in.ID && h.Instance.Service == in.Service && h.Name == "" {
				f.health(h)
			}
		}
		then = append(then, f)
	}
	if then != nil {
		s.Instances, s.Listed = then, true
	}
}
