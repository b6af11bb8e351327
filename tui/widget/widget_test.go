package widget_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

type thing struct {
	name string
	err  float64
	note string
}

func columns() []widget.Column[thing] {
	return []widget.Column[thing]{
		{
			Title: "NAME", Key: "n", Min: 8, Grow: 1,
			Draw:    func(l *widget.Line, t *theme.Theme, r *thing, w int) { l.Cell(t.Text, r.name, w, t.Glyphs.More) },
			Compare: func(a, b *thing) int { return cmp.Compare(a.name, b.name) },
			Text:    func(r *thing) string { return r.name },
		},
		{
			Title: "ERR%", Name: "err", Key: "e", Min: 5, Right: true, Drop: 1,
			Draw: func(l *widget.Line, t *theme.Theme, r *thing, w int) {
				l.Right(t.Text, widget.Percent(r.err/100), w, t.Glyphs.More)
			},
			Compare: func(a, b *thing) int { return widget.Descending(a.err, b.err) },
			Number:  func(r *thing) float64 { return r.err },
		},
		{
			Title: "NOTE", Min: 4, Drop: 2,
			Draw: func(l *widget.Line, t *theme.Theme, r *thing, w int) { l.Cell(t.Text, r.note, w, t.Glyphs.More) },
			Text: func(r *thing) string { return r.note },
		},
	}
}

func id(r *thing) string { return r.name }

func things() []thing {
	return []thing{
		{"checkout", 8.4, "bad"}, {"payments", 2.1, "warn"}, {"cart", 0.02, "ok"}, {"Fraud", math.NaN(), "unknown"}, {"check-in", 0, "ok"},
	}
}

func shown(a *widget.Arranged[thing]) string {
	var names []string
	for i := range a.Len() {
		names = append(names, a.At(i).name)
	}
	return strings.Join(names, " ")
}

func arrange(t *widget.Table[thing], rows []thing, spec widget.Spec, before *widget.Arranged[thing]) *widget.Arranged[thing] {
	return widget.Arrange(t.Columns, rows, id, spec, before)
}

func TestFilters(t *testing.T) {
	table := &widget.Table[thing]{Columns: columns()}
	for text, want := range map[string]string{
		"":                "Fraud cart check-in checkout payments",
		"CHECK":           "check-in checkout",
		"!check":          "Fraud cart payments",
		"err>1":           "checkout payments",
		"err%>1":          "checkout payments",
		"err<1":           "cart check-in", // what is not known is neither more nor less
		"err>1 !pay":      "checkout",
		"err>":            "Fraud cart check-in checkout payments", // still being typed
		"name=cart":       "cart",
		"note!=ok":        "Fraud checkout payments",
		"err>=8.4%":       "checkout",
		"chkt":            "checkout", // near: its letters in order
		"!chkt":           "Fraud cart check-in checkout payments",
		"nothing at all":  "",
		"fraud":           "Fraud",
		"unknown>1":       "",
		"ok":              "cart check-in",
		"err=0":           "check-in",
		"err>0.01 err<10": "cart checkout payments",
	} {
		a := arrange(table, things(), widget.Spec{Filter: table.Filter(text)}, nil)
		if got := shown(a); got != want {
			t.Errorf("%q shows %q, want %q", text, got, want)
		}
		if fuzzy := text == "chkt"; a.Fuzzy != fuzzy {
			t.Errorf("%q: fuzzy is %t", text, a.Fuzzy)
		}
	}
}

// Typing on, taking away and sorting in between come to the same as beginning anew.
func TestArrangingStepByStep(t *testing.T) {
	table := &widget.Table[thing]{Columns: columns()}
	rows := things()
	var before *widget.Arranged[thing]
	for i, step := range []struct {
		text string
		sort int
		rev  bool
	}{{"c", 0, false}, {"ch", 0, false}, {"chec", 1, false}, {"chec", 1, true}, {"che", 1, true}, {"", 1, true}, {"!c", 1, true}, {"!ca", 0, true}, {"chkt", 0, false}, {"chkto", 0, false}, {"e", 0, false}, {"err>1", 0, false}, {"err>1 p", 0, false}} {
		spec := widget.Spec{Sort: step.sort, Reverse: step.rev, Filter: table.Filter(step.text)}
		if i == 7 {
			rows = append(things(), thing{"ledger", 1, "new"})
		}
		a, anew := arrange(table, rows, spec, before), arrange(table, rows, spec, nil)
		if shown(a) != shown(anew) {
			t.Errorf("step %d %q: %q, anew %q", i, step.text, shown(a), shown(anew))
		}
		before = a
	}
}

