package balancer

import (
	"cmp"
	"slices"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// events puts the changes into the words of the monitor. It needs b.mu.
func (b *ejecting) events(changes []outlier.Change) []Event {
	if b.monitor == nil || len(changes) == 0 {
		return nil
	}
	targets := map[*outlier.Member]target{}
	for _, e := range b.endpoints {
		targets[e.member] = e.target
	}
	events := make([]Event, 0, len(changes))
	for _, c := range changes {
		t, known := targets[c.Member]
		if !known {
			continue // it left while it was asked
		}
		e := Event{
			Endpoint: t.id, Addr: t.addr, State: stateOf(c.State), Reason: Reason(c.Reason),
			Detail: c.Detail, Ejections: c.Ejections,
		}
		if c.State == outlier.Ejected {
			e.Until = b.wallTime(c.Until)
		}
		events = append(events, e)
	}
	return events
}

func stateOf(s outlier.State) State {
	switch s {
	case outlier.OnTrial:
		return OnTrial
	case outlier.Ejected, outlier.Checking:
		return Ejected
	default:
		return InRotation
	}
}

func (b *ejecting) status() []Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Status, 0, len(b.endpoints))
	for _, e := range b.endpoints {
		m := e.member.Standing()
		s := Status{
			Endpoint: e.target.id, Addr: e.target.addr, Zone: e.target.zone,
			State: stateOf(m.State), Reason: Reason(m.Reason), Ejections: m.Ejections,
			InFlight: e.member.InFlight(), Calls: m.Calls, Failed: m.Failed, Slow: m.Slow, Late: m.Late,
		}
		if s.State == Ejected {
			s.Until = b.wallTime(m.Until)
		}
		if e.picker == nil {
			s.State = Disconnected
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Addr, b.Addr))
	})
	return list
}
