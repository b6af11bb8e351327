package waterfall_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/waterfall"
)

var began = time.Unix(1_795_574_082, 0)

// span is one from start to end, in milliseconds.
func span(id, parent string, start, end int) fleet.Span {
	service, _, _ := strings.Cut(id, "-")
	return fleet.Span{
		ID: id, Parent: parent, Service: service, Name: id, Kind: fleet.SpanInternal,
		Start: began.Add(time.Duration(start) * time.Millisecond), Duration: time.Duration(end-start) * time.Millisecond,
	}
}

func lay(spans ...fleet.Span) *waterfall.Layout {
	return waterfall.Lay(&fleet.Trace{ID: "t", Spans: spans})
}

// tree is the layout as text: depth, ID, own time, time on the critical path.
func tree(l *waterfall.Layout) string {
	var b strings.Builder
	for i := range l.Rows {
		r := &l.Rows[i]
		fmt.Fprintf(&b, "%s%s self=%d crit=%d", strings.Repeat(" ", r.Depth), r.Span.ID, r.Self.Milliseconds(), r.Critical.Milliseconds())
		for _, m := range r.Marks {
			fmt.Fprintf(&b, " [%s]", m)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func expect(t *testing.T, l *waterfall.Layout, want string) {
	t.Helper()
	if got := tree(l); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%swant%s", got, want)
	}
	checkSound(t, l)
}

// checkSound checks what holds for every trace.
func checkSound(t *testing.T, l *waterfall.Layout) {
	t.Helper()
	var last, sum time.Duration
	for _, s := range l.Path {
		if s.Start < last || s.End <= s.Start || s.End > l.Duration {
			t.Errorf("the path overlaps itself or leaves the trace: %+v", l.Path)
			break
		}
		last = s.End
		sum += s.End - s.Start
	}
	var ratio float64
	var critical time.Duration
	spans := 0
	for _, s := range l.Shares {
		if s.Self < 0 {
			t.Errorf("%s took %s", s.Service, s.Self)
		}
		ratio += s.Ratio
		critical += s.Critical
		spans += s.Spans
	}
	if critical != sum || spans != len(l.Rows) || sum > 0 && (ratio < 0.999 || ratio > 1.001) {
		t.Errorf("shares %+v do not add up to the path of %s", l.Shares, sum)
	}
	for i := range l.Rows {
		r := &l.Rows[i]
		if r.Parent >= i || r.Self < 0 || r.Self > max(0, r.Span.Duration) || r.Critical > max(0, r.Span.Duration) || (r.Parent < 0) != (r.Depth == 0) || i+r.Below >= len(l.Rows) {
			t.Errorf("row %d: %+v", i, r)
		}
		if r.Parent >= 0 && l.Rows[r.Parent].Depth != r.Depth-1 {
			t.Errorf("row %d is not below its parent", i)
		}
	}
}

func TestCallsOneAfterTheOther(t *testing.T) {
	expect(t, lay(span("c", "a", 60, 90), span("a", "", 0, 100), span("b", "a", 10, 50)), `
a self=30 crit=30
 b self=40 crit=40
 c self=30 crit=30
`)
}

func TestOfCallsSideBySideTheLastToFinishCounts(t *testing.T) {
	expect(t, lay(span("a", "", 0, 100), span("b", "a", 10, 50), span("c", "a", 10, 90), span("d", "c", 20, 80)), `
a self=20 crit=20
 c self=20 crit=20
  d self=60 crit=60
 b self=40 crit=0
`)
}

func TestWhatBeganWhileAnotherRanDidNotWaitForIt(t *testing.T) {
	expect(t, lay(span("a", "", 0, 100), span("b", "a", 0, 60), span("c", "a", 50, 100)), `
a self=0 crit=50
 b self=60 crit=0
 c self=50 crit=50
`)
}

func TestAChildThatOutlivesItsParentCountsUntilThen(t *testing.T) {
	expect(t, lay(span("a", "", 0, 100), span("b", "a", 80, 150), span("late", "a", 120, 140)), `
a self=80 crit=80
 b self=70 crit=20
 late self=20 crit=0
`)
}

func TestMissingParentsAreRoots(t *testing.T) {
	l := lay(span("a", "", 0, 10), span("b", "gone", 5, 30), span("c", "b", 6, 20))
	expect(t, l, `
a self=10 crit=5
b self=11 crit=11 [parent missing]
 c self=14 crit=14
`)
	if l.Missing != 1 || l.Duration != 30*time.Millisecond {
		t.Errorf("%+v", l)
	}
}

func TestCyclesAreCut(t *testing.T) {
	l := lay(span("a", "c", 10, 20), span("b", "a", 11, 20), span("c", "b", 5, 20), span("self", "self", 0, 1), span("below", "a", 12, 13))
	if l.Cycles != 2 || len(l.Rows) != 5 || l.Rows[0].Span.ID != "self" || l.Rows[1].Span.ID != "c" || l.Rows[1].Marks[0] != waterfall.Cycle {
		t.Errorf("\n%s%+v", tree(l), l)
	}
	checkSound(t, l)
}

func TestDuplicatesCountOnce(t *testing.T) {
	early := span("b", "a", 1, 2)
	l := lay(span("a", "", 0, 10), early, span("b", "a", 1, 8))
	expect(t, l, `
a self=3 crit=3
 b self=7 crit=7 [came twice]
`)
	if l.Duplicates != 1 {
		t.Errorf("%+v", l)
	}
}

func TestZipkinsTwoHalvesOfACallAreBothThere(t *testing.T) {
	client, server := span("x", "a", 1, 9), span("x", "a", 2, 8)
	client.Kind, client.Service, server.Kind = fleet.SpanClient, "caller", fleet.SpanServer
	for _, order := range [][]fleet.Span{{client, server}, {server, client}} {
		l := lay(append(order, span("a", "", 0, 10), span("y", "x", 3, 4))...)
		expect(t, l, `
a self=2 crit=2
 x self=2 crit=2
  x self=5 crit=5
   y self=1 crit=1
`)
		if l.Rows[1].Span.Service != "caller" || l.Duplicates != 0 {
			t.Errorf("%+v", l)
		}
	}
}

func TestClocksThatDisagreeAreMarked(t *testing.T) {
	l := lay(span("a", "", 10, 20), span("b", "a", 4, 12))
	expect(t, l, `
a self=8 crit=8
 b self=8 crit=2 [clock skew]
`)
	if l.Skewed != 1 || l.Rows[1].Skew != 6*time.Millisecond || !l.Start.Equal(began.Add(4*time.Millisecond)) {
		t.Errorf("%+v", l.Rows[1])
	}
}

func TestSharesAndErrors(t *testing.T) {
	failed := span("user-1", "edge", 10, 80)
	failed.Error = true
	l := lay(span("edge", "", 0, 100), failed, span("db-1", "user-1", 20, 40))
	got := fmt.Sprint(l.Shares)
	if want := fmt.Sprint([]waterfall.Share{
		{Service: "user", Spans: 1, Errors: 1, Self: 50 * time.Millisecond, Critical: 50 * time.Millisecond, Ratio: 0.5},
		{Service: "edge", Spans: 1, Self: 30 * time.Millisecond, Critical: 30 * time.Millisecond, Ratio: 0.3},
		{Service: "db", Spans: 1, Self: 20 * time.Millisecond, Critical: 20 * time.Millisecond, Ratio: 0.2},
	}); got != want || l.Errors != 1 {
		t.Errorf("shares %s\nwant   %s", got, want)
	}
}

func TestNothingIsATraceToo(t *testing.T) {
	l := lay()
	if len(l.Rows)+len(l.Path)+len(l.Shares) != 0 || len(l.Fold(10)) != 0 || len(waterfall.Compare(l, l)) != 0 {
		t.Errorf("%+v", l)
	}
	checkSound(t, lay(span("a", "", 5, 5)))
}

func TestWhatDoesTheSameIsFolded(t *testing.T) {
	spans := []fleet.Span{span("a", "", 0, 1000)}
	for i := range 50 {
		s := span(fmt.Sprintf("db-%02d", i), "a", i*10, i*10+5)
		s.Name = "SELECT"
		s.Error = i == 40
		spans = append(spans, s)
	}
	l := lay(spans...)
	if all := l.Fold(0); len(all) != 51 {
		t.Errorf("%d lines of all", len(all))
	}
	lines := l.Fold(20)
	if len(lines) != 5 {
		t.Fatalf("lines = %+v", lines)
	}
	shown := []string{}
	for _, line := range lines[1:4] {
		shown = append(shown, l.Rows[line.Row].Span.ID)
	}
	if folded := lines[4]; !slices.Contains(shown, "db-40") || folded.Folded != 47 || folded.Hidden != 47 || folded.Errors != 0 || folded.Total != 47*5*time.Millisecond || !folded.Last {
		t.Errorf("shown %v, folded %+v", shown, folded)
	}
}

func TestWhatIsDeepIsHidden(t *testing.T) {
	spans := []fleet.Span{span("s-0", "", 0, 10_000)}
	for i := 1; i < 500; i++ {
		spans = append(spans, span(fmt.Sprintf("s-%d", i), fmt.Sprintf("s-%d", i-1), i, 10_000-i))
	}
	l := lay(spans...)
	lines := l.Fold(30)
	if last := lines[len(lines)-1]; len(lines) != 30 || last.Hidden != 470 {
		t.Errorf("%d lines, the last %+v", len(lines), last)
	}
	checkSound(t, l)
}

func TestATraceThatIsTooBroadIsCut(t *testing.T) {
	spans := []fleet.Span{span("s-0", "", 0, 1000)}
	for i := 1; i < 200; i++ {
		spans = append(spans, span(fmt.Sprintf("s-%d", i), "s-0", i, i+1))
	}
	if lines := lay(spans...).Fold(30); len(lines) != 30 || lines[0].Hidden != 0 || lines[29].Row != 29 {
		t.Errorf("%d lines: %+v", len(lines), lines)
	}
}

func TestComparing(t *testing.T) {
	sql := func(id string, start, end int) fleet.Span {
		s := span(id, "get", start, end)
		s.Service, s.Name = "db", "SELECT"
		return s
	}
	a := lay(span("edge", "", 0, 100), span("get", "edge", 10, 50), sql("q1", 20, 30), span("old", "edge", 60, 70))
	b := lay(span("edge", "", 0, 200), span("get", "edge", 10, 150), sql("q1", 20, 30), sql("q2", 40, 120), span("new", "get", 130, 140))
	var got []string
	for _, d := range waterfall.Compare(a, b) {
		got = append(got, fmt.Sprintf("%d %s %d->%d %+d", d.Depth, d.Name, d.A.Spans, d.B.Spans, d.Change().Milliseconds()))
	}
	want := []string{"0 edge 1->1 +10", "1 get 1->1 +10", "2 SELECT 1->2 +80", "2 new 0->1 +10", "1 old 1->0 -10"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Traces in which everything is wrong at once are laid out, folded and compared as
// soundly as others.
func TestTracesInWhichNothingIsRight(t *testing.T) {
	starts := []time.Time{{}, time.Unix(0, 0), began, began.Add(time.Second), began.Add(-time.Hour), time.Unix(1<<40, 0), time.UnixMilli(1 << 53)}
	durations := []time.Duration{0, 1, -1, -time.Hour, time.Second, time.Minute, 1<<63 - 1, -1 << 63}
	var before *waterfall.Layout
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		trace := &fleet.Trace{ID: "t"}
		for range 1 + random.IntN(40) {
			id := func() string {
				return []string{"", "a", "b", "c", "d", "e", "gone", fmt.Sprint(random.IntN(60))}[random.IntN(8)]
			}
			trace.Spans = append(trace.Spans, fleet.Span{
				ID: id(), Parent: id(), Service: id(), Name: id(), Error: random.IntN(4) == 0,
				Kind:  []fleet.SpanKind{fleet.SpanInternal, fleet.SpanClient, fleet.SpanServer, "odd"}[random.IntN(4)],
				Start: starts[random.IntN(len(starts))], Duration: durations[random.IntN(len(durations))],
			})
		}
		l := waterfall.Lay(trace)
		checkSound(t, l)
		if len(l.Rows)+l.Duplicates != len(trace.Spans) || l.Duration < 0 {
			t.Errorf("%d rows and %d duplicates of %d spans, %s", len(l.Rows), l.Duplicates, len(trace.Spans), l.Duration)
		}
		for i := range l.Rows {
			if l.Rows[i].Offset < 0 {
				t.Errorf("row %d begins %s after the trace", i, l.Rows[i].Offset)
			}
		}
		if len(l.Fold(0)) != len(l.Rows) || len(l.Fold(7)) > 7 {
			t.Error("folded otherwise than asked")
		}
		if before != nil {
			spans := 0
			for _, d := range waterfall.Compare(before, l) {
				spans += d.A.Spans + d.B.Spans
			}
			if spans != len(before.Rows)+len(l.Rows) {
				t.Errorf("%d spans compared, want %d", spans, len(before.Rows)+len(l.Rows))
			}
		}
		if before = l; t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
