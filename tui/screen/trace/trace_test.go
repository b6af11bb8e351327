package trace_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/waterfall"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
	"github.com/gctl-dev/gctl/tui/screen/trace"
	"github.com/gctl-dev/gctl/tui/widget"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const id = "68ff06be14fc0d4cd5d41b5a38a885bb"

// jaeger has traces.
type jaeger struct {
	fleet.TraceReader

	trace  func(ctx context.Context, id string) (fleet.Trace, error)
	search func(ctx context.Context, q fleet.TraceQuery) (fleet.TraceList, error)
}

func (j *jaeger) Trace(ctx context.Context, id string) (fleet.Trace, error) { return j.trace(ctx, id) }

func (j *jaeger) SearchTraces(ctx context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
	if j.search == nil {
		return fleet.TraceList{}, nil
	}
	return j.search(ctx, q)
}

func has(spans ...fleet.Span) *jaeger {
	return &jaeger{trace: func(_ context.Context, asked string) (fleet.Trace, error) {
		return fleet.Trace{ID: asked, Spans: spans, Provenance: fleet.Provenance{Source: "jaeger http://j:1", Query: "GET /api/v3/traces/" + asked}}, nil
	}}
}

// span is one of kind from start to end, in milliseconds.
func span(name, parent string, kind fleet.SpanKind, start, end int) fleet.Span {
	service, _, _ := strings.Cut(name, "-")
	return fleet.Span{
		ID: name, Parent: parent, Service: service, Name: name, Kind: kind,
		Start: screentest.Now().Add(time.Duration(start) * time.Millisecond), Duration: time.Duration(end-start) * time.Millisecond,
		Resource: map[string]string{"service.instance.id": service + "-7"},
	}
}

// call is a call of edge to user to a database, which fails.
func call() []fleet.Span {
	list := []fleet.Span{
		span("edge-1", "", fleet.SpanServer, 0, 100), span("edge-2", "edge-1", fleet.SpanClient, 10, 90),
		span("user-3", "edge-2", fleet.SpanServer, 20, 80), span("db-4", "user-3", fleet.SpanClient, 30, 70), span("log-5", "edge-1", fleet.SpanInternal, 92, 95),
	}
	list[1].Attributes = map[string]string{"rpc.method": "user.v1.UserService/GetUser"}
	list[2].Attributes = map[string]string{"rpc.service": "user.v1.UserService", "rpc.method": "GetUser"}
	list[3].Error, list[3].Message = true, "the database is locked: "+strings.Repeat("long ", 60)+"end"
	list[3].Attributes = map[string]string{"db.system.name": "sqlite"}
	list[3].Events = []fleet.SpanEvent{{At: screentest.Now().Add(40 * time.Millisecond), Name: "exception", Attributes: map[string]string{"exception.type": "*sqlite.Error"}}}
	return list
}

func open(t testing.TB, j *jaeger, subject string) (*trace.Screen, *screen.Look) {
	t.Helper()
	snap := screentest.Snapshot(t, fleet.Delta{Instances: []fleet.InstanceFact{
		{Instance: fleet.Instance{ID: "edge-7", Service: "edge", Addr: "10.0.0.1:1"}}, {Instance: fleet.Instance{ID: "db-9", Service: "store", Addr: "10.0.0.9:5"}},
	}})
	look := screentest.Look(t, snap)
	look.Height = 30
	look.Env.Traces = func(context.Context) (fleet.TraceReader, error) { return j, nil }
	jobs := &screen.Jobs{Parent: t.Context()}
	t.Cleanup(jobs.Close)
	return trace.New(jobs, subject), look
}

func shown(t testing.TB, j *jaeger) (*trace.Screen, *screen.Look) {
	t.Helper()
	s, look := open(t, j, id)
	screentest.Send(s, look, screen.Shown{})
	return s, look
}

