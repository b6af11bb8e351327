package service

import (
	"slices"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// The sizes from which on panes stand beside each other.
const (
	wide   = 100
	narrow = 60
)

// View implements screen.Screen.
func (s *Screen) View(look *screen.Look) []string {
	if s.facts(look) == nil && s.table() == 0 {
		return s.empty(look)
	}
	w, h := look.Width, look.Height
	top := s.chartHeight(w, h)
	var lines []string
	if top > 0 {
		var red *fleet.RED
		if f := s.facts(look); f != nil {
			red = history.Of(f)
		}
		lines = s.charts.view(w, top, look, red)
	}
	rest := h - len(lines)
	if w >= wide && rest >= 8 {
		return append(lines, s.beside(look, w, rest)...)
	}
	return append(lines, s.alone(look, w, rest)...)
}

// table is how many rows there are in all panes.
func (s *Screen) table() int {
	n := 0
	for _, p := range s.panes {
		_, all := p.count()
		n += all
	}
	return n
}

// chartHeight is how many lines the charts have.
func (s *Screen) chartHeight(w, h int) int {
	switch {
	case h < 6 || w < 24:
		return 0
	case h < 12 || w < narrow:
		return 1
	case h < 20:
		return 4
	default:
		return min(10, h/4)
	}
}

// tabs writes the names of the panes.
func (s *Screen) tabs(look *screen.Look, w int, from, to int) string {
	t := look.Theme
	l := &widget.Line{}
	for i := from; i < to; i++ {
		style := t.Dim
		name := " " + s.panes[i].title() + " "
		if i == s.at {
			style = t.Title
			name = "[" + s.panes[i].title() + "]"
		}
		l.Put(style, name)
		l.Put("", " ")
	}
	return l.Fit(w)
}

// alone draws the pane that has the keys, and the names of the others.
func (s *Screen) alone(look *screen.Look, w, h int) []string {
	if h <= 0 {
		return nil
	}
	lines := []string{s.tabs(look, w, 0, len(s.panes))}
	return append(lines, s.pane().view(w, h-1, look, true)...)
}

// beside draws methods and instances beside each other, and below them the calls
// and the events.
func (s *Screen) beside(look *screen.Look, w, h int) []string {
	lower := max(3, min(h/3, 12))
	upper := h - lower
	left := (w - 1) / 2
	rows := s.two(look, 0, 1, left, w-1-left, upper)
	return append(rows, s.two(look, 2, 3, left, w-1-left, lower)...)
}

// two draws two panes beside each other, each under its name.
func (s *Screen) two(look *screen.Look, a, b, wa, wb, h int) []string {
	draw := func(i, w int) []string {
		lines := []string{s.tabs(look, w, i, i+1)}
		return append(lines, s.panes[i].view(w, h-1, look, i == s.at)...)
	}
	l := &widget.Line{}
	left, right := draw(a, wa), draw(b, wb)
	lines := make([]string, h)
	for y := range lines {
		l.Reset("")
		l.Append(left[y], wa)
		l.Put(look.Theme.Dim, look.Theme.Glyphs.Vertical)
		l.Append(right[y], wb)
		lines[y] = l.Fit(look.Width)
	}
	return lines
}

// click puts the cursor where the mouse is.
func (s *Screen) click(c screen.Click, look *screen.Look) bool {
	w, h := look.Width, look.Height
	top := s.chartHeight(w, h)
	y := c.Y - top
	if y < 0 {
		return false
	}
	if rest := h - top; w >= wide && rest >= 8 {
		lower := max(3, min(rest/3, 12))
		at := 0
		if y >= rest-lower {
			at, y = 2, y-(rest-lower)
		}
		if c.X > (w-1)/2 {
			at++
		}
		s.at = at
	}
	return s.pane().click(y - 1)
}

func (s *Screen) empty(look *screen.Look) []string {
	t := look.Theme
	lines := widget.Fill(nil, look.Height, look.Width)
	state, ok := look.Snap.Source(fleet.CatalogFeed)
	switch {
	case !ok && !look.Live:
		return screen.Message(look, lines, t.Warn, "Nothing is kept of "+stamp(look.Now)+".", screen.ToNow(look)+"; gctl record keeps what happens")
	case !ok || state.Status == fleet.SourceStarting || s.jobs.Busy(arranging):
		return screen.Message(look, lines, t.Dim, "Asking the catalog for "+s.service+" "+t.Glyphs.More, "")
	case state.Status == fleet.SourceFailing:
		return screen.Message(look, lines, t.Bad, "No catalog: "+screen.Sentence(state.Err), "Try: gctl doctor")
	}
	if slices.Contains(state.Notes, fleet.Hidden) {
		return screen.Message(look, lines, t.Warn, "The catalog shows no service "+s.service+": ACLs hid results.", "Set CONSUL_HTTP_TOKEN to a token that may read them")
	}
	var names []string
	for _, f := range look.Snap.Services() {
		names = append(names, f.Name)
	}
	do := ":services lists what there is"
	if near := fleet.Nearest(s.service, names, 3); len(near) > 0 {
		do = "Did you mean " + near[0] + "? :service " + near[0]
	}
	return screen.Message(look, lines, t.Warn, "The catalog has no service "+s.service+".", do)
}
