package why_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	ops "github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
	"github.com/gctl-dev/gctl/tui/screen/why"
)

// question is what was asked, and how it is answered.
type question struct {
	asked  []time.Time
	report *ops.Report
	err    error
}

func (q *question) ask(_ context.Context, _ string, at time.Time) (*ops.Report, error) {
	q.asked = append(q.asked, at)
	return q.report, q.err
}

func shown(t *testing.T, q *question) (*why.Screen, *screen.Look) {
	t.Helper()
	look := screentest.Look(t, &fleet.Snapshot{})
	look.Clock = look.Now
	if q != nil {
		look.Env.Why = q.ask
	}
	s := why.New(&screen.Jobs{Parent: t.Context()}, "user")
	screentest.Send(s, look, screen.Shown{})
	return s, look
}

// trouble is a report with everything in it.
func trouble() *ops.Report {
	at := screentest.Now()
	slow := ops.Cause{
		Summary: "user-3 is slow: 9 times as slow as its siblings", Confidence: .98, Since: at.Add(-4 * time.Minute),
		Evidence: []ops.Evidence{{Text: "user-3: median 802ms, its siblings 1.3ms", Source: "prometheus", Query: "histogram_quantile(...)", Command: "gctl metrics user"}},
	}
	return &ops.Report{
		Service: "user", At: at, Since: at.Add(-4 * time.Minute), Took: .4,
		Causes:   []ops.Cause{slow, {Summary: "user is slow", Confidence: .6, ExplainedBy: slow.Summary}},
		Symptoms: []ops.Symptom{{Service: "user", Instance: "user-3", Text: "p99 3s", Evidence: ops.Evidence{Text: "p99", Command: "gctl metrics user --by instance"}}},
		Actions: []ops.Action{
			{Text: "take user-3 out of traffic", Command: "gctl quarantine user-3 --ttl 15m", Reversible: true},
			{Text: "restart it", Command: "gctl drain user-3"}, {Text: "look at its disk"},
		},
		Trace:   &ops.WorstTrace{ID: "abc123", Root: "edge GET /users", Start: at, Duration: 3.1, Span: "user-3 SELECT users", SpanSelf: 3, Error: "deadline exceeded", Command: "gctl trace abc123"},
		Changes: []ops.Change{{At: at.Add(-5 * time.Minute), Text: "user-3 started", Command: "gctl events user"}},
		Noticed: []ops.Cause{{Summary: "the pool is small", Evidence: []ops.Evidence{{Text: "x", Command: "gctl limits user"}}}},
		Sources: []ops.SourceFact{{Name: "metrics", State: ops.Answered}, {Name: "traces", State: ops.Failed, Error: "jaeger refused"}, {Name: "breakers", State: ops.Partly, Error: "1 of 6 late"}, {Name: "probe", State: ops.Absent}},
	}
}

func TestTheReportIsWrittenTheMostImportantFirst(t *testing.T) {
	q := &question{report: trouble()}
	s, look := shown(t, q)
	look.Height = 45
	texts := []string{
		"user NOT WELL since 14:01:00", "CAUSES, likeliest first", "1 98% user-3 is slow", "user-3: median 802ms", "2 60% user is slow since when is not known", "explained by: user-3 is slow",
		"WHAT CAN BE DONE", "take user-3 out of traffic (can be undone) gctl quarantine user-3 --ttl 15m", "restart it (cannot be undone) gctl drain user-3", "look at its disk",
		"SYMPTOMS", "user-3: p99 3s", "WORST RECENT TRACE", "edge GET /users, 3.1s at 14:05:00 gctl trace abc123", "3s by itself deadline exceeded",
		"WHAT CHANGED", "14:00:00 user-3 started", "NOTICED", "the pool is small", "NOT KNOWN", "traces: jaeger refused", "breakers, in part: 1 of 6 late",
	}
	shown, at := screentest.Plain(t, s, look), 0
	for _, text := range texts {
		i := strings.Index(shown[at:], text)
		if i < 0 {
			t.Fatalf("%q is not there, or not in its place:\n%s", text, shown)
		}
		at += i
	}
	if strings.Contains(shown, "probe") {
		t.Error("who is not there is named as not known")
	}
	title, lines := s.Describe(look)
	if all := strings.Join(lines, "\n"); title != "why user" || !strings.Contains(all, "user-3 is slow") {
		t.Errorf("%s: %s", title, all)
	}
	if s.Data(look) != any(q.report) || s.Report() != q.report {
		t.Error("the data are not the report")
	}
	if f := s.Focus(look); f.Service != "user" || f.Trace != "abc123" {
		t.Errorf("the focus is %+v", f)
	}
}

