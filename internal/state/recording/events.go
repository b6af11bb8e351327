package recording

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Events implements fleet.EventReader. What was torn off is among the Missing.
func (r *Recording) Events(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error) {
	list := fleet.EventList{From: r.From()}
	var looked time.Time // the last time that somebody is known to have looked
	for i := r.first(since); i < len(r.segments) && !r.segments[i].began.After(until); i++ {
		head := true
		torn, err := r.segments[i].walk(ctx, func(raw []byte) (time.Time, error) {
			d, err := decodeEvents(raw)
			if err != nil {
				return time.Time{}, err
			}
			if looked.IsZero() { // a first line may tell what was known for long
				looked = r.segments[i].began
			}
			if d.At.Sub(looked) > gapAfter && d.At.After(since) {
				list.Gaps = append(list.Gaps, fleet.Gap{From: looked, To: d.At})
			}
			if d.At.After(looked) {
				looked = d.At
			}
			// The events of a first line were recorded before, unless there is
			// nothing before.
			if !head || i == 0 {
				list.Events = appendEvents(list.Events, d.Events, service, since, until)
			}
			head = false
			return d.At, nil
		})
		if err != nil {
			return list, err
		}
		if torn != nil {
			list.Missing = append(list.Missing, fleet.Missing{What: "recording", Err: torn})
		}
	}
	// A recorder that runs says so every heartbeat.
	if !looked.IsZero() && until.Sub(looked) > gapAfter {
		list.Gaps = append(list.Gaps, fleet.Gap{From: looked, To: until})
	}
	slices.SortStableFunc(list.Events, func(a, b fleet.Event) int { return a.At.Compare(b.At) })
	return list, nil
}

func appendEvents(to, events []fleet.Event, service string, since, until time.Time) []fleet.Event {
	for i := range events {
		if e := &events[i]; (service == "" || e.Service == service) && !e.At.Before(since) && !e.At.After(until) {
			to = append(to, *e)
		}
	}
	return to
}

// gapAfter is how far apart two lines may be before something is missing: a
// recorder that lives says something at every heartbeat, one whose machine sleeps
// does not.
const gapAfter = time.Minute

// decodeEvents reads the time of a delta, and its events only if it has some: most
// have none, and the rest is not needed.
func decodeEvents(raw []byte) (fleet.Delta, error) {
	if bytes.Contains(raw, []byte(`"events":`)) {
		return decodeLine(raw)
	}
	return decodeAt(raw)
}
