package commands

import (
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/why"
)

func TestPastTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"":                     "0001-01-01T00:00:00Z",
		"-20m":                 "2026-03-01T12:10:00Z",
		"20m":                  "2026-03-01T12:10:00Z",
		"12:02":                "2026-03-01T12:02:00Z",
		"12:02:03":             "2026-03-01T12:02:03Z",
		"23:59":                "2026-02-28T23:59:00Z", // of yesterday: it is not that late yet
		"2026-03-01T11:00:00Z": "2026-03-01T11:00:00Z",
	} {
		got, err := pastTime("--at", text, now)
		if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "25:00", "2026-03-01T13:00:00Z", "now"} {
		if _, err := pastTime("--at", text, now); fleet.KindOf(err) != fleet.Usage {
			t.Errorf("%q: %v, want a usage error", text, err)
		}
	}
}

// Strings of others reach the terminal without their orders, in every part of the
// view, and lines never grow beyond the terminal but for what cannot be broken.
func TestTheViewOfAReportIsHarmless(t *testing.T) {
	evil := "\x1b[31mred\x1b]0;title\x07\r\n\u202eback"
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := &why.Report{
		Service: evil, At: at, Since: at, Symptoms: []why.Symptom{{Service: evil, Instance: evil, Text: evil, Since: at}},
		Causes: []why.Cause{
			{Kind: why.SlowInstance, Service: evil, Summary: evil, Confidence: 0.9, Evidence: []why.Evidence{{Text: evil, Command: evil}}},
			{Kind: why.SlowService, Service: evil, Summary: evil, Confidence: 0.6, ExplainedBy: evil},
		},
		Noticed: []why.Cause{{Summary: evil, Evidence: []why.Evidence{{Command: evil}}}},
		Changes: []why.Change{{At: at, Text: evil}}, Trace: &why.WorstTrace{ID: evil, Root: evil, Span: evil, Error: evil, Command: evil},
		Actions: []why.Action{{Text: evil, Command: evil, Reversible: true}, {Text: evil, Command: evil}, {Text: evil}},
		Sources: []why.SourceFact{{Name: evil, State: why.Failed, Error: evil}, {Name: evil, State: why.Absent}, {Name: evil, State: why.Partly, Error: evil}},
	}
	for _, width := range []int{0, 1, 20, 80} {
		var out strings.Builder
		p, err := output.New(output.Options{Out: &out, TTY: width > 0, Width: width, Now: func() time.Time { return at }, Clean: term.Clean})
		if err != nil {
			t.Fatal(err)
		}
		if err := (&whyView{p: p, r: r, now: at}).print(); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\x07\r\u202e") {
			t.Errorf("width %d: %q", width, out.String())
		}
		if width == 0 && !strings.Contains(out.String(), "CAUSES") {
			t.Errorf("nothing is shown: %q", out.String())
		}
	}
}