// Every line leads somewhere: enter follows what reads and asks about what changes.
func TestLinesAreFollowed(t *testing.T) {
	s, look := shown(t, &question{report: trouble()})
	runs := map[string]bool{}
	for range 20 {
		for _, msg := range screentest.Act(s, look, key.Enter) {
			if r, ok := msg.(screen.Run); ok {
				runs[r.Command] = r.Changes
				if _, text := s.Copied(look); text != r.Command {
					t.Errorf("%q is copied of %q", text, r.Command)
				}
			}
		}
		screentest.Act(s, look, key.Down)
	}
	for command, changes := range map[string]bool{
		"gctl metrics user": false, "gctl metrics user --by instance": false, "gctl quarantine user-3 --ttl 15m": true, "gctl drain user-3": true,
		"gctl trace abc123": false, "gctl events user": false, "gctl limits user": false,
	} {
		if got, ok := runs[command]; !ok || got != changes {
			t.Errorf("%s: followed %v, changes %v; all: %v", command, ok, got, runs)
		}
	}
	screentest.Act(s, look, key.Top)
	if e := s.Evidence(look); len(e) == 0 || e[0].Provenance.Query != "histogram_quantile(...)" || e[0].Commands[0] != "gctl metrics user" {
		t.Errorf("the evidence is %+v", e)
	}
}

// Nobody has answered is not the same as nothing is wrong.
func TestWellAndNotKnownAreTold(t *testing.T) {
	well := &ops.Report{Service: "user", Healthy: true, Sources: []ops.SourceFact{{Name: "metrics", State: ops.Answered}}}
	s, look := shown(t, &question{report: well})
	screentest.Want(t, s, look, "user WELL nothing that was looked at is wrong")
	s, look = shown(t, &question{report: &ops.Report{Service: "user", Healthy: true, Sources: []ops.SourceFact{{Name: "probe", State: ops.Answered}, {Name: "metrics", State: ops.Late}}}})
	screentest.Want(t, s, look, "user ? WELL AS FAR AS IS KNOWN nothing that was looked at is wrong, but not all could be")
	s, look = shown(t, &question{report: &ops.Report{Service: "user", Healthy: true, Sources: []ops.SourceFact{{Name: "metrics", State: ops.Late, Error: "no answer in 1s"}}}})
	screentest.Want(t, s, look, "? NOT KNOWN", "metrics: no answer in 1s")
	if got := screentest.Plain(t, s, look); strings.Contains(got, "WELL") {
		t.Errorf("it is said to be well:\n%s", got)
	}
	if _, text := s.Copied(look); text != "gctl why user" || len(s.Evidence(look)) != 0 {
		t.Errorf("copied %q", text)
	}
}

func TestWaitingFailedAndInARecording(t *testing.T) {
	q := &question{err: &fleet.Error{What: "the catalog knows no service \"user\"", Hint: "did you mean users?"}}
	look := screentest.Look(t, &fleet.Snapshot{})
	look.Env.Why = q.ask
	s := why.New(&screen.Jobs{Parent: t.Context()}, "user")
	cmd := s.Update(screen.Shown{}, look)
	screentest.Want(t, s, look, "Asking the catalog", "about user")
	if s.Data(look) != nil || s.Evidence(look) != nil {
		t.Error("data before the answer")
	}
	if title, _ := s.Describe(look); title != "" || s.Focus(look).Trace != "" {
		t.Error("something to describe before the answer")
	}
	screentest.Run(s, look, cmd)
	screentest.Want(t, s, look, "knows no service", "did you mean users?")
	q.err, q.report = nil, trouble()
	screentest.Act(s, look, key.Refresh)
	screentest.Want(t, s, look, "NOT WELL")
	q.err, q.report = errors.New("refused"), nil
	screentest.Act(s, look, key.Refresh)
	screentest.Want(t, s, look, "refused")

	s, look = shown(t, nil)
	screentest.Want(t, s, look, "In a recording nobody can be asked.", "v lists what changed then")
	screentest.Act(s, look, key.Refresh, key.Down, key.Enter)
}

// It asks once, and again for another moment; the answer of before is dropped.
func TestItAsksAboutTheMoment(t *testing.T) {
	q := &question{report: trouble()}
	s, look := shown(t, q)
	screentest.Send(s, look, screen.Shown{}, screen.Changed{Facts: true}, screen.Changed{})
	if len(q.asked) != 1 || !q.asked[0].IsZero() {
		t.Fatalf("asked about %v", q.asked)
	}
	look.Live, look.Now = false, screentest.Now().Add(-time.Hour)
	late := s.Update(screen.Changed{Window: true}, look)
	look.Now = look.Now.Add(time.Minute)
	screentest.Send(s, look, screen.Changed{Window: true})
	if len(q.asked) != 2 || !q.asked[1].Equal(look.Now) {
		t.Fatalf("asked about %v", q.asked)
	}
	q.report = &ops.Report{Service: "user", Healthy: true}
	screentest.Run(s, look, late)
	screentest.Want(t, s, look, "NOT WELL")
	if s.Place() != (screen.Place{Screen: "why", Subject: "user"}) || len(s.Hints()) == 0 {
		t.Errorf("the place is %v", s.Place())
	}
}

func TestAnyReportAtAnySize(t *testing.T) {
	hostile := trouble()
	hostile.Service = "\x1b[2J한국어"
	hostile.Causes[0].Summary = strings.Repeat("long", 100) + "\u202e\n\t"
	for _, r := range []*ops.Report{trouble(), hostile, {}} {
		s, look := shown(t, &question{report: r})
		for w := 1; w < 130; w += 9 {
			for h := range 30 {
				look.Width, look.Height = w, h
				s.Update(tea.Msg(screen.Act{Action: key.Down}), look)
				if got := screentest.Plain(t, s, look); strings.ContainsAny(got, "\x1b\u202e") {
					t.Fatalf("%q", got)
				}
			}
		}
	}
}
