package trace

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/waterfall"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// instanceID is OpenTelemetry's attribute of a process.
const instanceID = "service.instance.id"

// statement is a line of what there is to say of a span.
type statement struct {
	tone   tone
	indent int
	text   string
}

// tone is how a statement looks.
type tone int

const (
	plain tone = iota
	title
	bad
	warning
	dim
)

func (o tone) style(t *theme.Theme) theme.Style {
	switch o {
	case title:
		return t.Title
	case bad:
		return t.Bad
	case warning:
		return t.Warn
	case dim:
		return t.Dim
	case plain:
	}
	return t.Text
}

// statements is all that is known of a span. Values are cut after most bytes, 0 for
// nowhere; the error message never is.
func (s *Screen) statements(look *screen.Look, it *item, most int) []statement {
	t, r := look.Theme, &s.trace.Rows[it.row]
	span := r.Span
	if it.group > 0 {
		return []statement{
			{title, 0, fmt.Sprintf("%d %s %s", it.group, t.Glyphs.Times, nameOf(t, span, false))},
			{plain, 0, fmt.Sprintf("with what is below them %s, %s", plural(it.hidden, "span"), plural(it.errors, "error"))},
			{dim, 0, look.Keys.Key(key.Right) + " shows each"},
		}
	}
	list := []statement{{title, 0, nameOf(t, span, false) + "  " + string(span.Kind)}}
	if span.Error {
		message := span.Message
		if message == "" {
			message = "without a message"
		}
		list = append(list, statement{bad, 0, t.Glyphs.Bad + " error: " + message})
	}
	list = append(list, statement{plain, 0, s.times(r, look)})
	list = append(list, statement{plain, 0, s.standing(r)})
	for _, m := range r.Marks {
		text := string(m)
		if m == waterfall.ClockSkew {
			text += ": it began " + widget.Duration(r.Skew) + " before its parent"
		}
		list = append(list, statement{warning, 0, t.Glyphs.Warn + " " + text})
	}
	if it.hidden > 0 {
		list = append(list, statement{dim, 0, plural(it.hidden, "span") + " below, folded"})
	}
	list = attributes(list, "attributes", span.Attributes, most)
	list = s.events(list, span, most)
	list = attributes(list, "resource", span.Resource, most)
	return append(list, statement{dim, 0, "span " + span.ID + parent(span)})
}

func parent(s *fleet.Span) string {
	if s.Parent == "" {
		return ", a root"
	}
	return ", parent " + s.Parent
}

func (s *Screen) times(r *waterfall.Row, look *screen.Look) string {
	text := "took " + widget.Duration(r.Span.Duration) + ", itself " + widget.Duration(r.Self)
	if r.Critical > 0 && s.trace.Duration > 0 {
		text += fmt.Sprintf(", on the critical path %s (%s%%)", widget.Duration(r.Critical), widget.Percent(float64(r.Critical)/float64(s.trace.Duration)))
	}
	return text + "; began +" + widget.Duration(r.Offset) + " at " + r.Span.Start.In(look.Now.Location()).Format("15:04:05.000000")
}

func attributes(list []statement, what string, m map[string]string, most int) []statement {
	if len(m) == 0 {
		return list
	}
	list = append(list, statement{dim, 0, what})
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, statement{plain, 2, k + " = " + cut(m[k], most)})
	}
	return list
}

func (s *Screen) events(list []statement, span *fleet.Span, most int) []statement {
	if len(span.Events) == 0 {
		return list
	}
	list = append(list, statement{dim, 0, "events"})
	for i := range span.Events {
		e := &span.Events[i]
		at := e.At.Sub(s.trace.Start)
		if at < 0 || at > 1000*time.Hour { // a clock that is wrong
			at = 0
		}
		list = append(list, statement{plain, 2, "+" + widget.Duration(at) + " " + e.Name})
		for _, k := range slices.Sorted(maps.Keys(e.Attributes)) {
			list = append(list, statement{plain, 4, k + " = " + cut(e.Attributes[k], most)})
		}
	}
	return list
}

func cut(text string, most int) string {
	if most == 0 || len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + fmt.Sprintf(" ... %d bytes more", len(text)-most)
}

// detail is the pane of the selected span, as it was drawn last.
type detail struct {
	x, y, w, h int // where it is
	id         string
	theme      *theme.Theme
	lines      []string
	top        int
}

// forget makes it draw anew what it shows.
func (d *detail) forget() { d.theme = nil }

// shownBytes is how much of a value the pane shows; describe shows all.
const shownBytes = 600

// fill draws what there is to say, where that is not what is drawn already.
func (d *detail) fill(s *Screen, look *screen.Look, w int) {
	it := s.table.Selected()
	if it == nil {
		d.lines, d.id = nil, ""
		return
	}
	if d.id == it.id && d.w == w && d.theme == look.Theme {
		return
	}
	if d.id != it.id {
		d.top = 0
	}
	d.id, d.w, d.theme, d.lines = it.id, w, look.Theme, nil
	l := &widget.Line{}
	for _, st := range s.statements(look, it, shownBytes) {
		indent := min(st.indent, w/4)
		for i, part := range strings.Split(ansi.Wrap(term.Clean(strings.ReplaceAll(st.text, "\t", " ")), max(1, w-indent-1), " "), "\n") {
			l.Reset("")
			l.Grow(len(part) + w + 16)
			l.Pad(indent)
			if i > 0 {
				l.Pad(indent + 1)
			}
			l.Put(st.tone.style(look.Theme), part)
			d.lines = append(d.lines, l.Fit(w))
		}
	}
}

// view draws h lines of w cells.
func (d *detail) view(s *Screen, look *screen.Look, w, h int) []string {
	d.fill(s, look, w)
	d.h = h
	d.top = max(0, min(d.top, len(d.lines)-h))
	lines := make([]string, 0, h)
	return widget.Fill(append(lines, d.lines[d.top:min(len(d.lines), d.top+h)]...), h, w)
}

// do scrolls.
func (d *detail) do(a key.Action) {
	page := max(1, d.h)
	switch a {
	case key.Up:
		d.top--
	case key.Down:
		d.top++
	case key.HalfUp:
		d.top -= (page + 1) / 2
	case key.HalfDown:
		d.top += (page + 1) / 2
	case key.PageUp:
		d.top -= page
	case key.PageDown:
		d.top += page
	case key.Top:
		d.top = 0
	case key.Bottom:
		d.top = len(d.lines)
	}
	d.top = max(0, min(d.top, len(d.lines)-d.h))
}
