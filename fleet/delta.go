package fleet

import (
	"slices"
	"strings"
	"time"
)

// Delta is what changed from one Snapshot to another. Put in order upon each
// other, deltas are a recording.
type Delta struct {
	At    time.Time // of the newer snapshot
	Whole bool      // there was nothing before: what is not in it is not there

	// New or changed facts.
	Services     []Service // as listed by a catalog, beyond what follows from Instances
	Instances    []InstanceFact
	Health       []Health
	Breakers     []Breaker
	REDs         []RED
	Dependencies []Dependency
	SLOs         []SLO

	Gone    []Gone        // facts that are gone
	Sources []SourceState // all of them; nil if none changed
	Events  []Event       // new ones
}

// Gone names a fact that is gone.
type Gone struct {
	Kind    string // service, instance, health, breaker, red, dependency or slo
	Service string
	Key     [4]string
}

// Changes counts the facts, the losses and the events in a delta.
func (d *Delta) Changes() int {
	return len(d.Services) + len(d.Instances) + len(d.Health) + len(d.Breakers) + len(d.REDs) + len(d.Dependencies) +
		len(d.SLOs) + len(d.Gone) + len(d.Events)
}

// Empty tells whether nothing changed.
func (d *Delta) Empty() bool { return d.Changes() == 0 && d.Sources == nil && !d.Whole }

// Diff returns what changed from old to is, two snapshots of one store; with nil
// for old it returns all that there is. A source that answered again, to the same
// effect, is no change.
func Diff(old, is *Snapshot) Delta {
	d := Delta{At: is.at, Whole: old == nil}
	if old == nil {
		old = &Snapshot{}
		d.Events = is.events
	} else {
		d.Events = is.EventsSince(old)
	}
	merge(old.services, is.services, func(a, b *ServiceFacts) int { return strings.Compare(a.Name, b.Name) }, func(was, is *ServiceFacts) {
		if was == is {
			return
		}
		d.service(was, is)
	})
	if !slices.EqualFunc(old.sources, is.sources, func(a, b SourceState) bool { return a.same(&b) }) {
		d.Sources = is.sources
	}
	return d
}

func (d *Delta) service(was, is *ServiceFacts) {
	var none ServiceFacts
	if was == nil {
		was = &none
	}
	if is == nil {
		is = &none
	}
	difference(d, serviceKind, listOf(was.listed), listOf(is.listed), func(f *serviceFact) { d.Services = append(d.Services, f.Service) })
	difference(d, instanceKind, was.Instances, is.Instances, func(f *InstanceFact) { d.Instances = append(d.Instances, *f) })
	difference(d, healthKind, was.Health, is.Health, func(f *Health) {
		d.Health = append(d.Health, *f)
		d.Health[len(d.Health)-1].Provenance = f.Provenance.plain(d.At)
	})
	difference(d, breakerKind, was.Breakers, is.Breakers, func(f *Breaker) {
		d.Breakers = append(d.Breakers, *f)
		d.Breakers[len(d.Breakers)-1].Provenance = f.Provenance.plain(d.At)
	})
	difference(d, redKind, was.REDs, is.REDs, func(f *RED) { d.REDs = append(d.REDs, *f) })
	difference(d, dependencyKind, was.Dependencies, is.Dependencies, func(f *Dependency) { d.Dependencies = append(d.Dependencies, *f) })
	difference(d, sloKind, listOf(was.SLO), listOf(is.SLO), func(f *SLO) { d.SLOs = append(d.SLOs, *f) })
}

func listOf[T any](fact *T) []*T {
	if fact == nil {
		return nil
	}
	return []*T{fact}
}

// difference adds to d what changed between two lists of one kind.
func difference[T any](d *Delta, k *kind[T], was, is []*T, put func(*T)) {
	merge(was, is, func(a, b *T) int { return k.key(a).compare(k.key(b)) }, func(was, is *T) {
		switch {
		case is == nil:
			d.Gone = append(d.Gone, Gone{Kind: k.name, Service: k.service(was), Key: [4]string(k.key(was))})
		case was != is:
			put(is)
		}
	})
}

// Apply puts a recorded delta upon what the store knows and dates it by the time
// of the recording. Snapshots follow at their usual pace; Flush publishes at once.
// It is for a store without sources. Facts that nobody could use are ignored.
func (s *Store) Apply(d *Delta) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorded = d.At
	f := Facts{
		Services: d.Services, Health: d.Health, Breakers: d.Breakers, REDs: d.REDs,
		Dependencies: d.Dependencies, SLOs: d.SLOs, Partial: !d.Whole,
	}
	quiet := &changes{baseline: true, say: func(Event) {}} // the events are recorded too
	for _, g := range d.Gone {
		s.lose(0, g)
	}
	p := spread(&f)
	for i := range d.Instances {
		p.instance(&d.Instances[i])
	}
	s.replace(0, "", &f, p.of, quiet) // whose facts they are is recorded too
	if d.Sources != nil {
		s.states = slices.Clone(d.Sources)
	}
	for i := range d.Events {
		s.log.add(d.Events[i], d.Events[i].At)
	}
	s.due(s.urgent)
}

// Flush publishes what was applied and returns the snapshot.
func (s *Store) Flush() *Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.publish()
}

// lose removes one fact of a source.
func (s *Store) lose(source int, g Gone) {
	k := s.world.services[g.Service]
	if k == nil {
		return
	}
	s.world.touch(g.Service)
	switch g.Kind {
	case serviceKind.name:
		lose(k.listed, serviceKind, source, g.Key)
	case instanceKind.name:
		lose(k.instances, instanceKind, source, g.Key)
	case healthKind.name:
		lose(k.health, healthKind, source, g.Key)
	case breakerKind.name:
		lose(k.breakers, breakerKind, source, g.Key)
	case redKind.name:
		lose(k.reds, redKind, source, g.Key)
	case dependencyKind.name:
		lose(k.dependencies, dependencyKind, source, g.Key)
	case sloKind.name:
		lose(k.slos, sloKind, source, g.Key)
	}
}

func lose[T any](t *table[T], k *kind[T], source int, key [4]string) {
	if t == nil {
		return
	}
	if i, ok := t.find(k, key, source); ok {
		t.rows = slices.Delete(t.rows, i, i+1)
		t.dirty = true
	}
}
