package controltest

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// breakers lists the breakers towards a target.
func (c *client) breakers(t *testing.T, target string) []*controlv1.Breaker {
	t.Helper()
	response, err := c.ListBreakers(deadline(t), &controlv1.ListBreakersRequest{Target: target})
	if err != nil {
		t.Fatalf("ListBreakers: %v", err)
	}
	return response.GetBreakers()
}

// breaker returns the fixture's breaker out of a list.
func (c *client) breaker(list []*controlv1.Breaker) *controlv1.Breaker {
	for _, b := range list {
		if b.GetName() == c.Breakers.Name {
			return b
		}
	}
	return nil
}

// override forces the fixture's breaker.
func (c *client) override(t *testing.T, o controlv1.BreakerOverride) *controlv1.SetBreakerOverrideResponse {
	t.Helper()
	response, err := c.SetBreakerOverride(deadline(t), &controlv1.SetBreakerOverrideRequest{Name: c.Breakers.Name, Override: o, Mutation: mutation()})
	if err != nil {
		t.Fatalf("SetBreakerOverride: %v", err)
	}
	return response
}

func testListBreakers(t *testing.T, c *client) {
	all := c.breakers(t, "")
	if !slices.IsSortedFunc(all, func(a, b *controlv1.Breaker) int { return strings.Compare(a.GetName(), b.GetName()) }) {
		t.Errorf("not by name: %v", all)
	}
	for _, b := range all {
		if b.GetName() == "" || b.GetTarget() == "" || b.GetEtag() == "" || b.GetSince() == nil ||
			b.GetState() == controlv1.BreakerState_BREAKER_STATE_UNSPECIFIED || b.GetOverride() != controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE {
			t.Errorf("incomplete: %v", b)
		}
	}
	b := c.breaker(all)
	if b.GetTarget() != c.Breakers.Target || b.GetState() != controlv1.BreakerState_BREAKER_STATE_CLOSED || b.GetNextProbe() != nil {
		t.Errorf("breaker = %v", b)
	}
	for _, b := range c.breakers(t, c.Breakers.Target) {
		if b.GetTarget() != c.Breakers.Target {
			t.Errorf("asked for %s, got %v", c.Breakers.Target, b)
		}
	}
	if c.breaker(c.breakers(t, c.Breakers.Target)) == nil {
		t.Error("not listed by its target")
	}
	if list := c.breakers(t, "no-such-target"); len(list) != 0 {
		t.Errorf("towards nothing: %v", list)
	}
	_, err := c.ListBreakers(deadline(t), &controlv1.ListBreakersRequest{Target: strings.Repeat("x", 257)})
	wantInvalid(t, "a long target", err, "target")

	forced := c.override(t, controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN)
	if got := forced.GetBreaker(); got.GetOverride() != controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN ||
		got.GetState() != controlv1.BreakerState_BREAKER_STATE_CLOSED || got.GetEtag() != forced.GetChange().GetEtag() {
		t.Errorf("forced open: %v, with a state of its own", got)
	}
	if value := forced.GetChange().GetValue(); value != "forced_open" {
		t.Errorf("value = %q", value)
	}
}

func testUnknownBreaker(t *testing.T, c *client) {
	for what, m := range map[string]*controlv1.Mutation{"set": mutation(), "only validated": mutation(validateOnly), "on an old state": mutation(etag("old"))} {
		for _, o := range []controlv1.BreakerOverride{controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_OPEN, controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE} {
			_, err := c.SetBreakerOverride(deadline(t), &controlv1.SetBreakerOverrideRequest{Name: "no/such", Override: o, Mutation: m})
			wantCode(t, what, err, codes.NotFound)
		}
	}
	for what, r := range map[string]*controlv1.SetBreakerOverrideRequest{
		"name":     {Override: controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE, Mutation: mutation()},
		"override": {Name: c.Breakers.Name, Mutation: mutation()},
	} {
		_, err := c.SetBreakerOverride(deadline(t), r)
		wantInvalid(t, "without "+what, err, what)
	}
	_, err := c.SetBreakerOverride(deadline(t), &controlv1.SetBreakerOverrideRequest{Name: c.Breakers.Name, Override: 99, Mutation: mutation()})
	wantInvalid(t, "an override that is none", err, "override")
	if got := c.Breakers.Override(); got != controlv1.BreakerOverride_BREAKER_OVERRIDE_NONE {
		t.Errorf("override = %v", got)
	}
}

// The probe of an open breaker is due: whoever asks wrongly makes it half-open.
func testReading(t *testing.T, c *client) {
	c.Breakers.Trip()
	moves := c.Breakers.Moves()
	for range 20 {
		if b := c.breaker(c.breakers(t, "")); b.GetState() != controlv1.BreakerState_BREAKER_STATE_OPEN || b.GetTrips() < 1 || b.GetNextProbe() == nil {
			t.Fatalf("an open breaker is %v", b)
		}
		stream := c.watch(t, "")
		if b := c.breaker(stream.next(t).GetBreakers()); b.GetState() != controlv1.BreakerState_BREAKER_STATE_OPEN {
			t.Fatalf("watched, an open breaker is %v", b)
		}
		stream.cancel()
		if _, err := c.SetBreakerOverride(deadline(t), &controlv1.SetBreakerOverrideRequest{
			Name: c.Breakers.Name, Override: controlv1.BreakerOverride_BREAKER_OVERRIDE_FORCED_CLOSED, Mutation: mutation(validateOnly),
		}); err != nil {
			t.Fatal(err)
		}
		c.changes(t)
	}
	if now := c.Breakers.Moves(); now != moves {
		t.Errorf("reading changed states %d times", now-moves)
	}
}

func testStateEtag(t *testing.T, c *client) {
	before := c.breaker(c.breakers(t, ""))
	c.Breakers.Trip()
	after := c.breaker(c.breakers(t, ""))
	if after.GetState() == before.GetState() || after.GetEtag() != before.GetEtag() {
		t.Errorf("before %v, after %v", before, after)
	}
}
