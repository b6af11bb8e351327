package fleettest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// ProbeWorld is a prober under test and an instance whose health can be changed.
type ProbeWorld struct {
	Prober   fleet.Prober
	Instance fleet.Instance // it serves, as a whole and by the name Named
	Named    string         // the name of one of its gRPC services
	// Set changes the health of a name to Serving or NotServing.
	Set func(name string, s fleet.HealthState)
	// Stop ends the instance until the returned function starts it again.
	Stop func() (start func())
	// Hang makes it stand still, its connections open, until the returned
	// function is called.
	Hang func() (resume func())
	// NoHealth is another instance, without a health service.
	NoHealth fleet.Instance
}

// Prober runs the suite. Each test gets a world of its own from open.
func Prober(t *testing.T, open func(t *testing.T) ProbeWorld) {
	t.Run("an answer is told with its latency and evidence", func(t *testing.T) { testAnswer(t, open(t)) })
	t.Run("what hinders an answer is told apart", func(t *testing.T) { testHindrances(t, open(t)) })
	t.Run("all names are listed", func(t *testing.T) { testHealthList(t, open(t)) })
	t.Run("a watch tells the present and each change once", func(t *testing.T) { testWatchHealth(t, open(t)) })
	t.Run("a watch outlives the instance", func(t *testing.T) { testWatchLoss(t, open(t)) })
	t.Run("a watch sees that an instance stands still", func(t *testing.T) { testWatchHang(t, open(t)) })
	t.Run("an ended context says nothing of the instance", func(t *testing.T) { testProbeCancel(t, open(t)) })
}

func testAnswer(t *testing.T, w ProbeWorld) {
	for _, name := range []string{"", w.Named} {
		for _, s := range []fleet.HealthState{fleet.NotServing, fleet.Serving} {
			w.Set(name, s)
			h := w.Prober.Health(t.Context(), w.Instance, name)
			if h.State != s || h.Name != name || h.Instance.ID != w.Instance.ID || h.Err != nil || h.Latency <= 0 {
				t.Errorf("%q, set to %s: %+v", name, s, h)
			}
			p := h.Provenance
			if p.Source == "" || p.Query == "" || time.Since(p.At).Abs() > time.Minute {
				t.Errorf("provenance = %+v, want source, query and time", p)
			}
		}
	}
}

// expectNone checks an answer that is no verdict.
func expectNone(t *testing.T, h fleet.Health, want fleet.HealthState) {
	t.Helper()
	var e *fleet.Error
	if h.State != want || h.Latency != 0 && want != fleet.Unimplemented || !errors.As(h.Err, &e) || e.What == "" {
		t.Errorf("%+v, want %s with an error for people", h, want)
	}
	if h.Provenance.Source == "" || h.Provenance.At.IsZero() {
		t.Errorf("provenance = %+v", h.Provenance)
	}
}

func testHindrances(t *testing.T, w ProbeWorld) {
	expectNone(t, w.Prober.Health(t.Context(), w.Instance, "nobody.knows.This"), fleet.Unimplemented)
	expectNone(t, w.Prober.Health(t.Context(), w.NoHealth, ""), fleet.Unimplemented)
	resume := w.Hang()
	expectNone(t, w.Prober.Health(t.Context(), w.Instance, ""), fleet.TimedOut)
	resume()
	start := w.Stop()
	expectNone(t, w.Prober.Health(t.Context(), w.Instance, ""), fleet.Unreachable)
	start()
	if h := w.Prober.Health(t.Context(), w.Instance, ""); h.State != fleet.Serving {
		t.Errorf("started again: %+v", h)
	}
}

func testHealthList(t *testing.T, w ProbeWorld) {
	w.Set(w.Named, fleet.NotServing)
	list := w.Prober.HealthList(t.Context(), w.Instance)
	got := map[string]fleet.HealthState{}
	for _, h := range list {
		got[h.Name] = h.State
		if h.Latency <= 0 || h.Instance.ID != w.Instance.ID || h.Provenance.Query == "" {
			t.Errorf("%+v", h)
		}
	}
	if got[""] != fleet.Serving || got[w.Named] != fleet.NotServing {
		t.Errorf("%v", got)
	}
	if !slices.IsSortedFunc(list, func(a, b fleet.Health) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	}) {
		t.Error("the names are not sorted")
	}
	list = w.Prober.HealthList(t.Context(), w.NoHealth)
	if len(list) != 1 {
		t.Fatalf("%+v, want one element", list)
	}
	expectNone(t, list[0], fleet.Unimplemented)
	start := w.Stop()
	defer start()
	list = w.Prober.HealthList(t.Context(), w.Instance)
	if len(list) != 1 {
		t.Fatalf("%+v, want one element", list)
	}
	expectNone(t, list[0], fleet.Unreachable)
}

