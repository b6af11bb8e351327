package check

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

func judgeHealth(ctx context.Context, c *Check, s *Sources) []Finding {
	wanted := cmp.Or(c.Expect.Least, "all") + " instances serve"
	if s.Instances == nil || s.Health == nil {
		return undecided(wanted, c.About.Service, errNoSource)
	}
	list, err := s.Instances(ctx, c.About.Service)
	if err != nil {
		return undecided(wanted, c.About.Service, err)
	}
	if len(list.Instances) == 0 {
		return []Finding{found(false, wanted, "the catalog lists no instance", c.About.Service, "gctl instances "+c.About.Service)}
	}
	answers := s.Health(ctx, list.Instances, c.About.GRPCName)
	rule := c.Expect.Serving
	verdict := rule.Judge(c.About.Service, answers)
	rule.Worst(answers)
	var others []string
	unknown := 0
	for i := range answers {
		h := &answers[i]
		if h.State == fleet.UnknownHealth {
			unknown++
		}
		if !rule.Good(h) {
			others = append(others, fmt.Sprintf("%s %s", h.Instance.ID, strings.ReplaceAll(string(h.State), "_", " ")))
		}
	}
	got := joined(verdict.String(), some(others))
	findings := []Finding{found(verdict.Healthy, wanted, got, c.About.Service, "gctl health "+c.About.Service)}
	if !verdict.Healthy && verdict.Serving+unknown >= verdict.Wanted { // it hangs on those who could not be asked
		findings[0].Outcome = Undecided
	}
	if c.Expect.Version != "" {
		findings = append(findings, judgeVersion(c, list.Instances))
	}
	return findings
}

func judgeVersion(c *Check, instances []fleet.Instance) Finding {
	var others []string
	for i := range instances {
		if v := instances[i].Version; v != c.Expect.Version {
			others = append(others, instances[i].ID+" "+cmp.Or(v, "publishes none"))
		}
	}
	got := c.Expect.Version
	if len(others) > 0 {
		got = some(others)
	}
	return found(len(others) == 0, "version "+c.Expect.Version, got, c.About.Service, "gctl instances "+c.About.Service)
}

// some lists the first few of many.
func some(all []string) string {
	const most = 5
	if len(all) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}
