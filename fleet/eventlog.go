package fleet

import "time"

// eventLog keeps the last events. Readers share its memory: what was handed out
// is never written again.
type eventLog struct {
	keep   int
	events []Event
	names  []eventName // of events
	total  uint64
	told   map[eventName]struct{} // of those that are kept
}

// eventName is what makes an event the same as another. The time is as its source
// tells it, also where that cannot be.
type eventName struct {
	at                                   int64
	kind                                 EventKind
	service, instance, subject, from, to string
}

func newEventLog(keep int) *eventLog {
	return &eventLog{keep: keep, told: map[eventName]struct{}{}}
}

// add adds an event that was told with a time, unless it is there.
func (l *eventLog) add(e Event, at time.Time) bool {
	name := eventName{at.UnixNano(), e.Kind, e.Service, e.Instance, e.Subject, e.From, e.To}
	if _, ok := l.told[name]; ok {
		return false
	}
	if kept := l.last(); len(kept) == l.keep && e.At.Before(kept[0].At) {
		return false // a source tells again what was forgotten
	}
	l.told[name] = struct{}{}
	if len(l.events) >= 2*l.keep {
		l.events = append(make([]Event, 0, 2*l.keep), l.last()...)
		l.names = append(l.names[:0], l.names[len(l.names)-len(l.events):]...)
	}
	l.events, l.names = append(l.events, e), append(l.names, name)
	if n := len(l.events) - l.keep; n > 0 {
		delete(l.told, l.names[n-1])
	}
	l.total++
	return true
}

// last returns the events that are kept.
func (l *eventLog) last() []Event {
	return l.events[max(0, len(l.events)-l.keep):len(l.events):len(l.events)]
}

// stamp completes an event of a source, and returns the time by which it is the
// same when it is told again.
func stamp(e Event, feed string, now time.Time) (Event, time.Time) {
	e.Provenance.Feed, e.Provenance.heard = feed, nil
	believeOrigin(&e.Provenance, now)
	told := e.At
	if e.At.IsZero() || e.At.After(now) {
		e.At, e.Exact = now, false
	}
	if told.IsZero() {
		told = now
	}
	return e, told
}
