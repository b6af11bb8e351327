package fleet

import (
	"cmp"
	"time"
)

// changes turns what changed into events.
type changes struct {
	now      time.Time
	seen     time.Time // when the source answered last, by the clock of the store
	baseline bool      // the source speaks for the first time: what it finds did not come just now
	say      func(Event)
}

func (c *changes) instance(was, is *InstanceFact) {
	switch {
	case was == nil:
		if !c.baseline {
			c.came(is)
		}
	case is == nil:
		c.went(was)
	case was.Addr != is.Addr: // another process under the same ID
		c.went(was)
		c.came(is)
	default:
		if was.Version != is.Version {
			c.noticed(Event{Kind: VersionChanged, From: was.Version, To: is.Version}, &is.Instance, is.Provenance)
		}
		if was.Catalog != is.Catalog {
			c.noticed(Event{Kind: CatalogChanged, From: string(was.Catalog), To: string(is.Catalog)}, &is.Instance, is.Provenance)
		}
	}
}

func (c *changes) came(in *InstanceFact) {
	c.noticed(Event{Kind: InstanceCame, Subject: in.Addr, To: cmp.Or(in.Version, string(in.Catalog))}, &in.Instance, in.Provenance)
}

func (c *changes) went(in *InstanceFact) {
	c.noticed(Event{Kind: InstanceWent, Subject: in.Addr, From: cmp.Or(in.Version, string(in.Catalog))}, &in.Instance, in.Provenance)
}

// noticed says an event of which nobody knows when it happened, just that it was
// seen now.
func (c *changes) noticed(e Event, in *Instance, p Provenance) {
	e.At, e.Service, e.Instance, e.Provenance = c.now, in.Service, in.ID, p
	c.say(e)
}

func (c *changes) health(was, is *Health) {
	if was == nil || is == nil || was.State == is.State {
		return
	}
	c.noticed(Event{Kind: HealthChanged, Subject: is.Name, From: string(was.State), To: string(is.State)}, &is.Instance, is.Provenance)
}

func (c *changes) breaker(was, is *Breaker) {
	if was == nil || is == nil {
		return
	}
	if was.Override != is.Override {
		c.noticed(Event{Kind: BreakerChanged, Subject: is.Name, From: string(cmp.Or(was.Override, NotForced)), To: string(cmp.Or(is.Override, NotForced))},
			&is.Caller, is.Provenance)
	}
	if was.State == is.State {
		return
	}
	e := Event{Kind: BreakerChanged, Subject: is.Name, From: string(was.State), To: string(is.State)}
	c.noticedAt(&e, is.Since, was.Provenance.At)
	e.Service, e.Instance, e.Provenance = is.Caller.Service, is.Caller.ID, is.Provenance
	c.say(e)
}

// longAnswer is how long it may take from what a source sees to its answer.
const longAnswer = 10 * time.Second

// noticedAt gives an event the time that the source tells, if that can be: after
// the state before was seen, and not in the future.
func (c *changes) noticedAt(e *Event, told, after time.Time) {
	e.At = c.now
	if !told.IsZero() && !told.After(c.now) && !told.Before(after) && !told.Before(c.seen.Add(-longAnswer)) {
		e.At, e.Exact = told, true
	}
}

// source says that a source fails or answers again.
func (c *changes) source(was, is *SourceState) {
	failing := func(s *SourceState) bool { return s.Status == SourceFailing }
	if failing(was) == failing(is) {
		return
	}
	to := string(is.Status)
	if is.Err != nil {
		to += ": " + is.Err.Error()
	}
	c.say(Event{
		At: c.now, Kind: SourceChanged, Subject: is.Name, From: string(was.Status), To: to, Exact: true,
		Provenance: Provenance{Source: "gctl", At: c.now, Feed: is.Name},
	})
}
