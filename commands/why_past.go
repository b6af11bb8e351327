package commands

import (
	"context"
	"errors"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
	"github.com/gctl-dev/gctl/ops/why"
)

// openEvents opens what was recorded. When processes started is asked beside it.
func (o *whyOptions) openEvents(context.Context) (fleet.EventReader, error) {
	r, there, err := (&eventsOptions{f: o.f}).recorded()
	if err == nil && !there {
		return nil, why.ErrAbsent
	}
	return r, err
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
