package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

func TestBreakersAreReadOftenOnlyWhereControlAPIsTellThem(t *testing.T) {
	now, asked := time.Unix(1000, 0), 0
	var fails error
	s := unhurried(fleet.Source{Poll: func(context.Context, *fleet.Snapshot) (fleet.Facts, error) {
		asked++
		return fleet.Facts{}, fails
	}}, metricsEvery, func() time.Time { return now })
	known := func(meta map[string]string) *fleet.Snapshot {
		store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
		defer store.Close()
		store.Apply(&fleet.Delta{Instances: []fleet.InstanceFact{{Instance: fleet.Instance{ID: "u", Service: "user", Meta: meta}}}})
		return store.Flush()
	}
	ask := func(meta map[string]string, d time.Duration, want int) {
		t.Helper()
		now = now.Add(d)
		_, err := s.Poll(t.Context(), known(meta))
		if asked != want || !errors.Is(err, fails) {
			t.Errorf("asked %d times, want %d; %v", asked, want, err)
		}
	}
	controlled := map[string]string{fleet.MetaAdmin: ":9000"}
	ask(nil, 0, 1)
	ask(nil, breakersEvery, 1)
	ask(controlled, breakersEvery, 2)
	ask(controlled, breakersEvery, 3)
	ask(nil, breakersEvery, 3)
	fails = errors.New("no")
	ask(nil, metricsEvery, 4)
	ask(nil, breakersEvery, 5)
}