func TestTheWaterfall(t *testing.T) {
	s, look := shown(t, has(call()...))
	screentest.Want(t, s, look,
		"100ms  5 spans  ✗ 1 error  █ critical path: db 40%  edge 37%  user 20%  log 3%",
		"▾ edge edge-1 ", "├ ▾ edge → edge-2 ", "│ └ ▾ user user-3", "│   └   ✗ error db → db-4", "└   log log-5", "0 to 100ms")
	lines := strings.Split(screentest.Plain(t, s, look), "\n")
	for row, want := range map[int]string{2: "█▄", 5: "  ██", 6: "█"} {
		if !strings.Contains(lines[row], want) {
			t.Errorf("line %d has no %q: %q", row, want, lines[row])
		}
	}
	if !strings.Contains(lines[3], "80ms") || !strings.Contains(lines[3], "20ms") {
		t.Errorf("duration and own time: %q", lines[3])
	}
}

func TestBranchesAreFolded(t *testing.T) {
	s, look := shown(t, has(call()...))
	screentest.Act(s, look, key.Down, key.Left)
	screentest.Want(t, s, look, "▸ edge → edge-2 (+2, ✗ 1 error)", "log log-5")
	if shows(t, s, look, "user-3") {
		t.Error("what is folded is shown")
	}
	screentest.Act(s, look, key.Right)
	screentest.Want(t, s, look, "user-3")
	screentest.Act(s, look, key.Right) // to the span below
	if f := s.Focus(look); f.Service != "user" {
		t.Errorf("%+v", f)
	}
	screentest.Act(s, look, key.Left, key.Left, key.Left, key.Left) // folds, goes up, folds, goes up
	if d, _ := s.Data(look).(waterfall.SpanDoc); d.SpanID != "edge-1" {
		t.Errorf("%+v", d)
	}
}

func shows(t *testing.T, s *trace.Screen, look *screen.Look, text string) bool {
	t.Helper()
	return strings.Contains(screentest.Plain(t, s, look), text)
}

func TestASpanWithoutChildrenLeadsToItsInstance(t *testing.T) {
	s, look := shown(t, has(call()...))
	screentest.Act(s, look, key.Bottom)
	said := screentest.Act(s, look, key.Right)
	if say, ok := said[0].(screen.Say); !ok || say.Text != "the catalog has no service log" {
		t.Errorf("%v", said)
	}
	spans := call()
	spans[4].Service = "edge"
	s, look = shown(t, has(spans...))
	screentest.Act(s, look, key.Bottom)
	if said := screentest.Act(s, look, key.Right); said[0] != (screen.Go{Place: screen.Place{Screen: "service", Subject: "edge"}, At: "log-7"}) {
		t.Errorf("%v", said)
	}
	if f := s.Focus(look); f.Instance != "log-7" || f.Trace != id {
		t.Errorf("%+v", f)
	}
}

func TestTheMethodOfASpanCanBeInvokedAgain(t *testing.T) {
	s, look := shown(t, has(call()...))
	if f := s.Focus(look); f.Method != "" { // edge-1 says of none
		t.Errorf("%+v", f)
	}
	for range 2 { // the client's span, and the server's
		screentest.Act(s, look, key.Down)
		if f := s.Focus(look); f.Service != "user" || f.Method != "user.v1.UserService/GetUser" || f.Instance != "user-7" {
			t.Errorf("%+v", f)
		}
	}
	alone := call()[1]
	alone.Attributes["server.address"], alone.Attributes["server.port"] = "10.0.0.9", "5"
	s, look = shown(t, has(alone))
	if f := s.Focus(look); f.Service != "store" || f.Instance != "db-9" {
		t.Errorf("%+v", f)
	}
}