func TestUnknownIsLastWhateverTheOrder(t *testing.T) {
	if got := slices.SortedFunc(slices.Values([]float64{math.NaN(), 1, 3, 2}), widget.Descending); got[0] != 3 || !math.IsNaN(got[3]) {
		t.Errorf("%v", got)
	}
}

func TestTheCursorFollowsItsRow(t *testing.T) {
	th, _ := theme.New("none", true, theme.Unicode())
	table := &widget.Table[thing]{Columns: columns()}
	table.Set(arrange(table, things(), widget.Spec{}, nil))
	table.View(40, 10, th, true)
	table.Do(key.Down)
	table.Do(key.Down) // check-in
	table.Do(key.Mark)
	if got := table.Selected().name; got != "checkout" {
		t.Fatalf("on %s", got)
	}
	table.Set(arrange(table, things(), widget.Spec{Sort: 1}, table.Arranged()))
	if got := table.Selected().name; got != "checkout" {
		t.Errorf("after sorting on %s", got)
	}
	if got := table.Marked(); !slices.Equal(got, []string{"check-in"}) {
		t.Errorf("marked %v", got)
	}
	table.Set(arrange(table, things()[1:], widget.Spec{}, nil)) // it is gone
	if table.Selected() == nil {
		t.Error("on nothing")
	}
	table.Set(arrange(table, nil, widget.Spec{}, nil))
	if table.Selected() != nil || table.Do(key.Down) != true {
		t.Error("an empty table has a selected row")
	}
}

// Each line is as wide as it must be, at any size, whatever is in the rows.
func TestLinesAreAsWideAsTheScreen(t *testing.T) {
	rows := append(things(), thing{"\x1b[31mred\x1b[0m\nnext", math.Inf(1), "한국어 글자"}, thing{strings.Repeat("long", 100), -1, "e\u0301\u0301"})
	for _, name := range theme.Names() {
		th, err := theme.New(name, true, theme.ASCII())
		if err != nil {
			t.Fatal(err)
		}
		for w := 1; w < 60; w++ {
			table := &widget.Table[thing]{Columns: columns()}
			table.Set(arrange(table, rows, widget.Spec{}, nil))
			lines := table.View(w, 8, th, true)
			if len(lines) != 8 {
				t.Fatalf("%d lines", len(lines))
			}
			for _, line := range lines {
				if got := ansi.StringWidth(line); got != w {
					t.Fatalf("%s at %d: %d wide: %q", name, w, got, line)
				}
				if strings.Contains(line, "\x1b[31m") || strings.Contains(line, "\n") {
					t.Fatalf("somebody else's control sequence: %q", line)
				}
			}
		}
	}
}

// Between two points that follow each other there is no gap, with ASCII neither.
func TestAChartJoinsPointsThatAreApart(t *testing.T) {
	start := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	points := []fleet.Point{{At: start, Value: 4}, {At: start.Add(9 * time.Minute), Value: 0}}
	th, _ := theme.New("none", true, theme.ASCII())
	c := widget.Draw(points, start, start.Add(9*time.Minute), 10, 4, false)
	stars := 0
	for y := range 4 {
		l := &widget.Line{}
		c.Row(l, y, "", "", th.Glyphs, time.Time{})
		stars += strings.Count(l.String(), "*")
	}
	if stars != 10 {
		t.Errorf("%d stars in 10 columns", stars)
	}
}

