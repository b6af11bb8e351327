package traces_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
	"github.com/gctl-dev/gctl/tui/screen/traces"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// jaeger answers searches.
type jaeger struct {
	fleet.TraceReader

	search func(ctx context.Context, q fleet.TraceQuery) (fleet.TraceList, error)
	known  []string
	asked  error
}

func (j *jaeger) SearchTraces(ctx context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
	return j.search(ctx, q)
}
func (j *jaeger) TraceServices(context.Context) ([]string, error) { return j.known, j.asked }

func summary(id string, ago, took time.Duration, errors int) fleet.TraceSummary {
	return fleet.TraceSummary{
		ID: id, Root: "edge user.v1.UserService/GetUser", Start: screentest.Now().Add(-ago), Duration: took,
		Spans: 4, Services: []string{"edge", "user"}, Errors: errors,
	}
}

func three() []fleet.TraceSummary {
	return []fleet.TraceSummary{
		summary("aaaa", time.Minute, 2*time.Millisecond, 0), summary("bbbb", 2*time.Minute, 800*time.Millisecond, 0), summary("cccc", 3*time.Minute, 40*time.Millisecond, 2),
	}
}

func found(list ...fleet.TraceSummary) func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) {
	return func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) {
		return fleet.TraceList{Traces: list, Provenance: fleet.Provenance{Source: "jaeger http://j:1", Query: "GET /api/v3/traces?a=b&c=d"}}, nil
	}
}

// open returns the screen of a service before it is shown.
func open(t testing.TB, j *jaeger, service string) (*traces.Screen, *screen.Look) {
	t.Helper()
	look := screentest.Look(t, screentest.Snapshot(t, fleet.Delta{}))
	look.Env.Traces = func(context.Context) (fleet.TraceReader, error) { return j, nil }
	jobs := &screen.Jobs{Parent: t.Context()}
	t.Cleanup(jobs.Close)
	return traces.New(jobs, service), look
}

func shown(t testing.TB, j *jaeger, service string) (*traces.Screen, *screen.Look) {
	t.Helper()
	s, look := open(t, j, service)
	screentest.Send(s, look, screen.Shown{})
	return s, look
}

// order returns the IDs of the traces as they are listed.
func order(s *traces.Screen, look *screen.Look) string {
	screentest.Act(s, look, key.Top)
	var ids []string
	for range 10 {
		id := s.Focus(look).Trace
		if len(ids) > 0 && ids[len(ids)-1] == id {
			break
		}
		ids = append(ids, id)
		screentest.Act(s, look, key.Down)
	}
	return strings.Join(ids, " ")
}

func TestTheTracesOfTheWindowAreListed(t *testing.T) {
	var q fleet.TraceQuery
	j := &jaeger{search: func(ctx context.Context, asked fleet.TraceQuery) (fleet.TraceList, error) {
		q = asked
		return found(three()...)(ctx, asked)
	}}
	s, look := shown(t, j, "user")
	if q.Service != "user" || !q.Start.Equal(look.Now.Add(-time.Hour)) || !q.End.Equal(look.Now) || q.Limit <= 0 {
		t.Errorf("%+v", q)
	}
	screentest.Want(t, s, look, "14:04:00.000", "2.0ms", "800ms", "✗ 2", "edge,user", "edge user.v1.UserService/GetUser",
		"13:05:00", "● selected", "✗ with errors")
	if got := order(s, look); got != "aaaa bbbb cccc" {
		t.Error(got)
	}
}

func TestTheWorstComeFirstWhereThatIsWanted(t *testing.T) {
	s, look := shown(t, &jaeger{search: found(three()...)}, "")
	for _, c := range [][2]string{{"d", "bbbb cccc aaaa"}, {"e", "cccc aaaa bbbb"}, {"t", "aaaa bbbb cccc"}, {"t", "cccc bbbb aaaa"}} {
		cmd, ok := s.SortBy(c[0], look)
		screentest.Run(s, look, cmd)
		if got := order(s, look); !ok || got != c[1] {
			t.Errorf("sort by %s: %s", c[0], got)
		}
	}
	if _, ok := s.SortBy("z", look); ok {
		t.Error("there is no column z")
	}
}

func TestTracesAreFiltered(t *testing.T) {
	s, look := shown(t, &jaeger{search: found(three()...)}, "")
	for filter, want := range map[string]string{"dur>200ms": "bbbb", "errors>0": "cccc", "getuser !cccc": "aaaa bbbb", "dur<50ms errors=0": "aaaa"} {
		screentest.Run(s, look, s.SetFilter(filter, look))
		if got := order(s, look); got != want {
			t.Errorf("%s: %s", filter, got)
		}
	}
	screentest.Run(s, look, s.SetFilter("nothing>", look))
	screentest.Want(t, s, look, `0 of 3 match "nothing>".`, "esc clears the filter")
}

