package tui

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/ops/incident"
)

// E writes down what is known: what was seen, noted and looked at.
func TestExport(t *testing.T) {
	var got *incident.Incident
	run := open(t, trouble(), Options{Place: "events/checkout", Export: func(_ context.Context, in *incident.Incident) (string, error) {
		got = in
		return "/some/where", nil
	}}, 120, 30)
	run.send(press('n'))
	for _, r := range "pager rang" {
		run.send(press(r))
	}
	run.send(enter())
	settle(t, run)
	run.send(press('E'))
	if err := run.until(func() bool { return strings.Contains(ansi.Strip(run.m.View().Content), "exported to /some/where") }); err != nil {
		t.Fatal(err)
	}
	if len(got.Notes) != 1 || got.Notes[0].Text != "pager rang" || len(got.Events) != 1 || got.End == nil || got.To.Sub(got.From) != time.Hour {
		t.Errorf("exported %+v", got)
	}
}
