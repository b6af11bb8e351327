package check

import (
	"context"
	"fmt"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

func judgeBreakers(ctx context.Context, c *Check, s *Sources) []Finding {
	about := joined(c.About.Caller, c.About.Target)
	wanted := wantedBreakers(c)
	if s.Breakers == nil {
		return undecided(wanted, about, errNoSource)
	}
	list, err := s.Breakers(ctx, c.About.Caller, c.About.Target)
	if err != nil {
		return undecided(wanted, about, err)
	}
	var findings []Finding
	for i := range list.Breakers {
		findings = append(findings, judgeBreaker(c, &list.Breakers[i], wanted))
	}
	for _, m := range list.Missing {
		findings = append(findings, undecided(wanted, m.Instance.ID, m.Err)...)
	}
	if len(findings) == 0 {
		findings = append(findings, Finding{Outcome: Undecided, Wanted: wanted, Got: "no breaker was found", Where: about, Evidence: "gctl breakers " + c.About.Caller})
	}
	return findings
}

func wantedBreakers(c *Check) string {
	var parts []string
	if len(c.Expect.States) > 0 {
		parts = append(parts, "state "+strings.Join(c.Expect.States, " or "))
	}
	if c.Expect.Flapping != nil {
		parts = append(parts, fmt.Sprintf("flapping %v", *c.Expect.Flapping))
	}
	return strings.Join(parts, ", ")
}

func judgeBreaker(c *Check, b *fleet.Breaker, wanted string) Finding {
	where := joined(b.Caller.ID, b.Name)
	evidence := "gctl breakers " + b.Caller.Service
	if b.State == fleet.BreakerUnknown && len(c.Expect.States) > 0 {
		return Finding{Outcome: Undecided, Wanted: wanted, Got: "a state that nobody explained: " + b.Raw, Where: where, Evidence: evidence}
	}
	holds := len(c.Expect.States) == 0
	for _, want := range c.Expect.States {
		holds = holds || want == string(b.State)
	}
	// A breaker that is forced open lets nothing through, whatever its state.
	if b.Override == fleet.ForcedOpen && len(c.Expect.States) > 0 {
		holds = false
		for _, want := range c.Expect.States {
			holds = holds || want == string(fleet.BreakerOpen)
		}
	}
	got := string(b.State)
	if b.Override != "" && b.Override != fleet.NotForced {
		got += ", " + string(b.Override)
	}
	if c.Expect.Flapping != nil {
		holds = holds && b.Flapping == *c.Expect.Flapping
		if b.Flapping {
			got += ", flapping"
		}
	}
	if b.LastError != "" && !holds {
		got += ", last error: " + b.LastError
	}
	return found(holds, wanted, got, where, evidence)
}
