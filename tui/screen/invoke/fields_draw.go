package invoke

import (
	"strconv"
	"strings"

	"github.com/gctl-dev/gctl/tui/form"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// view draws h lines of w cells; ask is what is being typed into a row.
func (f *fields) view(look *screen.Look, w, h int, focused bool, ask *ask) []string {
	t := look.Theme
	lines := make([]string, 0, h)
	var foot []string
	if h >= 5 {
		style, text := f.about(t, ask)
		foot = wrapped(style, text, w, min(3, h/4))
	}
	f.height = max(1, h-len(foot))
	f.to = max(0, min(f.to, f.at, len(f.rows)-f.height), f.at-f.height+1)
	names, types := f.columns(w)
	l := &widget.Line{}
	for i := f.to; i < len(f.rows) && len(lines) < f.height; i++ {
		r := &f.rows[i]
		d := rowDrawer{l: l, t: look.Theme, r: r, w: w, names: names, types: types}
		d.hidden = len(f.hidden) > 0 && f.hidden[f.form.Path(r.ID)]
		if ask != nil && ask.row == r.ID && r.ID != 0 {
			d.ask = ask
		}
		lines = append(lines, d.draw(focused && i == f.at))
	}
	lines = widget.Fill(lines, f.height, w)
	if len(f.rows) == 0 {
		l.Reset("")
		l.Pad(1)
		if f.filter != "" {
			l.Put(t.Warn, "0 of "+strconv.Itoa(len(f.all))+" fields match. "+screen.Unfilter(look))
		} else {
			l.Put(t.Dim, "the request has no fields")
		}
		lines[0] = l.Fit(w)
	}
	lines = append(lines, foot...)
	return widget.Fill(lines, h, w)
}

// columns is how wide the names and the types are.
func (f *fields) columns(w int) (names, types int) {
	for i := f.to; i < len(f.rows) && i < f.to+f.height; i++ {
		r := &f.rows[i]
		names = max(names, 3+2*r.Depth+widget.Width(r.Label))
	}
	if w >= 40 {
		types = min(w/3, 26)
	}
	return max(6, min(names, w*2/5)), types
}

// about is what is worth knowing about the row under the cursor.
func (f *fields) about(t *theme.Theme, ask *ask) (theme.Style, string) {
	r := f.selected()
	if r == nil {
		return t.Dim, ""
	}
	typing := ask != nil && ask.row == r.ID && r.ID != 0
	switch {
	case typing && ask.problem != "":
		return t.Bad, t.Glyphs.Bad + " wrong: " + ask.problem
	case typing && len(ask.choices) > 0:
		return t.Dim, t.Glyphs.Up + t.Glyphs.Down + " " + strings.Join(ask.choices, " | ")
	case r.Problem != "":
		return t.Bad, t.Glyphs.Bad + " wrong: " + r.Problem
	case len(f.hidden) > 0 && f.hidden[f.form.Path(r.ID)]:
		return t.Warn, t.Glyphs.Warn + " hidden in the history: type it again"
	case r.Note != "":
		return t.Warn, t.Glyphs.Warn + " " + r.Note
	case r.Deprecated:
		return t.Warn, t.Glyphs.Warn + " deprecated: " + r.Comment
	case r.Comment != "":
		return t.Dim, r.Comment
	}
	return t.Dim, r.Type
}

// rowDrawer draws a row.
type rowDrawer struct {
	l            *widget.Line
	t            *theme.Theme
	r            *form.Row
	w            int
	names, types int
	hidden       bool
	ask          *ask
}

func (d *rowDrawer) draw(selected bool) string {
	base := theme.Style("")
	if selected && d.ask == nil {
		base = d.t.Selected
	}
	d.l.Reset(base)
	d.l.Grow(4 * d.w)
	mark := " "
	if selected {
		mark = d.t.Glyphs.Selected
	}
	d.l.Put(d.t.Accent, mark)
	d.l.Pad(min(1+2*d.r.Depth, d.names/2))
	glyph := " "
	switch {
	case d.r.Expanded:
		glyph = d.t.Glyphs.Open
	case d.r.Expandable:
		glyph = d.t.Glyphs.Closed
	}
	d.l.Put(d.t.Dim, glyph)
	style := d.t.Text
	if d.r.Set {
		style = d.t.Strong
	}
	if d.r.Kind == form.More {
		d.l.Cell(d.t.Dim, d.r.Label, d.w-d.l.Width(), d.t.Glyphs.More)
		return d.l.Fit(d.w)
	}
	d.l.Cell(style, d.r.Label, d.names-d.l.Width(), d.t.Glyphs.More)
	d.l.Pad(d.names + 1)
	if d.ask != nil {
		d.ask.draw(d.l, d.t, max(1, d.w-d.l.Width()))
		return d.l.Fit(d.w)
	}
	d.value()
	return d.l.Fit(d.w)
}

// value writes the value and what kind of thing it is.
func (d *rowDrawer) value() {
	style, text := d.text()
	word, wordStyle := d.word()
	right := d.types
	if word != "" {
		right = widget.Width(word)
	}
	room := d.w - d.l.Width()
	if right+8 > room && word == "" {
		right = 0
	}
	d.l.Cell(style, text, max(0, room-right-1), d.t.Glyphs.More)
	d.l.Pad(d.l.Width() + 1)
	if word == "" {
		word, wordStyle = shortType(d.r.Type), d.t.Dim
	}
	d.l.Cell(wordStyle, word, max(0, min(right, d.w-d.l.Width())), d.t.Glyphs.More)
}

// text is how the value looks.
func (d *rowDrawer) text() (theme.Style, string) {
	r, t := d.r, d.t
	switch {
	case r.Secret && (r.Set || r.Problem != "") && r.Kind != form.List && r.Kind != form.Map && r.Kind != form.Message:
		return t.Text, strings.Repeat(t.Glyphs.Mark, 8)
	case r.Problem != "":
		return t.Bad, r.Value
	case r.Kind == form.List || r.Kind == form.Map:
		text := "(" + strconv.Itoa(r.Count) + ")"
		if r.Summary != "" {
			text += " " + r.Summary
		}
		if r.Count == 0 {
			return t.Dim, "(0)"
		}
		return t.Text, text
	case r.Kind == form.Message && r.Expanded:
		return t.Dim, ""
	case r.Kind == form.Message && !r.Set:
		return t.Dim, t.Glyphs.None
	case r.Kind == form.Message:
		return t.Dim, "{" + r.Summary + "}"
	case !r.Set && r.Default != "":
		return t.Dim, r.Default
	case !r.Set:
		return t.Dim, t.Glyphs.None
	case r.Value == "":
		return t.Dim, `""`
	}
	return t.Text, r.Value
}

// word is what is wrong with the row, "" if nothing is.
func (d *rowDrawer) word() (string, theme.Style) {
	switch t := d.t; {
	case d.r.Problem != "":
		return t.Glyphs.Bad + " wrong", t.Bad
	case d.hidden:
		return t.Glyphs.Warn + " was hidden", t.Warn
	case d.r.Required && !d.r.Set:
		return t.Glyphs.Warn + " required", t.Warn
	}
	return "", ""
}

// shortType is a type without the packages of its names.
func shortType(name string) string {
	if strings.IndexByte(name, '.') < 0 {
		return name
	}
	var b strings.Builder
	word := 0 // where the present name begins in b
	for i := range len(name) {
		switch c := name[i]; c {
		case '.':
			s := b.String()[:word]
			b.Reset()
			b.WriteString(s)
		case ' ', '<', '>', ',':
			b.WriteByte(c)
			word = b.Len()
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