// That there is no error among the newest does not say that there is none.
func TestAFilterAsksForOlderTracesWhereTheNewestAreNotAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		j := &jaeger{search: func(_ context.Context, q fleet.TraceQuery) (fleet.TraceList, error) {
			asked++
			switch {
			case q.ErrorsOnly:
				return fleet.TraceList{Traces: []fleet.TraceSummary{summary("eeee", 50*time.Minute, time.Second, 1)}}, nil
			case q.MinDuration == time.Second:
				return fleet.TraceList{Traces: []fleet.TraceSummary{summary("dddd", 40*time.Minute, time.Second, 0)}}, nil
			case q.MinDuration > 0:
				return fleet.TraceList{}, nil
			}
			return fleet.TraceList{Traces: three()[:2], More: true}, nil
		}}
		s, look := shown(t, j, "")
		if status := statusOf(s, look); !strings.Contains(status, "newest, there are more") {
			t.Error(status)
		}
		screentest.Run(s, look, s.SetFilter("errors>0", look))
		if got := order(s, look); got != "eeee" {
			t.Error("errors:", got)
		}
		screentest.Run(s, look, s.SetFilter("dur>=1s", look))
		if got := order(s, look); got != "dddd" {
			t.Error("slow:", got)
		}
		screentest.Run(s, look, s.SetFilter("", look))
		if got := order(s, look); got != "aaaa bbbb" || asked != 3 {
			t.Error("without a filter:", got, asked)
		}
		screentest.Run(s, look, s.SetFilter("dur>9s", look))
		screentest.Want(t, s, look, `0 of 2 match "dur>9s". Nor does any other in 1h.`)
	})
}

func statusOf(s screen.Screen, look *screen.Look) string {
	l := &widget.Line{}
	s.Status(look, l)
	return l.String()
}

func TestTracesSearchAgain(t *testing.T) {
	asked := 0
	fail := false
	j := &jaeger{search: func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) {
		asked++
		if fail {
			return fleet.TraceList{}, errors.New("it is gone")
		}
		return fleet.TraceList{Traces: three()}, nil
	}}
	s, look := shown(t, j, "")
	for i, step := range []struct {
		msg  tea.Msg
		want int
	}{
		{screen.Changed{Facts: true}, 1}, {screen.Shown{}, 1}, {screen.Act{Action: key.Refresh}, 2}, {screen.Changed{Window: true}, 3},
	} {
		if screentest.Send(s, look, step.msg); asked != step.want {
			t.Errorf("step %d: asked %d times", i, asked)
		}
	}
	look.Window = 15 * time.Minute // changed while another screen was seen
	if screentest.Send(s, look, screen.Shown{}); asked != 4 {
		t.Errorf("asked %d times", asked)
	}
	fail = true
	screentest.Act(s, look, key.Refresh)
	screentest.Want(t, s, look, "800ms") // what was found stays
	if got := statusOf(s, look); !strings.Contains(got, "✗ the last search failed") {
		t.Error(got)
	}
}

func TestWhyThereAreNoTraces(t *testing.T) {
	none := found()
	down := &fleet.Error{What: "ask jaeger http://j:1", Err: errors.New("connection refused"), Hint: "gctl doctor looks at all backends"}
	for name, c := range map[string]struct {
		j       *jaeger
		service string
		want    []string
	}{
		"another name":  {&jaeger{search: none, known: []string{"edge", "users-api"}}, "user", []string{"No traces of user in 1h. Jaeger knows: edge, users-api.", "map.user.jaeger"}},
		"quiet":         {&jaeger{search: none, known: []string{"user"}}, "user", []string{"No traces of user in 1h. Jaeger knows: user.", ":window 24h"}},
		"of all":        {&jaeger{search: none, known: []string{"user"}}, "", []string{"No traces in 1h. Jaeger knows: user.", ":window 24h"}},
		"an empty one":  {&jaeger{search: none}, "user", []string{"Jaeger has no traces at all.", "OTEL_EXPORTER_OTLP_ENDPOINT"}},
		"half an error": {&jaeger{search: none, asked: down}, "user", []string{"did not say: ask jaeger http://j:1: connection refused", "gctl doctor"}},
		"down": {&jaeger{search: func(context.Context, fleet.TraceQuery) (fleet.TraceList, error) { return fleet.TraceList{}, down }}, "user",
			[]string{"✗ No traces: ask jaeger http://j:1: connection refused", "gctl doctor"}},
		"many": {&jaeger{search: none, known: strings.Fields(strings.Repeat("x ", 20))}, "user", []string{"and 8 more"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, look := shown(t, c.j, c.service)
			screentest.Want(t, s, look, c.want...)
			if len(s.Evidence(look)) > 1 || s.Focus(look).Trace != "" {
				t.Error("there is no trace to speak of")
			}
		})
	}
}

func TestWithoutAJaeger(t *testing.T) {
	s, look := open(t, nil, "user")
	look.Env.Traces = func(context.Context) (fleet.TraceReader, error) {
		return nil, &fleet.Error{What: "no jaeger is known", Hint: "gctl context add demo --jaeger URL"}
	}
	screentest.Send(s, look, screen.Shown{})
	screentest.Want(t, s, look, "No traces: no jaeger is known", "gctl context add demo --jaeger URL")

	s, look = open(t, nil, "user")
	look.Env.Traces = nil
	screentest.Send(s, look, screen.Shown{})
	screentest.Want(t, s, look, "No traces: a recording has none", "gctl traces --from")
}

