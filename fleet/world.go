package fleet

import (
	"maps"
	"slices"
)

// world is all that the sources say, before it is published. It is not safe for
// concurrent use.
type world struct {
	services map[string]*known
	order    []string // the services that are shown, sorted
	reorder  bool     // order is not right any more
	changed  map[string]struct{}
	better   func(a, b int) bool
}

// known is what is known about one service. Of most services most tables are empty,
// and nil.
type known struct {
	listed       *table[serviceFact]
	instances    *table[InstanceFact]
	health       *table[Health]
	breakers     *table[Breaker]
	reds         *table[RED]
	dependencies *table[Dependency]
	slos         *table[SLO]

	view *ServiceFacts // as published last
}

func newWorld() *world {
	return &world{
		services: map[string]*known{}, changed: map[string]struct{}{},
		better: func(a, b int) bool { return a < b },
	}
}

// of returns what is known about a service, to be changed.
func (w *world) of(service string) *known {
	k := w.services[service]
	if k == nil {
		k = &known{}
		w.services[service] = k
		w.reorder = true
	}
	return k
}

// touch marks a service as changed.
func (w *world) touch(service string) { w.changed[service] = struct{}{} }

// part is the facts about one service, as pointers into what a source said.
type part struct {
	listed       []*serviceFact
	instances    []*InstanceFact
	health       []*Health
	breakers     []*Breaker
	reds         []*RED
	dependencies []*Dependency
	slos         []*SLO
}

// apply makes the facts of a source about a service known. heard is told what
// changed.
func (w *world) apply(source int, feed, service string, p *part, whole bool, heard *changes) {
	k := w.of(service)
	replace(&k.listed, serviceKind, source, feed, p.listed, whole, func(_, _ *serviceFact) { w.touch(service) })
	replace(&k.instances, instanceKind, source, feed, p.instances, whole, func(was, is *InstanceFact) {
		w.touch(service)
		heard.instance(was, is)
	})
	replace(&k.health, healthKind, source, feed, p.health, whole, func(was, is *Health) {
		w.touch(service)
		heard.health(was, is)
	})
	replace(&k.breakers, breakerKind, source, feed, p.breakers, whole, func(was, is *Breaker) {
		w.touch(service)
		heard.breaker(was, is)
	})
	replace(&k.reds, redKind, source, feed, p.reds, whole, func(_, _ *RED) { w.touch(service) })
	replace(&k.dependencies, dependencyKind, source, feed, p.dependencies, whole, func(_, _ *Dependency) { w.touch(service) })
	replace(&k.slos, sloKind, source, feed, p.slos, whole, func(_, _ *SLO) { w.touch(service) })
}

// remix shows anew what several sources say, since another may be the best now.
func (w *world) remix() {
	for name, k := range w.services {
		if k.remix() {
			w.touch(name)
		}
	}
}

func (k *known) remix() bool {
	mixed := false
	for _, t := range []interface{ renew() bool }{k.listed, k.instances, k.health, k.breakers, k.reds, k.dependencies, k.slos} {
		mixed = t.renew() || mixed
	}
	return mixed
}

func (t *table[T]) renew() bool {
	if t == nil {
		return false
	}
	t.dirty = t.dirty || t.mixed
	return t.mixed
}

// has tells whether a source said something that is known.
func (k *known) has(source int) bool {
	return k.listed.has(source) || k.instances.has(source) || k.health.has(source) || k.breakers.has(source) ||
		k.reds.has(source) || k.dependencies.has(source) || k.slos.has(source)
}

func (k *known) empty() bool {
	return k.listed.len()+k.instances.len()+k.health.len()+k.breakers.len()+k.reds.len()+k.dependencies.len()+k.slos.len() == 0
}

// freeze returns the services as they are now, sorted by name. Of those that did
// not change it is the same view as the last time.
func (w *world) freeze(version uint64, last []*ServiceFacts) []*ServiceFacts {
	if len(w.changed) == 0 {
		return last
	}
	for name := range w.changed {
		k := w.services[name]
		if k.empty() {
			delete(w.services, name)
			w.reorder = true
			continue
		}
		k.view = k.build(name, version, w.better)
	}
	w.changed = map[string]struct{}{} // which was large if much changed
	if w.reorder {
		w.order, w.reorder = slices.Sorted(maps.Keys(w.services)), false
	}
	views := make([]*ServiceFacts, 0, len(w.order))
	for _, name := range w.order {
		views = append(views, w.services[name].view)
	}
	return views
}

func (k *known) build(name string, version uint64, better func(a, b int) bool) *ServiceFacts {
	anew := k.view == nil || k.listed.changed() || k.instances.changed()
	v := &ServiceFacts{
		Changed:   version,
		Instances: k.instances.view(instanceKind, better), Health: k.health.view(healthKind, better),
		Breakers: k.breakers.view(breakerKind, better), REDs: k.reds.view(redKind, better),
		Dependencies: k.dependencies.view(dependencyKind, better),
	}
	if anew {
		v.Service = summary(name, v.Instances)
	} else {
		v.Service = k.view.Service
	}
	if listed := k.listed.view(serviceKind, better); len(listed) > 0 {
		v.listed = listed[0]
		v.GRPC = v.GRPC || v.listed.GRPC
		if len(v.Instances) == 0 {
			v.Tags, v.Meta = v.listed.Tags, v.listed.Meta
		}
	}
	if slos := k.slos.view(sloKind, better); len(slos) > 0 {
		v.SLO = slos[0]
	}
	return v
}

// summary is what the instances of a service have in common.
func summary(name string, instances []*InstanceFact) Service {
	s := Service{Name: name}
	tags := map[string]struct{}{}
	own := false // Meta is not that of the first instance any more
	for i, in := range instances {
		s.Add(in.Catalog)
		s.GRPC = s.GRPC || in.GRPC
		for _, t := range in.Tags {
			tags[t] = struct{}{}
		}
		switch {
		case i == 0:
			s.Meta = in.Meta
		case !sameMap(s.Meta, in.Meta):
			if !own {
				s.Meta, own = maps.Clone(s.Meta), true
			}
			maps.DeleteFunc(s.Meta, func(k, v string) bool { return in.Meta[k] != v })
		}
	}
	if len(tags) > 0 {
		s.Tags = slices.Sorted(maps.Keys(tags))
	}
	if len(s.Meta) == 0 {
		s.Meta = nil
	}
	return s
}