func TestAChartLeavesGapsWhereNobodyKnows(t *testing.T) {
	start := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	var points []fleet.Point
	for i := range 40 {
		v := float64(i)
		if i >= 15 && i < 25 {
			v = math.NaN()
		}
		points = append(points, fleet.Point{At: start.Add(time.Duration(i) * time.Minute), Value: v})
	}
	th, _ := theme.New("none", true, theme.Unicode())
	for _, fine := range []bool{true, false} {
		c := widget.Draw(points, start, start.Add(39*time.Minute), 40, 4, fine)
		var rows []string
		for y := range 4 {
			l := &widget.Line{}
			c.Row(l, y, "", "", th.Glyphs, start.Add(20*time.Minute))
			if l.Width() != 40 {
				t.Errorf("row %d is %d wide", y, l.Width())
			}
			rows = append(rows, l.String())
		}
		all := strings.Join(rows, "\n")
		if n := strings.Count(all, th.Glyphs.Cursor); n != 4 {
			t.Errorf("the cursor is in %d rows:\n%s", n, all)
		}
		for y, row := range rows {
			for x, r := range []rune(row) {
				if x > 15 && x < 24 && r != ' ' && string(r) != th.Glyphs.Cursor {
					t.Errorf("something is drawn at %d,%d where nothing is known:\n%s", x, y, all)
				}
			}
		}
	}
	if c := widget.Draw(nil, start, start, 0, 0, true); c.Column(start) != -1 {
		t.Error("an empty chart has columns")
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{widget.Rate(1234), "1.2k"},
		{widget.Rate(0), "0"},
		{widget.Rate(math.NaN()), "?"},
		{widget.Rate(0.0001), "<.01"},
		{widget.Percent(0.0841), "8.41"},
		{widget.Percent(1), "100"},
		{widget.Percent(math.NaN()), "?"},
		{widget.Seconds(0.041, 0), "41ms"},
		{widget.Seconds(math.Inf(1), 2.5), ">2.5s"},
		{widget.Seconds(math.NaN(), 0), "?"},
		{widget.Duration(2900 * time.Millisecond), "2.9s"},
		{widget.Age(90 * time.Second), "90s"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	for _, v := range []float64{0, 1, 9.95, 99.9, 999.4, 999.6, 12345, 99999, 1e6, 1e9, 1e12, 1e15, 1e300, -5, math.Inf(1), 1e-9} {
		if w := widget.Width(widget.Amount(v)); w > 5 {
			t.Errorf("%g is %q", v, widget.Amount(v))
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{"err>1", "!a", "name=", "a b !c", "err>1e999", "\x00", "!!", ">", "err!=", "ERR>5k"} {
		f.Add(s)
	}
	table := &widget.Table[thing]{Columns: columns()}
	f.Fuzz(func(t *testing.T, text string) {
		a := arrange(table, things(), widget.Spec{Filter: table.Filter(text)}, nil)
		if a.Len() > len(things()) {
			t.Error("more rows than there are")
		}
		again := arrange(table, a.Rows, widget.Spec{Filter: table.Filter(text + "x")}, a)
		anew := arrange(table, a.Rows, widget.Spec{Filter: table.Filter(text + "x")}, nil)
		if shown(again) != shown(anew) {
			t.Errorf("%q and then x: %q, anew %q", text, shown(again), shown(anew))
		}
	})
}

func TestDocsBreakLines(t *testing.T) {
	th, _ := theme.New("dark", true, theme.Unicode())
	var d widget.Doc
	var list []widget.Paragraph
	for i := range 30 {
		list = append(list, widget.Paragraph{Parts: []widget.Part{{Text: fmt.Sprintf("paragraph %d ", i)}, {Text: strings.Repeat("word ", 20) + strings.Repeat("x", 120)}}, Indent: i % 4, Stop: i%2 == 1, Data: i})
	}
	d.Set(list)
	for w := 1; w < 90; w += 7 {
		for _, a := range []key.Action{key.Down, key.Down, key.Bottom, key.Up, key.Top, key.HalfDown} {
			d.Do(a)
			for _, line := range d.View(w, 6, th) {
				if got := ansi.StringWidth(line); got != w {
					t.Fatalf("at %d: %d wide: %q", w, got, ansi.Strip(line))
				}
			}
		}
	}
	d.Do(key.Top)
	d.Do(key.Down)
	if got := d.Selected().Data; got != 3 {
		t.Errorf("on %v, want 3: only every other paragraph is a stop", got)
	}
}
