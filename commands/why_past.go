package commands

import (
	"context"
	"errors"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
	"github.com/gctl-dev/gctl/ops/why"
)

// whyEvents asks all who know something of the past.
type whyEvents []fleet.EventReader

func (o *whyOptions) openEvents(ctx context.Context) (fleet.EventReader, error) {
	readers, err := (&eventsOptions{f: o.f}).readers(ctx)
	if err == nil && len(readers) == 0 {
		err = why.ErrAbsent
	}
	return whyEvents(readers), err
}

// Events implements fleet.EventReader. It fails where none of them can tell.
func (w whyEvents) Events(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error) {
	var all fleet.EventList
	var first error
	told := false
	for _, r := range w {
		list, err := r.Events(ctx, service, since, until)
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		told = true
		all.Events = append(all.Events, list.Events...)
		all.Missing = append(all.Missing, list.Missing...)
	}
	if !told {
		return all, first
	}
	return all, nil
}

// whyRecording is a recording as package why wants it.
type whyRecording struct{ r *recording.Recording }

func (o *whyOptions) openRecording(context.Context) (why.Recording, error) {
	dir, err := recordingDir(o.f, "")
	if err != nil {
		return nil, err
	}
	r, err := recording.Open(dir)
	if errors.Is(err, fleet.ErrNotFound) {
		return nil, why.ErrAbsent
	}
	return whyRecording{r}, err
}

// Moment implements why.Recording.
func (w whyRecording) Moment(ctx context.Context, at time.Time) (why.Moment, error) {
	snap, _, err := w.r.At(ctx, at) // what was torn off is missing in it
	if err != nil {
		return why.Moment{}, err
	}
	m := why.Moment{At: snap.At(), Provenance: fleet.Provenance{Source: "recording", At: snap.At()}}
	for _, s := range snap.Services() {
		for _, in := range s.Instances {
			m.Instances = append(m.Instances, in.Instance)
		}
		for _, h := range s.Health {
			m.Health = append(m.Health, *h)
		}
		for _, b := range s.Breakers {
			m.Breakers = append(m.Breakers, *b)
		}
		for _, d := range s.Dependencies {
			m.Dependencies = append(m.Dependencies, *d)
		}
	}
	return m, nil
}
