package fleettest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// ControlWorld is a way to control APIs under test, with one instance that has
// every part, and nothing of it changed.
type ControlWorld struct {
	Plane    fleet.ControlPlane
	Instance fleet.Instance
	// Plain is an instance that lives and serves no control API, Dead one that
	// cannot be reached.
	Plain, Dead fleet.Instance

	Breaker, Target   string // a breaker of the instance that is closed, and whom it is towards
	Rate, Concurrency string // limits of the instance
	Method            string // a method that a fault may meet
}

// Control runs the suite of fleet.ControlPlane and fleet.Controller. Each test
// gets a world of its own from open.
func Control(t *testing.T, open func(t *testing.T) ControlWorld) {
	run := func(name string, test func(*testing.T, *control)) {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			test(t, &control{Controller: w.controller(t, w.Instance), ControlWorld: w})
		})
	}
	run("breakers are listed with their evidence", testBreakers)
	run("each resource is changed, seen and released", testResources)
	run("a change that is only checked changes nothing", testValidateOnly)
	run("a change ends by its ttl", testTTL)
	run("a state that is old is refused", testETag)
	run("what is not there is said to be not there", testUnknownResource)
	run("a watch tells the present and each change", testWatchBreakers)
	run("limits are settings and counts", testLimits)
	run("an instance without a control API says so", testNoControl)
	run("a drain tells its steps", testDrain)
}

// control is a world with the controller of its instance.
type control struct {
	fleet.Controller
	ControlWorld
}

