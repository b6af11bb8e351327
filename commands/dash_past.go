package commands

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
	"github.com/gctl-dev/gctl/tui"
	"github.com/gctl-dev/gctl/tui/screen"
)

// recordings gives the dashboard what was recorded, and how to record.
func (o *dashOptions) recordings(t *tui.Options) error {
	t.Export = o.export
	if o.replay != "" {
		recorded, err := openPast(o.replay)
		if err != nil {
			return err
		}
		t.Replay, t.Context = true, filepath.Base(o.replay)
		t.Env = screen.Env{Identity: t.Env.Identity, Events: o.recordedEvents}
		t.Past = func(context.Context) (tui.Past, error) { return recorded, nil }
		return nil
	}
	t.RecordNow = o.record != ""
	store := t.Store
	t.Record = func(ctx context.Context) (string, error) {
		dir, err := recordingDir(o.f, o.record)
		if err != nil {
			return "", err
		}
		recorder, err := recording.NewRecorder(recording.Options{Dir: dir, Keep: usualKeep, MaxSize: usualSize, Now: o.f.Now})
		if errors.Is(err, recording.ErrBusy) {
			return "", &fleet.Error{What: "this fleet is being recorded already", Err: err, Hint: "gctl dash --record FOLDER keeps another recording"}
		}
		if err != nil {
			return "", err
		}
		err = recorder.Run(ctx, store, nil)
		if errors.Is(err, context.Canceled) || errors.Is(err, fleet.ErrClosed) {
			err = nil // that is how it ends
		}
		return dir, errors.Join(err, recorder.Close())
	}
	t.Past = func(context.Context) (tui.Past, error) {
		dir, err := recordingDir(o.f, o.record)
		if err != nil {
			return nil, err
		}
		return openPast(dir)
	}
	return nil
}

// replayed is a recording as the dashboard reads it. What was torn off is as if nobody
// had looked.
type replayed struct{ *recording.Recording }

func openPast(path string) (tui.Past, error) {
	r, err := recording.Open(path)
	if err != nil {
		return nil, &fleet.Error{What: "the recording " + path + " cannot be read", Err: err, Hint: "gctl record and gctl dash --record write one"}
	}
	return replayed{r}, nil
}

// At implements tui.Past.
func (p replayed) At(ctx context.Context, at time.Time) (*fleet.Snapshot, error) {
	snap, _, err := p.Recording.At(ctx, at)
	return snap, err
}

func (o *dashOptions) recordedEvents(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error) {
	r, err := recording.Open(o.replay)
	if err != nil {
		return fleet.EventList{}, err
	}
	return r.Events(ctx, service, since, until)
}