func TestASpanComparesWithItsKind(t *testing.T) {
	var queries []fleet.TraceQuery
	j := has(call()...)
	j.search = func(_ context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
		queries = append(queries, q)
		switch q.Operation {
		case "db-4":
			return fleet.TraceList{}, errors.New("no answer")
		case "log-5":
			return fleet.TraceList{}, nil
		case "edge-1":
			return fleet.TraceList{Traces: []fleet.TraceSummary{{Took: took(10, 20, 90)}, {Took: took(30)}}, More: true}, nil
		case "edge-2":
			return fleet.TraceList{Traces: []fleet.TraceSummary{{Took: took(60, 70, 79, 90)}}}, nil
		}
		return fleet.TraceList{Traces: []fleet.TraceSummary{{Took: took(60)}}}, nil
	}
	s, look := shown(t, j)
	screentest.Want(t, s, look, "slowest of 4", "p75 of 4", "? not known", "no other", "slowest of 4 of its kind, the newest ones; median 30ms, p99 90ms")
	q := queries[0]
	if q.Service != "edge" || q.Operation != "edge-1" || q.Tags["span.kind"] != "server" || !q.Start.Equal(look.Now.Add(-look.Window)) || len(queries) != 5 {
		t.Errorf("%d, first %+v", len(queries), q)
	}
	screentest.Act(s, look, key.Down, key.Up)
	if len(queries) != 5 {
		t.Error("what is known is asked again")
	}
	look.Window = 15 * time.Minute
	screentest.Send(s, look, screen.Changed{Window: true})
	if len(queries) != 10 || !queries[9].Start.Equal(look.Now.Add(-15*time.Minute)) {
		t.Errorf("of another window: asked %d times", len(queries))
	}
}

func TestWhereASpanStands(t *testing.T) {
	for want, others := range map[string][]time.Duration{
		"fastest of 3": took(100, 110, 120), "as all 3": took(100, 100, 100), "p50 of 4": took(90, 99, 101, 102), "slowest of 2": took(1, 2), "p99 of 1000": append(took(make([]int, 999)...), took(200)...),
	} {
		j := has(call()[0])
		j.search = func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) {
			return fleet.TraceList{Traces: []fleet.TraceSummary{{Took: others}}}, nil
		}
		s, look := shown(t, j)
		screentest.Want(t, s, look, want, want+" of its kind, in 1h")
	}
}

func TestClicks(t *testing.T) {
	s, look := shown(t, has(call()...))
	s.View(look)
	selected := func() string {
		d, _ := s.Data(look).(waterfall.SpanDoc)
		return d.SpanID
	}
	screentest.Send(s, look, screen.Click{X: 3, Y: 4})
	if selected() != "user-3" {
		t.Error(selected())
	}
	screentest.Send(s, look, screen.Click{X: 3, Y: 20}) // the pane below
	screentest.Want(t, s, look, "tab goes back to the tree")
	if selected() != "user-3" {
		t.Error(selected())
	}
	screentest.Send(s, look, screen.Click{X: 3, Y: 3}, screen.Click{X: 3, Y: 2, Twice: true})
	screentest.Want(t, s, look, "tab scrolls it")
}

func took(ms ...int) []time.Duration {
	list := make([]time.Duration, len(ms))
	for i, n := range ms {
		list[i] = time.Duration(n) * time.Millisecond
	}
	return list
}

// The tree is there before anything is compared, also where that hangs.
func TestTheTreeDoesNotWaitForComparisons(t *testing.T) {
	j := has(call()...)
	j.search = func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) {
		t.Error("asked before the first frame")
		return fleet.TraceList{}, nil
	}
	s, look := open(t, j, id)
	load := s.Update(screen.Shown{}, look)
	arrange := s.Update(load(), look)
	compare := s.Update(arrange(), look)
	screentest.Want(t, s, look, "user-3", "not yet compared with others of its kind")
	if compare == nil {
		t.Error("nothing is compared")
	}
}

func TestThePaneShowsTheWholeSpan(t *testing.T) {
	s, look := shown(t, has(call()...))
	look.Height = 46
	screentest.Act(s, look, key.Down, key.Down, key.Down)
	screentest.Want(t, s, look, "✗ error: the database is locked: long", "long end", "db.system.name = sqlite", "+40ms exception",
		"exception.type = *sqlite.Error", "service.instance.id = db-7", "took 40ms, itself 40ms, on the critical path 40ms (40.0%); began +30ms at 14:05:00.030000", "parent user-3")
	look.Height, look.Width = 13, 60
	screentest.Act(s, look, key.NextPane)
	screentest.Want(t, s, look, "tab goes back to the tree", "✗ error: the database")
	screentest.Act(s, look, key.Bottom)
	screentest.Want(t, s, look, "parent user-3")
	screentest.Act(s, look, key.NextPane)
	screentest.Want(t, s, look, "SPAN", "db-4")
	look.Width, look.Height = 160, 30
	screentest.Want(t, s, look, "│─ span", "✗ error db → db-4")
}