func (w *ControlWorld) controller(t *testing.T, in fleet.Instance) fleet.Controller {
	t.Helper()
	c, err := w.Plane.Controller(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func mutation() fleet.Mutation {
	return fleet.Mutation{Reason: "conformance", TTL: time.Hour, ETag: "*"}
}

func (c *control) apply(t *testing.T, w fleet.Wish) fleet.Change {
	t.Helper()
	change, err := c.Apply(t.Context(), w)
	if err != nil {
		t.Fatalf("Apply(%+v) = %v", w, err)
	}
	return change
}

func (c *control) inForce(t *testing.T, resource string) (fleet.Change, bool) {
	t.Helper()
	list, err := c.Changes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list.Find(resource)
}

func (c *control) breaker(t *testing.T) fleet.Breaker {
	t.Helper()
	list, err := c.Breakers(t.Context(), c.Target)
	i := slices.IndexFunc(list, func(b fleet.Breaker) bool { return b.Name == c.Breaker })
	if err != nil || i < 0 {
		t.Fatalf("Breakers = %+v, %v", list, err)
	}
	return list[i]
}

func (c *control) forceOpen() fleet.Wish {
	return fleet.Wish{Resource: fleet.ResourceBreaker + c.Breaker, Override: fleet.ForcedOpen, Mutation: mutation()}
}

func testBreakers(t *testing.T, c *control) {
	b := c.breaker(t)
	if b.State != fleet.BreakerClosed || b.Override != fleet.NotForced || b.Target != c.Target || b.Caller.ID != c.Instance.ID || b.ETag == "" {
		t.Errorf("breaker = %+v", b)
	}
	if b.Provenance.Source == "" || b.Provenance.Query == "" || time.Since(b.Provenance.At) > patience {
		t.Errorf("provenance = %+v", b.Provenance)
	}
	if list, err := c.Breakers(t.Context(), "nobody-calls-this"); err != nil || len(list) != 0 {
		t.Errorf("towards nobody: %+v, %v", list, err)
	}
}

func testResources(t *testing.T, c *control) {
	for value, wish := range map[string]fleet.Wish{
		"forced_open":             c.forceOpen(),
		"rate 5/s, burst 2":       {Resource: fleet.ResourceLimit + c.Rate, Limit: fleet.LimitSettings{Rate: 5, Burst: 2}},
		"concurrency 2 to 2":      {Resource: fleet.ResourceLimit + c.Concurrency, Limit: fleet.LimitSettings{MinConcurrency: 2, MaxConcurrency: 2}},
		"debug":                   {Resource: fleet.ResourceLevel, Level: fleet.Debug},
		"not_serving":             {Resource: fleet.ResourceServing},
		"":                        {Resource: fleet.ResourceFault + "test", Fault: fleet.Fault{Method: c.Method, Percentage: 50, Latency: time.Millisecond}},
		"a fault with a code too": {Resource: fleet.ResourceFault + "code", Fault: fleet.Fault{Method: "*", Percentage: 1, Code: 14}},
	} {
		wish.Mutation = mutation()
		made := c.apply(t, wish)
		seen, ok := c.inForce(t, wish.Resource)
		if !ok || seen.ETag != made.ETag || seen.Reason != "conformance" || seen.Actor == "" || !seen.Expires.Equal(made.Expires) {
			t.Errorf("%s: made %+v, seen %+v", wish.Resource, made, seen)
		}
		if left := time.Until(seen.Expires); left < 50*time.Minute || left > time.Hour {
			t.Errorf("%s: it ends in %s", wish.Resource, left)
		}
		if !strings.HasPrefix(wish.Resource, fleet.ResourceFault) && seen.Value != value {
			t.Errorf("%s: value %q, want %q", wish.Resource, seen.Value, value)
		}
		wish.Release, wish.ETag = true, made.ETag
		c.apply(t, wish)
		if left, ok := c.inForce(t, wish.Resource); ok {
			t.Errorf("released, and in force: %+v", left)
		}
	}
}

func testValidateOnly(t *testing.T, c *control) {
	wish := c.forceOpen()
	wish.ETag, wish.ValidateOnly = "", true
	if got := c.apply(t, wish); got.ETag != c.breaker(t).ETag || got.Value != "forced_open" {
		t.Errorf("checked: %+v", got)
	}
	if left, ok := c.inForce(t, wish.Resource); ok || c.breaker(t).Override != fleet.NotForced {
		t.Errorf("it was made: %+v", left)
	}
	wish.ETag, wish.ValidateOnly = c.breaker(t).ETag, false
	c.apply(t, wish)
	if got := c.breaker(t).Override; got != fleet.ForcedOpen {
		t.Errorf("override = %s", got)
	}
}

func testTTL(t *testing.T, c *control) {
	wish := c.forceOpen()
	wish.TTL = fleet.MinTTL
	end := c.apply(t, wish).Expires
	wait(t, "the override has ended", func() bool { return c.breaker(t).Override == fleet.NotForced })
	if now := time.Now(); now.Before(end) {
		t.Errorf("it ended %s too early", end.Sub(now))
	}
}

func testETag(t *testing.T, c *control) {
	wish := c.forceOpen()
	wish.ETag = c.breaker(t).ETag
	c.apply(t, wish)
	_, err := c.Apply(t.Context(), wish)
	wantError(t, err, fleet.ErrChanged, c.Instance.ID)
	wish.ETag = ""
	_, err = c.Apply(t.Context(), wish)
	wantError(t, err, fleet.ErrChanged, c.Instance.ID)
}

func testUnknownResource(t *testing.T, c *control) {
	for _, resource := range []string{fleet.ResourceBreaker + "no/such", fleet.ResourceLimit + "no-such"} {
		wish := fleet.Wish{Resource: resource, Override: fleet.ForcedOpen, Mutation: mutation()}
		_, err := c.Apply(t.Context(), wish)
		wantError(t, err, fleet.ErrNotFound, c.Instance.ID)
	}
	for _, resource := range []string{"breaker", "whatever/x", ""} {
		if _, err := c.Apply(t.Context(), fleet.Wish{Resource: resource, Mutation: mutation()}); fleet.KindOf(err) != fleet.Usage {
			t.Errorf("%q: %v", resource, err)
		}
	}
	bad := fleet.Wish{Resource: fleet.ResourceFault + "x", Fault: fleet.Fault{Method: "*", Percentage: 101}, Mutation: mutation()}
	_, err := c.Apply(t.Context(), bad)
	var e *fleet.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "percentage") {
		t.Errorf("a fault that meets 101 %%: %v", err)
	}
}

func testWatchBreakers(t *testing.T, c *control) {
	ctx, cancel := context.WithCancel(t.Context())
	updates, done := make(chan fleet.BreakerUpdate, 100), make(chan error, 1)
	go func() {
		done <- c.WatchBreakers(ctx, c.Target, func(u fleet.BreakerUpdate) { updates <- u })
	}()
	until := func(want fleet.Override) {
		t.Helper()
		for timeout := time.After(patience); ; {
			select {
			case u := <-updates:
				i := slices.IndexFunc(u.Breakers, func(b fleet.Breaker) bool { return b.Name == c.Breaker })
				if u.Err == nil && i >= 0 && u.Breakers[i].Override == want && u.Breakers[i].Caller.ID == c.Instance.ID {
					return
				}
			case <-timeout:
				t.Fatalf("never saw the override %s", want)
			}
		}
	}
	until(fleet.NotForced)
	c.apply(t, c.forceOpen())
	until(fleet.ForcedOpen)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("WatchBreakers = %v", err)
	}
}

