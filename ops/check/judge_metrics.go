package check

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// compare judges one number; NaN is undecided, with the reasons.
func compare(c *Comparison, name string, got float64, why []string, where, evidence string) []Finding {
	switch {
	case c == nil:
		return nil
	case math.IsNaN(got):
		return []Finding{{
			Outcome: Undecided, Wanted: name + " " + c.String(), Where: where, Evidence: evidence,
			Got: "unknown: " + cmp.Or(strings.Join(why, "; "), "there are no data"),
		}}
	default:
		return []Finding{found(c.Holds(got), name+" "+c.String(), c.format(got), where, evidence)}
	}
}

// numbers are the comparisons that are expected, in words.
func (e *Expectation) numbers() string {
	var parts []string
	for _, x := range []struct {
		name string
		c    *Comparison
	}{
		{"error_ratio", e.ErrorRatio},
		{"rate", e.Rate},
		{"p50", e.P50},
		{"p95", e.P95},
		{"p99", e.P99},
		{"burn_rate", e.BurnRate},
		{"budget_left", e.BudgetLeft},
	} {
		if x.c != nil {
			parts = append(parts, x.name+" "+x.c.String())
		}
	}
	return strings.Join(parts, ", ")
}

func judgeMetrics(ctx context.Context, c *Check, s *Sources) []Finding {
	if s.Metrics == nil {
		return undecided(c.Expect.numbers(), c.About.Service, errNoSource)
	}
	list, err := s.Metrics(ctx, &c.About)
	if err != nil {
		return undecided(c.Expect.numbers(), c.About.Service, err)
	}
	e := &c.Expect
	where := joined(c.About.Service, c.About.Method)
	var why []string
	for _, m := range list.Missing {
		if m.Err != nil {
			why = append(why, m.Err.Error())
		}
	}
	r := fleet.RED{Rate: math.NaN(), ErrorRatio: math.NaN(), P50: math.NaN(), P95: math.NaN(), P99: math.NaN(), Unknown: why}
	for i := range list.REDs {
		if list.REDs[i].Method == c.About.Method {
			r = list.REDs[i]
		}
	}
	var findings []Finding
	for _, x := range []struct {
		name string
		c    *Comparison
		got  float64
	}{{"error_ratio", e.ErrorRatio, r.ErrorRatio}, {"rate", e.Rate, r.Rate}, {"p50", e.P50, r.P50}, {"p95", e.P95, r.P95}, {"p99", e.P99, r.P99}} {
		evidence := evidenceOf(r.Provenance)
		if x.c != nil && math.IsInf(x.got, 1) {
			findings = append(findings, aboveBound(x.c, x.name, r.Bound, where, evidence))
			continue
		}
		findings = append(findings, compare(x.c, x.name, x.got, r.Unknown, where, evidence)...)
	}
	for i := range findings {
		if findings[i].Outcome != Undecided {
			findings[i].Got += basis(&r)
		}
	}
	return findings
}

// basis says which calls a number is of: a source may have less than the window
// that was asked for.
func basis(r *fleet.RED) string {
	text := ""
	if r.Window > 0 {
		text = " over " + r.Window.String()
		if r.Window%time.Minute == 0 {
			text = strings.TrimSuffix(text, "0s")
		}
	}
	switch name, _, _ := strings.Cut(r.Provenance.Source, " "); name {
	case "":
		return text
	case "/metrics":
		return text + " from the instances"
	default:
		return text + " from " + name
	}
}

// aboveBound judges a quantile of which is known that it lies above the largest
// bucket, and no more.
func aboveBound(c *Comparison, name string, bound float64, where, evidence string) Finding {
	got := "> " + c.format(bound)
	if c.Value > bound {
		return Finding{Outcome: Undecided, Wanted: name + " " + c.String(), Got: got + ", the largest bucket", Where: where, Evidence: evidence}
	}
	return found(c.Holds(math.Inf(1)), name+" "+c.String(), got, where, evidence)
}

func evidenceOf(p fleet.Provenance) string {
	if p.Source == "" {
		return ""
	}
	return p.Source + ": " + p.Query
}

func judgeSLO(ctx context.Context, c *Check, s *Sources) []Finding {
	if s.SLO == nil {
		return undecided(c.Expect.numbers(), c.About.Service, errNoSource)
	}
	slo, err := s.SLO(ctx, c.About.Service)
	if err != nil {
		return undecided(c.Expect.numbers(), c.About.Service, err)
	}
	evidence := evidenceOf(slo.Provenance)
	return append(
		compare(c.Expect.BurnRate, "burn_rate", slo.BurnRate, slo.Unknown, c.About.Service, evidence),
		compare(c.Expect.BudgetLeft, "budget_left", slo.BudgetLeft, slo.Unknown, c.About.Service, evidence)...)
}

func judgeQuery(ctx context.Context, c *Check, s *Sources) []Finding {
	wanted := "value " + c.Expect.Value.String()
	if s.Query == nil {
		return undecided(wanted, c.About.Query, errNoSource)
	}
	result, err := s.Query(ctx, c.About.Query)
	if err != nil {
		return undecided(wanted, c.About.Query, err)
	}
	evidence := "gctl query '" + c.About.Query + "'"
	var findings []Finding
	for _, series := range result.Series {
		got := math.NaN()
		if n := len(series.Points); n > 0 {
			got = series.Points[n-1].Value
		}
		findings = append(findings, compare(c.Expect.Value, "value", got, []string{"the query gives NaN"}, labelText(series.Labels), evidence)...)
	}
	if len(findings) == 0 {
		findings = []Finding{{Outcome: Undecided, Wanted: wanted, Got: "the query has no result", Where: c.About.Query, Evidence: evidence}}
	}
	return findings
}

// labelText writes the labels of a series as Prometheus does.
func labelText(labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != "__name__" {
			parts = append(parts, fmt.Sprintf("%s=%q", name, labels[name]))
		}
	}
	return labels["__name__"] + "{" + strings.Join(parts, ",") + "}"
}
