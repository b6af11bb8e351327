package commands

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

// A recording that goes on is not opened for each moment, but its new segments are
// seen.
func TestThePastIsOpenedOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rec")
	past := &folder{}
	if _, err := past.open(dir); err == nil {
		t.Error("what is not there is opened")
	}
	now := time.Date(2026, 3, 1, 14, 5, 0, 0, time.UTC)
	recorder, err := recording.NewRecorder(recording.Options{Dir: dir, Segment: time.Minute, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	say := func(version string) {
		now = now.Add(40 * time.Second)
		store.Apply(&fleet.Delta{At: now, Instances: []fleet.InstanceFact{{Instance: fleet.Instance{ID: "u", Service: "user", Version: version}}}})
		if err := recorder.Record(store.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	latest := func() string {
		p, err := past.open(dir)
		if err != nil {
			t.Fatal(err)
		}
		snap, err := p.At(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		return snap.Services()[0].Instances[0].Version
	}
	say("v1")
	before := latest()
	first := past.past
	say("v2")
	if after := latest(); before != "v1" || after != "v2" || past.past != first {
		t.Errorf("%s, then %s; opened again: %v", before, after, past.past != first)
	}
	for _, version := range []string{"v3", "v4", "v5"} {
		say(version)
		if got := latest(); got != version {
			t.Errorf("%s, want %s", got, version)
		}
	}
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
}