func TestFilteredSpansKeepTheirAncestors(t *testing.T) {
	s, look := shown(t, has(call()...))
	for filter, want := range map[string][2]string{
		"sqlite": {"db-4", "log-5"}, "dur<10ms": {"log-5", "user-3"}, "errors>0": {"user-3", "log-5"}, "!db !user": {"log-5", "user-3"},
	} {
		screentest.Run(s, look, s.SetFilter(filter, look))
		look.Height = 12 // the tree alone
		if !shows(t, s, look, want[0]) || shows(t, s, look, want[1]) || !shows(t, s, look, "edge-1") {
			t.Errorf("%s:\n%s", filter, screentest.Plain(t, s, look))
		}
		if filter == "sqlite" && s.Focus(look).Service != "db" {
			t.Errorf("the cursor is on %+v", s.Focus(look))
		}
	}
	screentest.Run(s, look, s.SetFilter("nothing<", look))
	screentest.Want(t, s, look, `0 of 5 spans match "nothing<".`, "esc clears")
	screentest.Run(s, look, s.SetFilter("", look))
	screentest.Want(t, s, look, "log-5", "user-3")
}

func TestWhatIsOddIsSaid(t *testing.T) {
	spans := []fleet.Span{span("a-1", "gone", fleet.SpanServer, 0, 10), span("a-2", "a-1", fleet.SpanClient, -5, 5), span("a-3", "a-3", fleet.SpanInternal, 0, 1)}
	j := &jaeger{trace: func(context.Context, string) (fleet.Trace, error) {
		return fleet.Trace{ID: id, Spans: append(spans, spans[0]), Truncated: 12}, nil
	}}
	s, look := shown(t, j)
	screentest.Want(t, s, look, "? no errors in these", "! spans: 12 left out, 1 without parent, 1 with clock skew, 1 in a cycle, 1 twice",
		"! parent missing", "! clock skew", "! cycle cut")
	screentest.Act(s, look, key.Down)
	lines := describe(s, look)
	if !strings.Contains(lines, "clock skew") {
		t.Error(lines)
	}
}

func describe(s *trace.Screen, look *screen.Look) string {
	_, lines := s.Describe(look)
	return strings.Join(lines, "\n")
}

func TestWhatASpanIsAsTextJSONAndEvidence(t *testing.T) {
	j := has(call()...)
	j.search = func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) {
		return fleet.TraceList{Traces: []fleet.TraceSummary{{Took: took(1)}}, Provenance: fleet.Provenance{Source: "jaeger http://j:1", Query: "GET /api/traces?x=1"}}, nil
	}
	s, look := shown(t, j)
	screentest.Act(s, look, key.Down, key.Down, key.Down)
	raw, err := json.Marshal(s.Data(look))
	if err != nil || !strings.Contains(string(raw), `"span_id":"db-4","parent_id":"user-3","depth":3`) {
		t.Error(string(raw), err)
	}
	if text := describe(s, look); !strings.Contains(text, "long end") || !strings.Contains(text, "attributes:") || !strings.Contains(text, "db.system.name = sqlite") {
		t.Error(text)
	}
	evidence := fmt.Sprint(s.Evidence(look))
	for _, want := range []string{
		"gctl trace " + id, "curl -s http://j:1/api/v3/traces/" + id, "GET /api/traces?x=1", "slowest of 1 of its kind",
		"gctl traces db --operation db-4 --from 2026-03-01T13:05:00Z --to 2026-03-01T14:05:00Z --limit 200 --attr span.kind=client",
	} {
		if !strings.Contains(evidence, want) {
			t.Errorf("%s is missing in %s", want, evidence)
		}
	}
	if what, text := s.Copied(look); what != "the trace ID" || text != id {
		t.Error(what, text)
	}
}

