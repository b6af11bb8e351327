package traces

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// row is a trace in the table.
type row struct {
	fleet.TraceSummary

	share    float64 // of the duration of the longest
	at       string  // its start, as the table has it
	services string
}

func (r *row) id() string { return r.ID }

// service is the one whose span is the root, as far as that is known.
func (r *row) service() string {
	name, _, _ := strings.Cut(r.Root, " ")
	return name
}

// operation is the name of the root span.
func (r *row) operation() string {
	_, name, _ := strings.Cut(r.Root, " ")
	return name
}

// rows are all traces that were found, those that the filter has found besides
// among them once.
func rows(found, besides []fleet.TraceSummary, zone *time.Location, layout string) []row {
	list := make([]row, 0, len(found)+len(besides))
	seen := make(map[string]bool, len(found))
	longest := time.Duration(0)
	for _, some := range [][]fleet.TraceSummary{found, besides} {
		for i := range some {
			t := &some[i]
			if seen[t.ID] {
				continue
			}
			seen[t.ID] = true
			longest = max(longest, t.Duration)
			list = append(list, row{TraceSummary: *t, at: t.Start.In(zone).Format(layout), services: strings.Join(t.Services, ",")})
		}
	}
	for i := range list {
		if longest > 0 {
			list[i].share = max(0, float64(list[i].Duration)/float64(longest))
		}
	}
	return list
}

// layoutOf is how times of a window are written: with the day where it is of
// several.
func layoutOf(window time.Duration) string {
	if window > 20*time.Hour {
		return "01-02 15:04:05"
	}
	return "15:04:05.000"
}

const startWidth = 14

// columns are those of the table, the order of the screen.
func columns() []widget.Column[row] {
	return []widget.Column[row]{
		{
			Title: "START", Key: "t", Min: startWidth,
			Draw:    func(l *widget.Line, t *theme.Theme, r *row, w int) { l.Cell(t.Dim, r.at, w, t.Glyphs.More) },
			Compare: func(a, b *row) int { return b.Start.Compare(a.Start) },
			Text:    func(r *row) string { return r.at + " " + r.ID },
		},
		{
			Title: "DUR", Key: "d", Min: 6, Right: true,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				l.Right(t.Text, widget.Duration(r.Duration), w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int { return cmp.Compare(b.Duration, a.Duration) },
			Number:  func(r *row) float64 { return r.Duration.Seconds() },
		},
		{Min: 6, Grow: 1, Max: 24, Drop: 4, Draw: bar},
		{
			Title: "SPANS", Key: "n", Min: 6, Right: true, Drop: 3,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				l.Right(t.Text, strconv.Itoa(r.Spans), w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int { return cmp.Compare(b.Spans, a.Spans) },
			Number:  func(r *row) float64 { return float64(r.Spans) },
		},
		{
			Title: "ERRORS", Key: "e", Min: 7, Right: true,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) {
				if r.Errors == 0 {
					l.Right(t.Dim, t.Glyphs.None, w, t.Glyphs.More)
					return
				}
				l.Right(t.Bad, t.Glyphs.Bad+" "+strconv.Itoa(r.Errors), w, t.Glyphs.More)
			},
			Compare: func(a, b *row) int { return cmp.Compare(b.Errors, a.Errors) },
			Number:  func(r *row) float64 { return float64(r.Errors) },
		},
		{
			Title: "SERVICES", Min: 10, Grow: 1, Max: 32, Drop: 5,
			Draw: func(l *widget.Line, t *theme.Theme, r *row, w int) { l.Cell(t.Dim, r.services, w, t.Glyphs.More) },
			Text: func(r *row) string { return r.services },
		},
		{
			Title: "ROOT", Key: "r", Min: 16, Grow: 4,
			Draw:    root,
			Compare: func(a, b *row) int { return cmp.Compare(a.Root, b.Root) },
			Text:    func(r *row) string { return r.Root },
		},
	}
}

// bar is how long a trace took, against the longest.
func bar(l *widget.Line, t *theme.Theme, r *row, w int) {
	n := int(r.share*float64(w) + .5)
	if r.Duration > 0 {
		n = max(1, n)
	}
	s := t.Series[0]
	if r.Errors > 0 {
		s = t.Bad
	}
	l.Put(s, strings.Repeat(t.Glyphs.Bar, min(n, w)))
}

func root(l *widget.Line, t *theme.Theme, r *row, w int) {
	if r.Root == "" {
		l.Cell(t.Unknown, t.Glyphs.Unknown+" not known", w, t.Glyphs.More)
		return
	}
	name := r.Root
	if widget.Width(name) > w {
		name = r.service() + " " + screen.ShortMethod(r.operation())
	}
	l.Cell(t.Text, name, w, t.Glyphs.More)
}