func TestASearchThatHangsIsSaidAndCanBeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := &jaeger{search: func(ctx context.Context, _ fleet.TraceQuery) (fleet.TraceList, error) {
			<-ctx.Done()
			return fleet.TraceList{}, ctx.Err()
		}}
		s, look := open(t, hangs, "user")
		cmd := s.Update(screen.Shown{}, look)
		screentest.Want(t, s, look, "Searching for traces of user …")
		if got := statusOf(s, look); !strings.Contains(got, "searching") {
			t.Error(got)
		}
		screentest.Run(s, look, cmd)
		screentest.Want(t, s, look, "No traces: no answer within 30s", "gctl doctor")

		jobs := &screen.Jobs{Parent: t.Context()}
		s = traces.New(jobs, "user")
		cmd = s.Update(screen.Shown{}, look)
		jobs.Close()
		began := time.Now()
		screentest.Run(s, look, cmd)
		if took := time.Since(began); took > 0 {
			t.Errorf("left after %s", took)
		}
	})
}

func TestATraceIsOpenedCopiedAndProved(t *testing.T) {
	s, look := shown(t, &jaeger{search: found(three()...)}, "user")
	screentest.Act(s, look, key.Down)
	said := screentest.Act(s, look, key.Enter)
	if len(said) != 1 || said[0] != (screen.Go{Place: screen.Place{Screen: "trace", Subject: "bbbb"}}) {
		t.Errorf("%v", said)
	}
	if what, text := s.Copied(look); what != "the trace ID" || text != "bbbb" {
		t.Error(what, text)
	}
	if f := s.Focus(look); f.Service != "user" || f.Trace != "bbbb" {
		t.Errorf("%+v", f)
	}
	_, lines := s.Describe(look)
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "bbbb") || !strings.Contains(text, "800ms") {
		t.Error(text)
	}
	if raw, err := json.Marshal(s.Data(look)); err != nil || !strings.HasPrefix(string(raw), `{"trace_id":"bbbb","root":"edge user.v1.UserService/GetUser","start":"2026-03-01T14:03:00Z","duration_ms":800,"spans":4`) {
		t.Error(string(raw), err)
	}
	evidence := fmt.Sprint(s.Evidence(look))
	for _, want := range []string{
		"GET /api/v3/traces?a=b&c=d", "gctl traces user --from 2026-03-01T13:05:00Z --to 2026-03-01T14:05:00Z --limit 300",
		"curl -s 'http://j:1/api/v3/traces?a=b&c=d'", "gctl trace bbbb",
	} {
		if !strings.Contains(evidence, want) {
			t.Errorf("%s is missing in %s", want, evidence)
		}
	}
	screentest.Send(s, look, screen.Click{Y: 100}, screen.Click{Y: 7})
	if what, _ := s.Copied(look); what == "" {
		t.Error("a click beside the list takes the cursor away")
	}
}

func TestColumnsAreChosen(t *testing.T) {
	_, look := open(t, nil, "")
	j := &jaeger{search: found(three()...)}
	look.Env.Traces = func(context.Context) (fleet.TraceReader, error) { return j, nil }
	jobs := &screen.Jobs{Parent: t.Context()}
	t.Cleanup(jobs.Close)
	s := traces.New(jobs, "", "root", "dur")
	screentest.Send(s, look, screen.Shown{})
	screentest.Want(t, s, look, "ROOT", "DUR", "▄")
	if text := screentest.Plain(t, s, look); strings.Contains(text, "SPANS") || !slices.Contains(traces.Columns()[traces.Name], "errors") {
		t.Error(text)
	}
}

// TestEverySize draws hostile traces at all sizes.
func TestEverySize(t *testing.T) {
	list := append(three(),
		fleet.TraceSummary{ID: "x\x1b[2J", Root: "\x1b]0;t\x07evil\nroot 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字", Start: time.Unix(1<<40, 0), Duration: 1 << 62, Errors: 1 << 40, Spans: -1},
		fleet.TraceSummary{ID: "y", Duration: -5})
	s, look := shown(t, &jaeger{search: found(list...)}, "user\x1b[31m")
	for _, glyphs := range []*theme.Glyphs{theme.Unicode(), theme.ASCII()} {
		look.Theme.Glyphs = glyphs
		for w := 1; w < 210; w += 1 + w/8 {
			for h := range 60 {
				look.Width, look.Height = w, h
				screentest.Plain(t, s, look)
			}
		}
	}
}

func BenchmarkAKeyAt300Traces(b *testing.B) {
	var list []fleet.TraceSummary
	for i := range 300 {
		list = append(list, summary(fmt.Sprintf("%032x", i), time.Duration(i)*time.Second, time.Duration(i*i)*time.Microsecond, i%7))
	}
	s, look := shown(b, &jaeger{search: found(list...)}, "user")
	look.Width, look.Height = 200, 47
	s.View(look)
	b.ReportAllocs()
	for b.Loop() {
		s.Update(screen.Act{Action: key.Down}, look)
		s.View(look)
	}
}