func TestWhyThereIsNoTrace(t *testing.T) {
	missing := func(context.Context, string) (fleet.Trace, error) {
		return fleet.Trace{}, &fleet.Error{What: "x", Err: fleet.ErrNotFound}
	}
	two := func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) {
		return fleet.TraceList{Traces: []fleet.TraceSummary{{ID: "abcd1"}, {ID: "abcd2"}, {ID: "ffff"}}}, nil
	}
	for name, c := range map[string]struct {
		j       *jaeger
		subject string
		want    []string
	}{
		"missing":   {&jaeger{trace: missing}, id, []string{"there is no trace " + id, "ctrl-r asks again"}},
		"ambiguous": {&jaeger{trace: missing, search: two}, "abcd", []string{"2 traces begin with abcd", "abcd1, abcd2"}},
		"none so":   {&jaeger{trace: missing, search: two}, "1234", []string{"there is no trace 1234"}},
		"down": {&jaeger{trace: func(context.Context, string) (fleet.Trace, error) {
			return fleet.Trace{}, &fleet.Error{What: "ask jaeger", Err: errors.New("refused"), Hint: "gctl doctor"}
		}}, id, []string{"✗ No trace: ask jaeger: refused", "gctl doctor"}},
		"which":    {has(), "", []string{"which trace?", "t lists traces"}},
		"no spans": {has(), id, []string{"Trace " + id + " has no spans.", "ctrl+r asks again"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, look := open(t, c.j, c.subject)
			screentest.Send(s, look, screen.Shown{})
			screentest.Want(t, s, look, c.want...)
			screentest.Act(s, look, key.Down, key.Left, key.Right, key.Enter, key.NextPane, key.Top)
			s.Describe(look)
			s.Data(look)
			s.Evidence(look)
		})
	}
	s, look := open(t, nil, id)
	look.Env.Traces = nil
	screentest.Send(s, look, screen.Shown{})
	screentest.Want(t, s, look, "a recording has no traces")
}

func TestTheBeginningOfAnIDIsEnough(t *testing.T) {
	j := has(call()...)
	whole := j.trace
	j.trace = func(ctx context.Context, asked string) (fleet.Trace, error) {
		if asked != id {
			return fleet.Trace{}, &fleet.Error{What: "x", Err: fleet.ErrNotFound}
		}
		return whole(ctx, asked)
	}
	j.search = func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) {
		return fleet.TraceList{Traces: []fleet.TraceSummary{{ID: id}, {ID: "0"}}}, nil
	}
	s, look := open(t, j, "68FF")
	screentest.Send(s, look, screen.Shown{})
	if _, text := s.Copied(look); text != id {
		t.Error(text)
	}
	screentest.Want(t, s, look, "user-3")
}

func TestATraceThatHangsIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, look := open(t, &jaeger{trace: func(ctx context.Context, _ string) (fleet.Trace, error) {
			<-ctx.Done()
			return fleet.Trace{}, ctx.Err()
		}}, id)
		cmd := s.Update(screen.Shown{}, look)
		screentest.Want(t, s, look, "Asking for trace "+id+" …")
		screentest.Run(s, look, cmd)
		screentest.Want(t, s, look, "no answer within 30s", "gctl doctor")
	})
}

// What came later is shown by asking again, and the cursor stays where it is.
func TestATraceIsAskedForAgain(t *testing.T) {
	spans := call()
	n := 3
	j := &jaeger{trace: func(context.Context, string) (fleet.Trace, error) { return fleet.Trace{ID: id, Spans: spans[:n]}, nil }}
	s, look := shown(t, j)
	screentest.Act(s, look, key.Down, key.Down)
	n = 5
	screentest.Act(s, look, key.Refresh)
	screentest.Want(t, s, look, "log-5")
	if d, _ := s.Data(look).(waterfall.SpanDoc); d.SpanID != "user-3" {
		t.Errorf("%+v", d)
	}
	j.trace = func(context.Context, string) (fleet.Trace, error) { return fleet.Trace{}, errors.New("gone") }
	screentest.Act(s, look, key.Refresh)
	screentest.Want(t, s, look, "log-5")
	l := &widget.Line{}
	if s.Status(look, l); !strings.Contains(l.String(), "asking again failed: gone") {
		t.Error(l.String())
	}
}
