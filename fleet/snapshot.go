package fleet

import (
	"slices"
	"strings"
	"time"
)

// Snapshot is all that a Store knows at one moment. It never changes: any number
// of readers may use it for as long as they like, and nothing that it returns may
// be modified. Taking one costs nothing.
type Snapshot struct {
	version  uint64
	at       time.Time
	services []*ServiceFacts
	sources  []SourceState
	events   []Event // oldest first
	total    uint64  // events ever
	newer    chan struct{}
}

// ServiceFacts is all that is known about one service. As long as nothing of it
// changes, the snapshots share one value: the same pointer is the same facts.
type ServiceFacts struct {
	Service // counts, tags and meta as the instances have them

	Changed      uint64          // version of the snapshot with which something here changed last
	Instances    []*InstanceFact // sorted by ID
	Health       []*Health       // sorted by instance, then name; Instance in it is as it was asked
	Breakers     []*Breaker      // of its instances as callers, sorted by caller, then name
	REDs         []*RED          // sorted by method, instance, caller, side
	Dependencies []*Dependency   // whom it calls, sorted by callee, then method
	SLO          *SLO            // nil: none

	listed *serviceFact
}

// Version counts the snapshots of a store; that of the first, empty one is 0,
// or what StoreOptions say.
func (s *Snapshot) Version() uint64 { return s.version }

// At is when the snapshot was made, in a replay when the recorded one was.
func (s *Snapshot) At() time.Time { return s.at }

// Services returns all services, sorted by name.
func (s *Snapshot) Services() []*ServiceFacts { return s.services }

// Service returns what is known about a service, nil if nothing is.
func (s *Snapshot) Service(name string) *ServiceFacts {
	i, ok := slices.BinarySearchFunc(s.services, name, func(f *ServiceFacts, name string) int { return strings.Compare(f.Name, name) })
	if !ok {
		return nil
	}
	return s.services[i]
}

// Sources returns the states of the sources, the best source first.
func (s *Snapshot) Sources() []SourceState { return s.sources }

// Answered tells whether every source has answered or failed.
func (s *Snapshot) Answered() bool {
	return !slices.ContainsFunc(s.sources, func(state SourceState) bool { return state.Status == SourceStarting })
}

// Source returns the state of a source, and false if there is none of that name.
// The Feed of a fact's provenance is such a name.
func (s *Snapshot) Source(name string) (SourceState, bool) {
	for i := range s.sources {
		if s.sources[i].Name == name {
			return s.sources[i], true
		}
	}
	return SourceState{}, false
}

// Age returns how old a fact is at now: the time since its source last said it or
// that it is still so. A fact of a watch that is fresh is of this moment; one of a
// source that asks in turn, of when the instance answered last.
func (s *Snapshot) Age(p Provenance, now time.Time) time.Duration {
	at := p.At
	if state, ok := s.Source(p.Feed); ok {
		said := state.At
		if !state.Turn.IsZero() {
			said = time.Time{}
			if p.heard != nil {
				said = p.heard.by(s.at, state.Turn)
			}
		}
		if said.After(at) {
			at = said
		}
	}
	return max(0, now.Sub(at))
}

// Events returns what changed lately, in the order in which it was noticed. How
// many are kept is bounded.
func (s *Snapshot) Events() []Event { return s.events }

// EventsSince returns the events that a snapshot before this one did not have.
func (s *Snapshot) EventsSince(old *Snapshot) []Event {
	n := s.total - min(s.total, old.total)
	return s.events[len(s.events)-int(min(n, uint64(len(s.events)))):]
}

// Counts returns the counts of all services together.
func (s *Snapshot) Counts() Counts {
	var c Counts
	for _, f := range s.services {
		c.Instances += f.Counts.Instances
		c.Passing += f.Passing
		c.Warning += f.Warning
		c.Critical += f.Critical
		c.Maintenance += f.Maintenance
	}
	return c
}

// BreakersTo returns the breakers of all callers towards a service.
func (s *Snapshot) BreakersTo(target string) []*Breaker {
	var found []*Breaker
	for _, f := range s.services {
		for _, b := range f.Breakers {
			if b.Target == target {
				found = append(found, b)
			}
		}
	}
	return found
}

// Callers returns who calls a service.
func (s *Snapshot) Callers(callee string) []*Dependency {
	var found []*Dependency
	for _, f := range s.services {
		for _, d := range f.Dependencies {
			if d.Callee == callee {
				found = append(found, d)
			}
		}
	}
	return found
}

// Since returns the services of which something changed since a snapshot before
// this one, and the names of those that are gone.
func (s *Snapshot) Since(old *Snapshot) (changed []*ServiceFacts, gone []string) {
	merge(old.services, s.services, func(a, b *ServiceFacts) int { return strings.Compare(a.Name, b.Name) }, func(was, is *ServiceFacts) {
		switch {
		case is == nil:
			gone = append(gone, was.Name)
		case was != is:
			changed = append(changed, is)
		}
	})
	return changed, gone
}

// Instance returns an instance of the service by its ID, nil if there is none.
func (f *ServiceFacts) Instance(id string) *InstanceFact {
	i, ok := slices.BinarySearchFunc(f.Instances, id, func(in *InstanceFact, id string) int { return strings.Compare(in.ID, id) })
	if !ok {
		return nil
	}
	return f.Instances[i]
}

// HealthOf returns what an instance says of itself, by name; that of the server
// as a whole comes first.
func (f *ServiceFacts) HealthOf(id string) []*Health {
	return within(f.Health, id, func(h *Health) string { return h.Instance.ID })
}

// BreakersOf returns the breakers in an instance.
func (f *ServiceFacts) BreakersOf(id string) []*Breaker {
	return within(f.Breakers, id, func(b *Breaker) string { return b.Caller.ID })
}

// RED returns how the calls of a method ("" for all), counted by an instance (""
// for all), go on one side, whoever calls; nil if that is not known.
func (f *ServiceFacts) RED(method, instance string, side Side) *RED {
	key := factKey{method, instance, "", string(side)}
	i, ok := slices.BinarySearchFunc(f.REDs, key, func(r *RED, key factKey) int { return redKind.key(r).compare(key) })
	if !ok {
		return nil
	}
	return f.REDs[i]
}

// within returns the facts of one instance out of a list that is sorted by it.
func within[T any](list []*T, id string, of func(*T) string) []*T {
	begin, _ := slices.BinarySearchFunc(list, id, func(f *T, id string) int { return strings.Compare(of(f), id) })
	end := begin
	for end < len(list) && of(list[end]) == id {
		end++
	}
	return list[begin:end]
}

// merge walks through two sorted lists at once and hands over what belongs
// together; what one list lacks is nil.
func merge[T any](was, is []*T, compare func(a, b *T) int, each func(was, is *T)) {
	if len(was) == len(is) && len(is) > 0 && &was[0] == &is[0] { // the very same
		return
	}
	for len(was) > 0 || len(is) > 0 {
		var c int
		switch {
		case len(was) == 0:
			c = 1
		case len(is) == 0:
			c = -1
		default:
			c = compare(was[0], is[0])
		}
		switch {
		case c < 0:
			each(was[0], nil)
			was = was[1:]
		case c > 0:
			each(nil, is[0])
			is = is[1:]
		default:
			each(was[0], is[0])
			was, is = was[1:], is[1:]
		}
	}
}
