package action_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/control"
	"github.com/gctl-dev/gctl/fleet/probe"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/svc/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// catalog lists instances that are given, and may have maintenance.
type catalog struct {
	instances []fleet.Instance
}

func (c *catalog) Services(context.Context) (fleet.ServiceList, error) {
	return fleet.ServiceList{}, nil
}

func (c *catalog) Instances(_ context.Context, service string) (fleet.InstanceList, error) {
	return fleet.InstanceList{Service: service, Instances: c.instances}, nil
}

func (c *catalog) Watch(ctx context.Context, _ string, _ func(fleet.Update)) error { return ctx.Err() }

// maintained is a catalog with maintenance, as Consul's.
type maintained struct {
	catalog

	mu      sync.Mutex
	reasons map[string]string // of the instances that are in maintenance
	lost    func()            // told of a change whose answer is lost; nil: none is
	silent  bool              // nothing can be asked
}

func (c *maintained) Maintenance(_ context.Context, in fleet.Instance) (on bool, reason string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.silent {
		return false, "", errors.New("away")
	}
	reason, on = c.reasons[in.ID]
	return on, reason, nil
}

func (c *maintained) SetMaintenance(_ context.Context, in fleet.Instance, on bool, reason string) (fleet.Provenance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.reasons, in.ID)
	if on {
		c.reasons[in.ID] = reason
	}
	if c.lost != nil {
		c.lost()
		return fleet.Provenance{Source: "consul"}, errors.New("the connection broke")
	}
	return fleet.Provenance{}, nil
}

// world is an operator with real instances.
type world struct {
	*action.Operator

	instances []fleet.Instance
	journal   string
}