// watchHealth starts a watch that ends with the test, and checks that notify is
// called by one goroutine at a time and only for changes.
func watchHealth(t *testing.T, w ProbeWorld, in fleet.Instance, name string) <-chan fleet.Health {
	changes := make(chan fleet.Health)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var inside atomic.Int32
	var last fleet.HealthState
	go func() {
		done <- w.Prober.WatchHealth(ctx, in, name, func(h fleet.Health) {
			if inside.Add(1) > 1 {
				t.Error("notify was called twice at once")
			}
			defer inside.Add(-1)
			if h.State == last {
				t.Errorf("%s was told twice", h.State)
			}
			last = h.State
			select {
			case changes <- h:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("WatchHealth = %v, want the context's error", err)
			}
		case <-time.After(patience):
			t.Error("WatchHealth outlives its context")
		}
	})
	return changes
}

// becomes reads changes until the state is told.
func becomes(t *testing.T, changes <-chan fleet.Health, want fleet.HealthState) fleet.Health {
	t.Helper()
	timeout := time.After(patience)
	var last fleet.Health
	for {
		select {
		case last = <-changes:
			if last.State == want {
				return last
			}
		case <-timeout:
			t.Fatalf("it never became %s; the last is %+v", want, last)
		}
	}
}

func testWatchHealth(t *testing.T, w ProbeWorld) {
	for _, name := range []string{"", w.Named} {
		changes := watchHealth(t, w, w.Instance, name)
		h := <-changes
		if h.State != fleet.Serving || h.Name != name || h.Instance.ID != w.Instance.ID || h.Provenance.Query == "" {
			t.Errorf("the present is %+v", h)
		}
		w.Set(name, fleet.NotServing)
		if h := <-changes; h.State != fleet.NotServing {
			t.Errorf("%+v", h)
		}
		w.Set(name, fleet.Serving)
		if h := <-changes; h.State != fleet.Serving {
			t.Errorf("%+v", h)
		}
	}
	expectNone(t, <-watchHealth(t, w, w.Instance, "nobody.knows.This"), fleet.Unimplemented)
	expectNone(t, <-watchHealth(t, w, w.NoHealth, ""), fleet.Unimplemented)
}

func testWatchLoss(t *testing.T, w ProbeWorld) {
	start := w.Stop()
	changes := watchHealth(t, w, w.Instance, "")
	expectNone(t, <-changes, fleet.Unreachable)
	start()
	becomes(t, changes, fleet.Serving)
	start = w.Stop()
	expectNone(t, becomes(t, changes, fleet.Unreachable), fleet.Unreachable)
	start()
	becomes(t, changes, fleet.Serving)
}

func testWatchHang(t *testing.T, w ProbeWorld) {
	changes := watchHealth(t, w, w.Instance, "")
	becomes(t, changes, fleet.Serving)
	resume := w.Hang()
	expectNone(t, becomes(t, changes, fleet.TimedOut), fleet.TimedOut)
	resume()
	becomes(t, changes, fleet.Serving)
}

func testProbeCancel(t *testing.T, w ProbeWorld) {
	resume := w.Hang()
	defer resume()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt")) // as a signal does
	h := w.Prober.Health(ctx, w.Instance, "")
	list := w.Prober.HealthList(ctx, w.Instance)
	for _, h := range append(list, h) {
		if h.State != fleet.UnknownHealth || h.Err == nil {
			t.Errorf("%+v, want unknown and why", h)
		}
	}
	if err := w.Prober.WatchHealth(ctx, w.Instance, "", func(fleet.Health) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("WatchHealth = %v, want the context's error", err)
	}
}
