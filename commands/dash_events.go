package commands

import (
	"context"
	"errors"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// pastEvents tells what the recording and all others who remember something know of
// a time, as gctl events does. Whoever fails costs its part. Where there is no
// recording, From is until: of what nobody recorded nothing is known.
func pastEvents(ctx context.Context, f *Factory, service string, since, until time.Time) (fleet.EventList, error) {
	all := fleet.EventList{From: until}
	known := false
	add := func(r fleet.EventReader, what string) {
		list, err := r.Events(ctx, service, since, until)
		if err != nil {
			if !errors.Is(err, fleet.ErrNoHistory) {
				all.Missing = append(all.Missing, fleet.Missing{What: what, Err: err})
			}
			return
		}
		known = true
		all.Events = append(all.Events, list.Events...)
		all.Missing = append(all.Missing, list.Missing...)
		if what == recordedPast {
			all.From, all.Gaps = list.From, list.Gaps
		}
	}
	o := &eventsOptions{f: f}
	switch r, there, err := o.recorded(); {
	case err != nil:
		all.Missing = append(all.Missing, fleet.Missing{What: recordedPast, Err: err})
	case there:
		add(r, recordedPast)
	}
	if f.Past != nil {
		readers, err := f.Past(ctx)
		if err != nil {
			all.Missing = append(all.Missing, fleet.Missing{What: "events", Err: err})
		}
		for _, r := range readers {
			add(r, "events")
		}
	}
	switch {
	case ctx.Err() != nil:
		return all, ctx.Err()
	case !known && len(all.Missing) > 0:
		return all, all.Missing[0].Err
	case !known:
		return all, fleet.ErrNoHistory
	}
	return all, nil
}

const recordedPast = "recording"
