package commands

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/waterfall"
)

// drawn is a trace as a terminal of that width shows it; 0 is none.
func drawn(t *testing.T, trace *fleet.Trace, width int, full bool) string {
	t.Helper()
	var b strings.Builder
	p, err := output.New(output.Options{Out: &b, TTY: width > 0, Color: width > 0, Width: width, Clean: term.Clean})
	if err != nil {
		t.Fatal(err)
	}
	if err := printTrace(p, waterfall.Lay(trace), full); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// many is a trace with a root and n queries below each of some calls.
func many(calls, queries int) *fleet.Trace {
	start := time.Unix(1_795_574_082, 0)
	t := &fleet.Trace{ID: "0123456789abcdef0123456789abcdef", Spans: []fleet.Span{{ID: "root", Service: "edge", Name: "GET /", Start: start, Duration: time.Second}}}
	for i := range calls {
		id := fmt.Sprint("call", i)
		at := start.Add(time.Duration(i) * time.Millisecond)
		t.Spans = append(t.Spans, fleet.Span{ID: id, Parent: "root", Service: "edge", Name: fmt.Sprintf("a.very.long.package.v1.Service%d/Method", i), Kind: fleet.SpanClient, Start: at, Duration: time.Second / 2})
		for q := range queries {
			t.Spans = append(t.Spans, fleet.Span{ID: fmt.Sprint(id, "q", q), Parent: id, Service: "db", Name: "SELECT 用户", Start: at, Duration: time.Millisecond, Error: q == 7, Message: strings.Repeat("too long for a line ", 20)})
		}
	}
	return t
}

func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	for _, width := range []int{60, 80, 133, 300} {
		for _, trace := range []*fleet.Trace{many(3, 9), many(40, 20)} {
			for i, line := range strings.Split(drawn(t, trace, width, false), "\n") {
				if n := ansi.StringWidth(line); n > width {
					t.Errorf("line %d of %d columns at %d: %s", i, n, width, line)
				}
			}
		}
	}
}

func TestLongTracesAreFoldedWithCounts(t *testing.T) {
	trace := many(3, 60)
	folded := drawn(t, trace, 0, false)
	if n := strings.Count(folded, "\n"); n > 60 {
		t.Errorf("%d lines:\n%s", n, folded)
	}
	if !strings.Contains(folded, "└ … 57 more db SELECT 用户") || strings.Count(folded, "! error: too long") != 3 {
		t.Errorf("\n%s", folded)
	}
	if full := drawn(t, trace, 0, true); strings.Count(full, "\n") < 184 || strings.Contains(full, "more") {
		t.Errorf("--full:\n%s", full)
	}
}

func TestWhatDoesNotFitIsCounted(t *testing.T) {
	got := drawn(t, many(150, 0), 0, false)
	if !strings.Contains(got, "… and 51 spans more; --full shows all") {
		t.Errorf("\n%s", got)
	}
	deep := many(40, 2)
	if got := drawn(t, deep, 0, false); !strings.Contains(got, "(+2 below)") {
		t.Errorf("\n%s", got)
	}
}

func TestADeepTreeLeavesRoomForNames(t *testing.T) {
	trace := &fleet.Trace{ID: "t"}
	for i := range 60 {
		trace.Spans = append(trace.Spans, fleet.Span{ID: fmt.Sprint(i + 1), Parent: strings.TrimPrefix(fmt.Sprint(i), "0"), Service: "s", Name: fmt.Sprint("step", i), Start: time.Unix(int64(i), 0), Duration: time.Duration(200-2*i) * time.Second})
	}
	got := drawn(t, trace, 80, false)
	if !strings.Contains(got, "…59 s step59") || !strings.Contains(got, "└ s step3") {
		t.Errorf("\n%s", got)
	}
}

// listing is a source with these traces.
type listing struct {
	fleet.TraceReader
	list fleet.TraceList
}

func (l listing) SearchTraces(context.Context, fleet.TraceQuery) (fleet.TraceList, error) {
	return l.list, nil
}

func (l listing) Trace(_ context.Context, id string) (fleet.Trace, error) {
	return fleet.Trace{ID: id}, nil
}

func TestTheBeginningOfAnIDIsEnoughIfItIsTheOnlyOne(t *testing.T) {
	f := &Factory{Now: time.Now}
	o := traceOptions{f: f, since: time.Hour}
	source := listing{list: fleet.TraceList{Traces: []fleet.TraceSummary{{ID: "abcd01"}, {ID: "abcd02"}, {ID: "ff0000"}}}}
	if got, err := o.find(t.Context(), source, "ff00"); err != nil || got.ID != "ff0000" {
		t.Errorf("%+v, %v", got, err)
	}
	for id, want := range map[string]string{"abcd": "2 traces begin with abcd", "0000": "no trace of the last 1h begins with 0000"} {
		if _, err := o.find(t.Context(), source, id); fleet.KindOf(err) != fleet.Usage || err.Error() != want {
			t.Errorf("%s: %v", id, err)
		}
	}
	source.list.More = true
	if _, err := o.find(t.Context(), source, "0000"); err == nil || err.Error() != "none of the newest 3 traces begins with 0000" {
		t.Error(err)
	}
}

func TestDurationsAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Hour: "1h", 90 * time.Minute: "1h30m", 15 * time.Minute: "15m", 10 * time.Second: "10s", time.Minute + time.Second: "1m1s"} {
		if got := shortly(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func (l listing) TraceServices(context.Context) ([]string, error) { return []string{"user"}, nil }

// A longer time cannot help where the newest traces were too many to look at all.
func TestThatNoneOfTheNewestFitsIsSaidSo(t *testing.T) {
	for more, want := range map[bool]string{true: "among the newest that were looked at", false: "a longer time: --since 24h"} {
		f, run := testFactory(nil)
		f.Context = func() (config.Context, error) { return config.Context{}, nil }
		f.Traces = func(context.Context) (fleet.TraceReader, error) {
			return listing{list: fleet.TraceList{More: more}}, nil
		}
		if r := run(t.Context(), "traces", "user", "--errors"); r.code != 0 || !strings.Contains(r.err, want) {
			t.Errorf("more: %v: %+v", more, r)
		}
	}
}
