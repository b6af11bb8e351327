package fleet

import (
	"slices"
	"strings"
	"time"
)

// turns asks the instances of a fleet in turn.
type turns struct {
	last     Instance  // that was asked
	now      time.Time // when the present turn began
	complete time.Time // when the last one began that all were asked in
}

// next takes up to most of the instances that are wanted, beginning after the one
// that was the last.
func (t *turns) next(known *Snapshot, now time.Time, most int, want func(*InstanceFact) bool) []Instance {
	if t.now.IsZero() {
		t.now, t.complete = now, now
	}
	services, last := known.Services(), t.last
	begin, _ := slices.BinarySearchFunc(services, last.Service, func(f *ServiceFacts, name string) int { return strings.Compare(f.Name, name) })
	var list []Instance
	// take takes out of some services those after the last one, or the others.
	take := func(services []*ServiceFacts, after bool) (full bool) {
		for _, f := range services {
			for _, in := range f.Instances {
				if (compareInstances(in.Instance, last) > 0) == after && want(in) {
					if len(list) == most {
						return true
					}
					list = append(list, in.Instance)
				}
			}
		}
		return false
	}
	if !take(services[begin:], true) {
		t.complete, t.now = t.now, now // all were asked
		if !take(services[:min(begin+1, len(services))], false) {
			t.complete = now
		}
	}
	if len(list) > 0 {
		t.last = list[len(list)-1]
	}
	return list
}

// subjects names instances.
func subjects(list []Instance) []Subject {
	names := make([]Subject, len(list))
	for i := range list {
		names[i] = Subject{list[i].Service, list[i].ID}
	}
	return names
}
