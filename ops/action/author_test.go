package action_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/action"
)

// Who says to have made a change is known by the journal, also where it was made by
// way of another context, and only of this very change.
func TestTheJournalKnowsWhoSaysToHaveMadeAChange(t *testing.T) {
	w := newWorld(t, 1)
	w.do(t, w.steps(quarantine()))
	c, err := w.Plane.Controller(t.Context(), w.instances[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	list, err := c.Changes(t.Context())
	if err != nil || len(list.Changes) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	seen := list.Changes[0]
	elsewhere := &action.Operator{Journal: w.Journal, Context: "another"}
	authors, err := elsewhere.Authors()
	if err != nil {
		t.Fatal(err)
	}
	if got := authors.Of(&seen); got != "me@here" {
		t.Errorf("author %q", got)
	}
	if got, want := authors.Signed(&seen), seen.Actor+" (journal: me@here)"; seen.Actor == "" || got != want {
		t.Errorf("signed %q, want %q", got, want)
	}
	for what, change := range map[string]func(*fleet.Change){
		"replaced": func(c *fleet.Change) { c.ETag += "x" },
		"renewed":  func(c *fleet.Change) { c.Expires = c.Expires.Add(time.Nanosecond) },
		"another":  func(c *fleet.Change) { c.Resource = fleet.ResourceLevel },
	} {
		other := seen
		change(&other)
		if got := authors.Signed(&other); got != seen.Actor || strings.Contains(got, "me@here") {
			t.Errorf("%s: signed %q", what, got)
		}
	}
	if got := action.Authors(nil).Signed(&seen); got != seen.Actor {
		t.Errorf("without a journal: %q", got)
	}
}
