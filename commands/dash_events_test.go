package commands

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

func TestThePastOfTheDashboardIsOfAllWhoRemember(t *testing.T) {
	f, _ := withCatalog(&fakeCatalog{instances: shop}, map[string]string{"XDG_STATE_HOME": t.TempDir()})
	now := f.Now()
	since := now.Add(-time.Hour)
	readers := func(list ...fleet.EventReader) {
		f.Past = func(context.Context) ([]fleet.EventReader, error) { return list, nil }
	}
	readers(past{err: fleet.ErrNoHistory})
	if _, err := pastEvents(t.Context(), f, "", since, now); !errors.Is(err, fleet.ErrNoHistory) {
		t.Errorf("where nobody remembers: %v", err)
	}
	refused := errors.New("refused")
	readers(past{err: refused})
	if _, err := pastEvents(t.Context(), f, "", since, now); !errors.Is(err, refused) {
		t.Errorf("where all fail: %v", err)
	}
	started := fleet.Event{At: now.Add(-time.Minute), Kind: fleet.ProcessStarted, Service: "user", Exact: true}
	readers(past{err: refused}, past{list: fleet.EventList{Events: []fleet.Event{started}, From: since}})
	list, err := pastEvents(t.Context(), f, "", since, now)
	if err != nil || len(list.Events) != 1 || len(list.Missing) != 1 || !list.From.Equal(now) {
		t.Errorf("one fails, nobody recorded: %+v, %v", list, err)
	}

	dir, err := recordingDir(f, "")
	if err != nil {
		t.Fatal(err)
	}
	record(t, dir, func() time.Time { return now.Add(-10 * time.Minute) }, fleet.Event{At: now.Add(-10 * time.Minute), Kind: fleet.InstanceCame, Service: "user", Instance: "user-1"})
	list, err = pastEvents(t.Context(), f, "", since, now)
	if err != nil || len(list.Events) != 2 || !list.From.Before(now) || len(list.Gaps) == 0 {
		t.Errorf("with a recording that ended: %+v, %v", list, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := pastEvents(ended, f, "", since, now); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// record writes a recording of one event.
func record(t *testing.T, dir string, now func() time.Time, e fleet.Event) {
	t.Helper()
	recorder, err := recording.NewRecorder(recording.Options{Dir: dir, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Now: now})
	defer store.Close()
	store.Apply(&fleet.Delta{At: now(), Whole: true, Events: []fleet.Event{e}})
	store.Flush()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := recorder.Run(ctx, store, func(recording.Stats) { cancel() }); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
}
