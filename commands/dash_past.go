package commands

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
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
	past := &folder{}
	t.Past = func(context.Context) (tui.Past, error) {
		dir, err := recordingDir(o.f, o.record)
		if err != nil {
			return nil, err
		}
		return past.open(dir)
	}
	return nil
}

// replayed is a recording as the dashboard reads it. What was torn off is as if nobody
// had looked.
type replayed struct{ *recording.Recording }

// folder is a recording to which somebody may write. It is opened again only where
// its segments are others: what was read of it is not read again.
type folder struct {
	mu      sync.Mutex
	past    tui.Past
	dir     string
	changed time.Time // the folder, as far as past knows
}

func (f *folder) open(dir string) (tui.Past, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var changed time.Time
	if info, err := os.Stat(dir); err == nil {
		changed = info.ModTime()
	}
	if f.past != nil && f.dir == dir && f.changed.Equal(changed) {
		return f.past, nil
	}
	past, err := openPast(dir)
	if err != nil {
		return nil, err
	}
	f.past, f.dir, f.changed = past, dir, changed
	return past, nil
}

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
