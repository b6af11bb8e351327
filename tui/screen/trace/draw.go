package trace

import (
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/waterfall"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// columns are those of the tree. Filters are read and run beside the loop, over l,
// while the rest draws what the screen has.
func (s *Screen) columns(l *loaded) []widget.Column[item] {
	row := func(it *item) *waterfall.Row { return &l.Rows[it.row] }
	timeline := "TIMELINE"
	if l != nil {
		timeline = "0 to " + widget.Duration(l.Duration)
	}
	return []widget.Column[item]{
		{Title: "SPAN", Min: 24, Grow: 4, Draw: s.drawName, Text: func(it *item) string { return words(row(it)) }},
		{
			Title: "DUR", Min: 6, Right: true,
			Draw: func(l *widget.Line, t *theme.Theme, it *item, w int) {
				l.Right(t.Text, widget.Duration(s.trace.Rows[it.row].Span.Duration), w, t.Glyphs.More)
			},
			Number: func(it *item) float64 { return row(it).Span.Duration.Seconds() },
		},
		{
			Title: "SELF", Min: 6, Right: true, Drop: 2,
			Draw: func(l *widget.Line, t *theme.Theme, it *item, w int) {
				l.Right(t.Dim, widget.Duration(s.trace.Rows[it.row].Self), w, t.Glyphs.More)
			},
			Number: func(it *item) float64 { return row(it).Self.Seconds() },
		},
		{Title: "OF ITS KIND", Name: "kind", Min: 15, Drop: 3, Draw: s.drawRank, Text: func(it *item) string { return string(row(it).Span.Kind) }},
		{Title: timeline, Name: "timeline", Min: 12, Grow: 3, Drop: 1, Draw: s.drawBar},
		// What only filters know.
		{Name: "errors", Drop: 9, Number: func(it *item) float64 { return float64(l.errors[it.row+1] - l.errors[it.row]) }},
		{Name: "critical", Drop: 9, Number: func(it *item) float64 { return row(it).Critical.Seconds() }},
	}
}

// words are what a filter finds a span by.
func words(r *waterfall.Row) string {
	s := r.Span
	var b strings.Builder
	b.WriteString(s.Service + " " + s.Name + " " + s.ID + " " + s.Message)
	if s.Error {
		b.WriteString(" error")
	}
	for _, m := range r.Marks {
		b.WriteString(" " + string(m))
	}
	for k, v := range s.Attributes {
		b.WriteString(" " + k + "=" + v)
	}
	for i := range s.Events {
		b.WriteString(" " + s.Events[i].Name)
	}
	if id := s.Resource[instanceID]; id != "" {
		b.WriteString(" " + id)
	}
	return b.String()
}

// drawName writes the place of a span in the tree, and what it is.
func (s *Screen) drawName(l *widget.Line, t *theme.Theme, it *item, w int) {
	r := &s.trace.Rows[it.row]
	end := l.Width() + w
	s.trunk(l, t, it, r, w)
	switch {
	case it.closed:
		l.Put(t.Accent, t.Glyphs.Closed+" ")
	case r.Below > 0:
		l.Put(t.Dim, t.Glyphs.Open+" ")
	default:
		l.Put(t.Dim, "  ")
	}
	if it.group > 0 {
		l.Cell(t.Accent, strconv.Itoa(it.group)+" "+t.Glyphs.Times+" "+nameOf(t, r.Span, true)+s.more(t, it), max(1, end-l.Width()), t.Glyphs.More)
		return
	}
	style := t.Text
	if it.near {
		style = t.Dim
	}
	if r.Span.Error {
		style = t.Bad
		l.Put(style, t.Glyphs.Bad+" error ")
	}
	marks := ""
	for _, m := range r.Marks {
		marks += " " + t.Glyphs.Warn + " " + string(m)
	}
	more := s.more(t, it)
	room := end - l.Width() - widget.Width(marks) - widget.Width(more)
	if room < 10 { // the name is worth more
		room, marks, more = end-l.Width(), "", ""
	}
	name := nameOf(t, r.Span, false)
	if widget.Width(name) > room {
		name = nameOf(t, r.Span, true)
	}
	l.Cell(style, name, max(1, min(room, widget.Width(name))), t.Glyphs.More)
	l.Put(t.Warn, marks)
	l.Put(t.Accent, more)
}

// more is what of a line is not shown.
func (s *Screen) more(t *theme.Theme, it *item) string {
	switch {
	case it.errors > 0:
		return " (+" + strconv.Itoa(it.hidden) + ", " + t.Glyphs.Bad + " " + plural(it.errors, "error") + ")"
	case it.hidden > 0 && it.group == 0:
		return " (+" + strconv.Itoa(it.hidden) + ")"
	}
	return ""
}

// nameOf is what a span is called; an arrow stands in a call to another.
func nameOf(t *theme.Theme, s *fleet.Span, brief bool) string {
	name := s.Name
	if brief {
		name = screen.ShortMethod(name)
	}
	if s.Kind == fleet.SpanClient || s.Kind == fleet.SpanProducer {
		return s.Service + " " + t.Glyphs.Arrow + " " + name
	}
	return s.Service + " " + name
}

// mostLevels is how many levels are drawn at most, however wide the screen.
const mostLevels = 32

// trunk draws the lines of the tree. They take half of the cells at most; what is
// deeper says how deep it is.
func (s *Screen) trunk(l *widget.Line, t *theme.Theme, it *item, r *waterfall.Row, w int) {
	if r.Depth == 0 {
		return
	}
	if deepest := min(mostLevels, max(1, w/4)); r.Depth > deepest {
		l.Put(t.Dim, t.Glyphs.More+strconv.Itoa(r.Depth)+" ")
		return
	}
	var open [mostLevels + 1]bool // by depth: the one there has further siblings
	for p := r.Parent; p >= 0; p = s.trace.Rows[p].Parent {
		open[s.trace.Rows[p].Depth] = !s.last[p]
	}
	var b [4 * (mostLevels + 1)]byte
	text := b[:0]
	for depth := 1; depth < r.Depth; depth++ {
		if open[depth] {
			text = append(text, t.Glyphs.Pipe...)
		} else {
			text = append(text, "  "...)
		}
	}
	if it.last {
		text = append(text, t.Glyphs.Last...)
	} else {
		text = append(text, t.Glyphs.Branch...)
	}
	l.Put(t.Dim, string(text))
}

// drawRank writes where a span stands among its kind.
func (s *Screen) drawRank(l *widget.Line, t *theme.Theme, it *item, w int) {
	if it.group > 0 {
		return
	}
	span := s.trace.Rows[it.row].Span
	r, asked := s.kinds[kindOf(span)]
	switch {
	case !asked:
		l.Cell(t.Dim, t.Glyphs.More, w, t.Glyphs.More)
	case r.err != nil:
		l.Cell(t.Unknown, t.Glyphs.Unknown+" not known", w, t.Glyphs.More)
	case len(r.took) == 0:
		l.Cell(t.Dim, t.Glyphs.None, w, t.Glyphs.More)
	default:
		text, slow := r.rank(span.Duration)
		style := t.Dim
		if slow {
			style = t.Warn
		}
		l.Cell(style, text, w, t.Glyphs.More)
	}
}

// drawBar draws when a span ran, and within that when it was on the critical path.
func (s *Screen) drawBar(l *widget.Line, t *theme.Theme, it *item, w int) {
	const none, ran, critical = 0, 1, 2
	if cap(s.cells) < w {
		s.cells = make([]rune, w)
	}
	cells := s.cells[:w]
	clear(cells)
	whole := float64(max(s.trace.Duration, 1))
	fill := func(start, end time.Duration, with rune) {
		from := min(max(int(float64(start)/whole*float64(w)), 0), w-1)
		to := min(max(int(float64(end)/whole*float64(w)), from+1), w) // what is short is a cell all the same
		for i := from; i < to; i++ {
			cells[i] = with
		}
	}
	r := &s.trace.Rows[it.row]
	fill(r.Offset, r.Offset+max(0, r.Span.Duration), ran)
	for _, p := range s.trace.segments[s.trace.first[it.row]:s.trace.first[it.row+1]] {
		fill(p.Start, p.End, critical)
	}
	style := t.Series[0]
	if r.Span.Error {
		style = t.Bad
	}
	for from := 0; from < w; {
		to := from + 1
		for to < w && cells[to] == cells[from] {
			to++
		}
		switch cells[from] {
		case none:
			l.Pad(l.Width() + to - from)
		case ran:
			l.Put(style, strings.Repeat(t.Glyphs.Bar, to-from))
		default:
			l.Put(t.Series[1], strings.Repeat(t.Glyphs.BarCritical, to-from))
		}
		from = to
	}
}