func testLimits(t *testing.T, c *control) {
	list, err := c.Limits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]fleet.LimitKind{}
	for _, l := range list {
		kinds[l.Name] = l.Kind
		if l.ETag == "" || l.Methods == "" || l.Instance.ID != c.Instance.ID || l.Provenance.Source == "" {
			t.Errorf("limit = %+v", l)
		}
	}
	if kinds[c.Rate] != fleet.RateLimit || kinds[c.Concurrency] != fleet.ConcurrencyLimit {
		t.Errorf("kinds = %v", kinds)
	}
	before, err := c.Level(t.Context())
	if err != nil || before == fleet.ConfiguredLevel {
		t.Errorf("Level = %q, %v", before, err)
	}
	c.apply(t, fleet.Wish{Resource: fleet.ResourceLevel, Level: fleet.Debug, Mutation: mutation()})
	if now, err := c.Level(t.Context()); err != nil || now != fleet.Debug {
		t.Errorf("Level = %q, %v", now, err)
	}
}

func testNoControl(t *testing.T, c *control) {
	plain := c.controller(t, c.Plain)
	_, err := plain.Changes(t.Context())
	wantError(t, err, fleet.ErrNoControl, c.Plain.ID)
	if err := plain.WatchBreakers(t.Context(), "", func(fleet.BreakerUpdate) {}); !errors.Is(err, fleet.ErrNoControl) {
		t.Errorf("WatchBreakers = %v", err)
	}
	_, err = c.controller(t, c.Dead).Breakers(t.Context(), "")
	var e *fleet.Error
	if !errors.As(err, &e) || e.Instance != c.Dead.ID || errors.Is(err, fleet.ErrNoControl) {
		t.Errorf("an instance that is not there: %v", err)
	}
}

func testDrain(t *testing.T, c *control) {
	var steps []fleet.DrainStep
	note := func(p fleet.DrainProgress) {
		steps = append(steps, p.Step)
		if p.Step != "" && (p.At.IsZero() || p.Problem != "") {
			t.Errorf("%+v", p)
		}
	}
	if err := c.Drain(t.Context(), 0, fleet.Mutation{Reason: "conformance", ValidateOnly: true}, note); err != nil {
		t.Fatal(err)
	}
	if len(steps) != 1 || steps[0] != "" {
		t.Fatalf("it was only to be checked: %v", steps)
	}
	steps = nil
	if err := c.Drain(t.Context(), time.Second, mutation(), note); err != nil {
		t.Fatal(err)
	}
	want := []fleet.DrainStep{fleet.DrainNotServing, fleet.DrainDeregistered, fleet.DrainPropagated, fleet.DrainStopping, fleet.DrainStopped}
	if steps = slices.Compact(steps); !slices.Equal(steps, want) {
		t.Errorf("steps = %v", steps)
	}
}

// BreakersOfControl runs the suite of fleet.BreakerReader over a control world.
func BreakersOfControl(t *testing.T, reader fleet.BreakerReader, w ControlWorld) {
	list, err := reader.Breakers(t.Context(), []fleet.Instance{w.Dead, w.Plain, w.Instance}, "")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(list.Breakers, func(b fleet.Breaker) bool {
		return b.Name == w.Breaker && b.Caller.ID == w.Instance.ID && b.Provenance.Source != ""
	}) {
		t.Errorf("breakers = %+v", list.Breakers)
	}
	why := map[string]error{}
	for _, m := range list.Missing {
		why[m.Instance.ID] = m.Err
	}
	if len(why) != 2 || why[w.Dead.ID] == nil || !errors.Is(why[w.Plain.ID], fleet.ErrNoControl) {
		t.Errorf("missing = %v", why)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reader.Breakers(ctx, []fleet.Instance{w.Instance}, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

// wantError checks that an error is for people, about the instance, and of a kind.
func wantError(t *testing.T, err, kind error, instance string) {
	t.Helper()
	var e *fleet.Error
	if !errors.Is(err, kind) || !errors.As(err, &e) || e.Instance != instance || e.What == "" {
		t.Errorf("error = %v, want one of %s that is %q", err, instance, kind)
	}
}

// wait waits until something is true.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(patience); !ok(); {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
