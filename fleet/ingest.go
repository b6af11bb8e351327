package fleet

import (
	"fmt"
	"slices"
	"time"
)

// A fact that would overflow what a screen or a disk is for is dropped: nobody
// names things like that.
const longestName = 1 << 10

// ingest takes what a source says. The first time it tells what is there, and
// not what came. answers says that the source stands well.
func (s *Store) ingest(source int, facts *Facts, first, answers bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	state := &s.states[source]
	changed := false
	heard := &changes{now: now, seen: state.At, baseline: first, say: func(e Event) {
		changed = s.log.add(stamp(e, state.Name, now)) || changed
	}}
	facts.believe(now)
	p := spread(facts)
	for i := range facts.Instances {
		p.instance(&InstanceFact{facts.Instances[i], facts.Provenance})
	}
	for _, g := range facts.Gone {
		s.lose(source, g)
	}
	s.replace(source, state.Name, facts, p.of, heard)
	for i := range facts.Events {
		heard.say(facts.Events[i])
	}
	was := *state
	state.Dropped += p.dropped
	if r := facts.turn; r != nil {
		for _, of := range r.of {
			s.world.confirm(source, of, r.at, state.Turn)
		}
		state.Turn = r.began
	}
	if answers {
		state.At, state.Err, state.Failures = now, nil, 0
	}
	if answers && state.Status != SourceFresh {
		state.Status, state.Since = SourceFresh, now
		s.turned(&was, state, heard)
	}
	if !facts.Partial || facts.Missing != nil {
		state.Missing = bounded(facts.Missing)
	}
	if !facts.Partial || facts.Notes != nil {
		state.Notes = facts.Notes
	}
	if changed || len(s.world.changed) > 0 || !was.same(state) {
		s.due(s.urgent)
	} else {
		s.due(s.quiet)
	}
}

// mostMissing is how much a source may miss one by one.
const mostMissing = 1000

// bounded is what is missing, of which the last says how many more there are.
func bounded(missing []Missing) []Missing {
	more := len(missing) - mostMissing
	if more <= 0 {
		return missing
	}
	return append(slices.Clone(missing[:mostMissing]), Missing{What: missing[mostMissing].What, Err: fmt.Errorf("and %d more like this", more)})
}

// turned says that the status of a source changed.
func (s *Store) turned(was, is *SourceState, heard *changes) {
	heard.source(was, is)
	if (was.Status == SourceFailing) != (is.Status == SourceFailing) {
		s.world.remix()
	}
	s.due(s.urgent)
}

// status changes the status of a source that did not answer.
func (s *Store) status(source int, status SourceStatus, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := &s.states[source]
	was := *state
	now := s.now()
	if status == SourceStale && state.Status != SourceFresh {
		return
	}
	state.Err = err
	if err != nil {
		state.Failures++
	}
	if state.Status != status {
		state.Status, state.Since = status, now
	}
	if was.same(state) {
		s.due(s.quiet)
		return
	}
	s.turned(&was, state, &changes{now: now, say: func(e Event) { s.log.add(e, e.At) }})
}

// parts sorts facts by the service that they are about.
type parts struct {
	of      map[string]*part
	dropped int // that were of no use
}

// get returns the part of a service; one that is thrown away if a name is missing
// or absurd.
func (p *parts) get(service string, names ...string) *part {
	for _, name := range append(names, service) {
		if name == "" || len(name) > longestName {
			p.dropped++
			return &part{}
		}
	}
	found := p.of[service]
	if found == nil {
		found = &part{}
		p.of[service] = found
	}
	return found
}

func (p *parts) instance(in *InstanceFact) {
	of := p.get(in.Service, in.ID)
	of.instances = append(of.instances, in)
}

// spread sorts all facts but the instances.
func spread(f *Facts) *parts {
	p := &parts{of: map[string]*part{}}
	for i := range f.Services {
		of := p.get(f.Services[i].Name)
		of.listed = append(of.listed, &serviceFact{f.Services[i], f.Provenance})
	}
	for i := range f.Health {
		of := p.get(f.Health[i].Instance.Service, f.Health[i].Instance.ID)
		of.health = append(of.health, &f.Health[i])
	}
	for i := range f.Breakers {
		of := p.get(f.Breakers[i].Caller.Service, f.Breakers[i].Caller.ID, f.Breakers[i].Name)
		of.breakers = append(of.breakers, &f.Breakers[i])
	}
	for i := range f.REDs {
		of := p.get(f.REDs[i].Service)
		of.reds = append(of.reds, &f.REDs[i])
	}
	for i := range f.Dependencies {
		of := p.get(f.Dependencies[i].Caller, f.Dependencies[i].Callee)
		of.dependencies = append(of.dependencies, &f.Dependencies[i])
	}
	for i := range f.SLOs {
		of := p.get(f.SLOs[i].Service)
		of.slos = append(of.slos, &f.SLOs[i])
	}
	return p
}

// replace makes the facts known, service by service, also those that are gone.
func (s *Store) replace(source int, feed string, f *Facts, parts map[string]*part, heard *changes) {
	whole := map[string]bool{}
	if f.Partial {
		for _, name := range f.Of {
			if whole[name] = true; parts[name] == nil && s.world.services[name] != nil {
				parts[name] = &part{}
			}
		}
	} else {
		for name, k := range s.world.services {
			if parts[name] == nil && k.has(source) {
				parts[name] = &part{}
			}
		}
	}
	for name, p := range parts {
		s.world.apply(source, feed, name, p, !f.Partial || whole[name], heard)
	}
}

// Event adds what somebody did here, such as an operator's action.
func (s *Store) Event(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log.add(stamp(e, e.Provenance.Feed, s.latest())) {
		s.due(s.urgent)
	}
}

// latest is the clock of a store that runs, and of a replay the recorded time.
func (s *Store) latest() time.Time {
	if s.recorded.IsZero() {
		return s.now()
	}
	return s.recorded
}
