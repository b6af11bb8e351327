package fleettest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// follow starts a watch that ends with the test, and checks that notify is
// called by one goroutine at a time.
func follow(t *testing.T, w World) <-chan fleet.Update {
	updates := make(chan fleet.Update)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var inside atomic.Int32
	go func() {
		done <- w.Catalog.Watch(ctx, w.Service, func(u fleet.Update) {
			if inside.Add(1) > 1 {
				t.Error("notify was called twice at once")
			}
			defer inside.Add(-1)
			select {
			case updates <- u:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Watch = %v, want the context's error", err)
			}
		case <-time.After(patience):
			t.Error("Watch outlives its context")
		}
	})
	return updates
}

// until reads updates until ok.
func until(t *testing.T, updates <-chan fleet.Update, what string, ok func(fleet.Update) bool) fleet.Update {
	t.Helper()
	timeout := time.After(patience)
	var last fleet.Update
	for {
		select {
		case last = <-updates:
			if ok(last) {
				return last
			}
		case <-timeout:
			t.Fatalf("no update in which %s; the last is %+v", what, last)
		}
	}
}

func testWatch(t *testing.T, w World) {
	all := w.sample(3)
	w.Set(all[:1]...)
	w.await(t, all[:1])
	updates := follow(t, w)
	says := func(want []fleet.Instance) func(fleet.Update) bool {
		return func(u fleet.Update) bool { return u.Err == nil && w.rows(u.List.Instances) == w.rows(want) }
	}
	first := until(t, updates, "the present is told", says(all[:1]))
	if first.List.Service != w.Service || first.List.Provenance.Source == "" {
		t.Errorf("update = %+v, want service and provenance", first)
	}
	w.Set(all...)
	until(t, updates, "two came", says(all))
	w.Set(all[1:]...)
	until(t, updates, "one left", says(all[1:]))
	w.Set()
	until(t, updates, "all left", says(nil))
	w.Set(all[2:]...)
	until(t, updates, "one came back", says(all[2:]))
}

func testWatchFailure(t *testing.T, w World) {
	all := w.sample(2)
	w.Set(all[:1]...)
	w.await(t, all[:1])
	updates := follow(t, w)
	until(t, updates, "the present is told", func(u fleet.Update) bool { return u.Err == nil })
	mend := w.Break()
	broken := until(t, updates, "the failure is told", func(u fleet.Update) bool { return u.Err != nil })
	if w.rows(broken.List.Instances) != w.rows(all[:1]) {
		t.Errorf("after a failure the list is\n%swant the last known one", w.rows(broken.List.Instances))
	}
	mend()
	w.Set(all...)
	until(t, updates, "the present is told again", func(u fleet.Update) bool {
		return u.Err == nil && w.rows(u.List.Instances) == w.rows(all)
	})
}