func newWorld(t *testing.T, n int) *world {
	t.Helper()
	w := &world{journal: filepath.Join(t.TempDir(), "actions.jsonl")}
	for range n {
		m := testkit.NewManaged(t, kit.Config{Plaintext: true})
		w.instances = append(w.instances, m.Instance("odd-"+string(rune('1'+len(w.instances)))))
	}
	prober, err := probe.New(probe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Operator = &action.Operator{
		Plane: control.New(control.Options{}), Prober: prober, Catalog: &catalog{w.instances}, Journal: state.NewJournal(w.journal),
		Now: time.Now, Context: "test", By: "me@here",
	}
	return w
}

func (w *world) steps(wish fleet.Wish) []action.Step {
	wish.Reason, wish.TTL = "a test", time.Hour
	steps := make([]action.Step, len(w.instances))
	for i := range steps {
		steps[i] = action.Step{Instance: w.instances[i], Wish: wish}
	}
	return steps
}

// do prepares and makes changes that must all work.
func (w *world) do(t *testing.T, steps []action.Step) string {
	t.Helper()
	w.Prepare(t.Context(), steps)
	id, results := w.Run(t.Context(), "test", "", steps)
	for _, r := range results {
		if r.Outcome != action.Done || r.Err != nil {
			t.Fatalf("%s: %s, %v", r.Instance.ID, r.Outcome, r.Err)
		}
	}
	return id
}

func (w *world) states(t *testing.T) []action.State {
	t.Helper()
	entries, _, err := w.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var states []action.State
	for _, e := range entries {
		states = append(states, e.State)
	}
	return states
}

func (w *world) wantStates(t *testing.T, want ...action.State) {
	t.Helper()
	if got := w.states(t); !slices.Equal(got, want) {
		t.Errorf("states = %v, want %v", got, want)
	}
}

func quarantine() fleet.Wish { return fleet.Wish{Resource: fleet.ResourceServing} }

func forced(o fleet.Override) fleet.Wish {
	return fleet.Wish{Resource: fleet.ResourceBreaker + testkit.ManagedBreaker, Override: o}
}

func TestAChangeIsMadeVerifiedListedAndUndone(t *testing.T) {
	for resource, wish := range map[string]fleet.Wish{
		"serving": quarantine(), "breaker": forced(fleet.ForcedOpen),
		"level": {Resource: fleet.ResourceLevel, Level: fleet.Debug},
		"limit": {Resource: fleet.ResourceLimit + testkit.ManagedRate, Limit: fleet.LimitSettings{Rate: 1, Burst: 1}},
		"fault": {Resource: fleet.ResourceFault + "x", Fault: fleet.Fault{Method: "*", Percentage: 1, Code: 14}},
	} {
		t.Run(resource, func(t *testing.T) {
			w := newWorld(t, 2)
			steps := w.steps(wish)
			w.Prepare(t.Context(), steps)
			for _, s := range steps {
				if s.Err != nil || s.Value == "" || s.Wish.ETag == "" || s.Before != nil || s.Way != action.ByControl {
					t.Fatalf("step = %+v", s)
				}
			}
			w.wantStates(t)
			id := w.do(t, steps)
			w.wantStates(t, action.InForce, action.InForce)

			entries, _, err := w.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			found, about, undo, err := action.Undo(entries, "", "enough")
			if err != nil || found != id || len(about) != 2 || len(undo) != 2 {
				t.Fatalf("Undo = %q, %v, %v, %v", found, about, undo, err)
			}
			w.do(t, undo)
			w.wantStates(t, action.Over, action.Over, action.Released, action.Released)
			if found, _, undo, err := action.Undo(mustList(t, w), "", "again"); err != nil || found != "" || undo != nil {
				t.Errorf("again: %q, %v, %v", found, undo, err)
			}
		})
	}
}

func mustList(t *testing.T, w *world) []action.Entry {
	t.Helper()
	entries, _, err := w.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// Between the preview and the change somebody else was there.
func TestWhatSomebodyDidInBetweenIsNotOverwritten(t *testing.T) {
	w := newWorld(t, 1)
	steps, other := w.steps(forced(fleet.ForcedOpen)), w.steps(forced(fleet.ForcedClosed))
	w.Prepare(t.Context(), steps)
	w.do(t, other)
	_, results := w.Run(t.Context(), "test", "", steps)
	if r := results[0]; r.Outcome != action.Failed || !errors.Is(r.Err, fleet.ErrChanged) {
		t.Errorf("%s, %v", r.Outcome, r.Err)
	}
	w.wantStates(t, action.NotMade, action.InForce)
}

func TestUndoLeavesWhatSomebodyElseHasChangedSince(t *testing.T) {
	w := newWorld(t, 1)
	id := w.do(t, w.steps(forced(fleet.ForcedOpen)))
	c, err := w.Plane.Controller(t.Context(), w.instances[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other := forced(fleet.ForcedOpen) // the very same
	other.Mutation = fleet.Mutation{Reason: "somebody else", TTL: time.Hour, ETag: "*"}
	if _, err := c.Apply(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	entries := mustList(t, w)
	if e := entries[0]; e.State != action.Replaced || !strings.Contains(e.Detail, "somebody else") {
		t.Errorf("%s: %s", e.State, e.Detail)
	}
	if _, about, steps, err := action.Undo(entries, id, "x"); err != nil || len(about) != 1 || len(steps) != 0 {
		t.Errorf("Undo = %v, %v, %v", about, steps, err)
	}
}

func TestAReleaseOfNothingChangesNothing(t *testing.T) {
	w := newWorld(t, 1)
	wish := quarantine()
	wish.Release = true
	steps := w.steps(wish)
	w.Prepare(t.Context(), steps)
	_, results := w.Run(t.Context(), "test", "", steps)
	if r := results[0]; !r.Nothing || r.Outcome != action.Unchanged || r.Err != nil {
		t.Errorf("%+v", r)
	}
	w.wantStates(t)
	id := w.do(t, w.steps(quarantine()))
	steps = w.steps(wish)
	w.Prepare(t.Context(), steps)
	if steps[0].Nothing || steps[0].Before == nil || steps[0].Before.Reason != "a test" {
		t.Errorf("%+v", steps[0])
	}
	released := w.do(t, steps)
	for _, c := range []struct{ id, want string }{
		{released, "cannot be brought back"}, {"nobody", "no action"}, {id[:5], id},
	} {
		_, _, _, err := action.Undo(mustList(t, w), c.id, "x")
		var e *fleet.Error
		if !errors.As(err, &e) || e.Kind != fleet.Usage || !strings.Contains(e.What+e.Hint, c.want) {
			t.Errorf("Undo(%q) = %v, want %q", c.id, err, c.want)
		}
	}
}

func TestAnEndedChangeIsExpired(t *testing.T) {
	w := newWorld(t, 1)
	steps := w.steps(forced(fleet.ForcedOpen))
	steps[0].Wish.TTL = fleet.MinTTL
	w.do(t, steps)
	for deadline := time.Now().Add(20 * time.Second); !slices.Equal(w.states(t), []action.State{action.Expired}); {
		if time.Now().After(deadline) {
			t.Fatal(w.states(t))
		}
	}
}

// The clock of this machine is an hour ahead of the instance's.
func TestClocksThatDisagreeChangeNothing(t *testing.T) {
	w := newWorld(t, 1)
	w.Now = func() time.Time { return time.Now().Add(time.Hour + time.Minute) }
	w.do(t, w.steps(forced(fleet.ForcedOpen)))
	w.wantStates(t, action.InForce)
	w.Now = func() time.Time { return time.Now().Add(3 * time.Hour) }
	w.wantStates(t, action.Expired)
}

// An intention without a result: gctl did not live to see it.
func TestAnIntentionIsEnoughToFindTheChange(t *testing.T) {
	w := newWorld(t, 2)
	w.do(t, w.steps(quarantine()))
	var kept [][]byte
	if err := w.Journal.Each(func(line []byte) {
		if strings.Contains(string(line), `"intended"`) {
			kept = append(kept, slices.Clone(line))
		}
	}); err != nil {
		t.Fatal(err)
	}
	w.Journal = state.NewJournal(filepath.Join(t.TempDir(), "actions.jsonl"))
	for _, line := range kept {
		if err := w.Journal.Append(json.RawMessage(line)); err != nil {
			t.Fatal(err)
		}
	}
	w.wantStates(t, action.InForce, action.InForce)
	_, _, steps, err := action.Undo(mustList(t, w), "", "x")
	if err != nil {
		t.Fatal(err)
	}
	w.do(t, steps)
	w.wantStates(t, action.Over, action.Over, action.Released, action.Released)
}

// What could not be found again is not done.
func TestNothingIsChangedThatCannotBeWrittenDown(t *testing.T) {
	w := newWorld(t, 1)
	w.Journal = state.NewJournal(filepath.Join(w.journal, "below-a-file", "actions.jsonl"))
	if err := state.NewJournal(w.journal).Append("in the way"); err != nil {
		t.Fatal(err)
	}
	steps := w.steps(forced(fleet.ForcedOpen))
	w.Prepare(t.Context(), steps)
	_, results := w.Run(t.Context(), "test", "", steps)
	if r := results[0]; r.Outcome != action.Failed || !strings.Contains(r.Err.Error(), "nothing was changed") {
		t.Errorf("%s, %v", r.Outcome, r.Err)
	}
	again := w.steps(forced(fleet.ForcedOpen))
	w.Prepare(t.Context(), again)
	if again[0].Before != nil {
		t.Errorf("in force: %+v", again[0].Before)
	}
}

func TestCapacityCountsWhoGetsTraffic(t *testing.T) {
	w := newWorld(t, 3)
	dead := fleet.Instance{ID: "dead", Addr: testkit.ClosedAddr(t), Catalog: fleet.Passing}
	ill := w.instances[2]
	ill.Catalog = fleet.Critical
	w.Catalog = &catalog{[]fleet.Instance{w.instances[0], w.instances[1], ill, dead}}
	want := func(of, left int) {
		t.Helper()
		if c, err := w.Capacity(t.Context(), "odd", "odd-1"); err != nil || c.Of != of || c.Left != left {
			t.Errorf("Capacity = %+v, %v, want %d of %d", c, err, left, of)
		}
	}
	want(2, 1)
	w.instances = w.instances[1:2]
	w.do(t, w.steps(quarantine()))
	want(1, 0)
}

// Without a control API the catalog takes the instance out of traffic.
func TestTheCatalogStandsInWhereThereIsNoControlAPI(t *testing.T) {
	w := newWorld(t, 1)
	_, addr := testkit.Server{}.Start(t)
	old := fleet.Instance{ID: "old-1", Service: "old", Addr: addr}
	w.instances = append(w.instances, old)
	w.do(t, w.steps(quarantine())[:1])

	steps := w.steps(quarantine())[1:]
	w.Prepare(t.Context(), steps)
	var e *fleet.Error
	if !errors.Is(steps[0].Err, fleet.ErrNoControl) || !errors.As(steps[0].Err, &e) || !strings.Contains(e.Hint, "Consul") {
		t.Errorf("%v", steps[0].Err)
	}
	m := &maintained{reasons: map[string]string{}}
	w.Catalog = m
	steps = w.steps(quarantine())[1:]
	w.Prepare(t.Context(), steps)
	if steps[0].Way != action.ByCatalog || steps[0].Err != nil {
		t.Fatalf("%+v", steps[0])
	}
	w.do(t, steps)
	if m.reasons["old-1"] != "a test" {
		t.Errorf("reasons = %v", m.reasons)
	}
	w.wantStates(t, action.InForce, action.InForce)
	m.reasons["old-1"] = "somebody else"
	w.wantStates(t, action.Replaced, action.InForce)
	m.reasons["old-1"] = "a test"
	_, _, undo, err := action.Undo(mustList(t, w), "", "x")
	if err != nil {
		t.Fatal(err)
	}
	w.do(t, undo)
	if len(m.reasons) != 0 {
		t.Errorf("reasons = %v", m.reasons)
	}
	w.wantStates(t, action.Over, action.Released, action.InForce)
}

// The catalog made the change, and gctl did not hear it: it broke, or gctl was
// interrupted. The change can be found and undone.
func TestMaintenanceWhoseAnswerIsLostCanBeUndone(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	for name, c := range map[string]struct {
		silent, interrupted bool
		want                action.Outcome
	}{
		"seen": {want: action.Done}, "interrupted": {interrupted: true, want: action.Done}, "silent": {silent: true, want: action.Unverified},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 0)
			w.instances = []fleet.Instance{{ID: "old-1", Service: "old", Addr: addr}}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			m := &maintained{reasons: map[string]string{}}
			m.lost = func() {
				m.silent = c.silent
				if c.interrupted {
					cancel()
				}
			}
			w.Catalog = m
			steps := w.steps(quarantine())
			w.Prepare(t.Context(), steps)
			_, results := w.Run(ctx, "test", "", steps)
			if r := results[0]; r.Outcome != c.want || (r.Err == nil) != (c.want == action.Done) {
				t.Errorf("%s, %v", r.Outcome, r.Err)
			}
			m.lost, m.silent = nil, false
			w.wantStates(t, action.InForce)
			_, _, undo, err := action.Undo(mustList(t, w), "", "x")
			if err != nil || len(undo) != 1 {
				t.Fatal(undo, err)
			}
			w.do(t, undo)
			if len(m.reasons) != 0 {
				t.Errorf("reasons = %v", m.reasons)
			}
		})
	}
}

// A control API says that it serves, and the catalog has it in maintenance.
func TestAReleaseEndsMaintenanceToo(t *testing.T) {
	w := newWorld(t, 1)
	m := &maintained{reasons: map[string]string{"odd-1": "by hand"}}
	w.Catalog = m
	wish := quarantine()
	wish.Release = true
	w.do(t, w.steps(wish))
	if len(m.reasons) != 0 {
		t.Errorf("reasons = %v", m.reasons)
	}
}

// The effect is looked for where clients see it.
func TestAnEffectThatIsNotSeenIsSaid(t *testing.T) {
	w := newWorld(t, 1)
	w.Prober = liar{}
	steps := w.steps(quarantine())
	w.Prepare(t.Context(), steps)
	_, results := w.Run(t.Context(), "test", "", steps)
	if r := results[0]; r.Outcome != action.Unverified || !strings.Contains(r.Err.Error(), "its health is serving") {
		t.Errorf("%s, %v", r.Outcome, r.Err)
	}
	w.wantStates(t, action.InForce)
}

// liar says that everybody serves.
type liar struct{}

func (liar) Health(_ context.Context, in fleet.Instance, _ string) fleet.Health {
	return fleet.Health{Instance: in, State: fleet.Serving}
}

// lossy makes each change, and the answer is lost.
type lossy struct{ fleet.ControlPlane }

type lossyController struct{ fleet.Controller }

func (l lossy) Controller(ctx context.Context, in fleet.Instance) (fleet.Controller, error) {
	c, err := l.ControlPlane.Controller(ctx, in)
	return lossyController{c}, err
}

func (l lossyController) Apply(ctx context.Context, w fleet.Wish) (fleet.Change, error) {
	c, err := l.Controller.Apply(ctx, w)
	if err == nil && !w.ValidateOnly {
		return fleet.Change{}, errors.New("the connection broke")
	}
	return c, err
}

func TestAnAnswerThatIsLostIsAskedForAgain(t *testing.T) {
	w := newWorld(t, 1)
	w.Plane = lossy{w.Plane}
	w.do(t, w.steps(forced(fleet.ForcedOpen)))
	w.wantStates(t, action.InForce)
	wish := forced(fleet.NotForced)
	wish.Release = true
	w.do(t, w.steps(wish))
	w.wantStates(t, action.Over, action.Released)
}

func TestAnInstanceThatCannotBeAskedIsUnknown(t *testing.T) {
	w := newWorld(t, 1)
	w.do(t, w.steps(forced(fleet.ForcedOpen)))
	w.Plane = away{}
	if e := mustList(t, w)[0]; e.State != action.StateHidden || e.Detail != "away" {
		t.Errorf("%+v", e)
	}
	w.Context = "another"
	entries, others, err := w.List(t.Context())
	if err != nil || len(entries) != 0 || !slices.Equal(others, []string{"test"}) {
		t.Errorf("%v, %v, %v", entries, others, err)
	}
}

type away struct{}

func (away) Controller(context.Context, fleet.Instance) (fleet.Controller, error) {
	return nil, errors.New("away")
}

// Who plans a step may know already that it cannot be done.
func TestAStepThatHasFailedAlreadyStaysFailed(t *testing.T) {
	w := newWorld(t, 2)
	steps := w.steps(forced(fleet.ForcedOpen))
	steps[1].Err = errors.New("it could not be read")
	w.Prepare(t.Context(), steps)
	_, results := w.Run(t.Context(), "test", "", steps)
	if results[0].Outcome != action.Done || results[1].Outcome != action.Failed || results[1].Err.Error() != "it could not be read" {
		t.Errorf("%+v", results)
	}
	w.wantStates(t, action.InForce)
}

// halting is a plane whose drains take a step and are followed no further, or are
// refused.
type halting struct {
	fleet.ControlPlane

	steps int
}

type haltingController struct {
	fleet.Controller

	steps int
}

func (h halting) Controller(ctx context.Context, in fleet.Instance) (fleet.Controller, error) {
	c, err := h.ControlPlane.Controller(ctx, in)
	return haltingController{c, h.steps}, err
}

func (h haltingController) Drain(_ context.Context, _ time.Duration, _ fleet.Mutation, notify func(fleet.DrainProgress)) error {
	for range h.steps {
		notify(fleet.DrainProgress{Step: fleet.DrainNotServing})
	}
	return context.Canceled
}

func TestADrainThatBeganIsNotCalledFailed(t *testing.T) {
	w := newWorld(t, 1)
	plane := w.Plane
	for steps, want := range []struct {
		action.Outcome
		action.State
	}{{action.Failed, action.NotMade}, {action.Unverified, action.Over}} {
		w.Plane = halting{plane, steps}
		if r := w.Drain(t.Context(), w.instances[0], time.Second, "x", func(fleet.DrainProgress) {}); r.Outcome != want.Outcome || !errors.Is(r.Err, context.Canceled) {
			t.Errorf("%d steps: %s, %v", steps, r.Outcome, r.Err)
		}
		if got := w.states(t)[0]; got != want.State {
			t.Errorf("%d steps: %s, want %s", steps, got, want.State)
		}
	}
}
