package breakers

import (
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// geometry is where on the body things are.
type geometry struct{ top, grid, tell, list int } // lines of the notice and the matrix; of what is told; first line of the list

// narrow is below how many columns there is no matrix.
const narrow = 60

// View implements screen.Screen.
func (s *Screen) View(look *screen.Look) []string {
	w, h := look.Width, look.Height
	if !s.now.Equal(look.Now) {
		s.now = look.Now
		s.table.Redraw() // ages
	}
	if s.all == nil || s.all.Len() == 0 {
		return s.empty(look, widget.Fill(nil, h, w))
	}
	if alone := w < narrow || s.grid.matrix.large(); alone != s.alone {
		s.alone = alone
		s.fill()
	}
	lines := make([]string, 0, h+4)
	lines = s.notices(look, lines)
	s.at = s.lay(h - len(lines))
	s.at.top = len(lines)
	told := s.tell(look)
	if more, spare := len(told)-s.at.tell, h-len(lines)-s.at.tell-s.at.grid-s.table.Len()-1; s.at.tell > 0 && more > 0 && spare > 0 {
		s.at.tell += min(more, spare) // what is left over below the list
	}
	if !s.alone {
		lines = append(lines, s.grid.view(look, w, s.at.grid, !s.inList)...)
	}
	lines = append(lines, widget.Fill(told, s.at.tell, w)...)
	s.at.list = len(lines)
	lines = append(lines, s.table.View(w, h-len(lines), look.Theme, s.list())...)
	return widget.Fill(lines, h, w)
}

// lay divides the lines. The pane that keys go to has the better part.
func (s *Screen) lay(h int) geometry {
	g := geometry{tell: max(0, min(3, h/4))}
	if s.alone {
		g.tell = max(0, min(3, h/5))
		return g
	}
	room := max(0, h-g.tell)
	list := min(s.table.Len()+1, max(3, room/3))
	if s.inList {
		list = min(s.table.Len()+1, room/2)
	}
	g.grid = max(min(2, room), min(len(s.grid.matrix.callers)+1, room-list))
	return g
}

// notices says what is wrong with what is shown.
func (s *Screen) notices(look *screen.Look, lines []string) []string {
	state, ok := look.Snap.Source(fleet.BreakerFeed)
	if !ok || look.Height < 4 {
		return lines
	}
	t, l := look.Theme, &widget.Line{}
	put := func(style theme.Style, text string) {
		l.Reset("")
		l.Cell(style, text, look.Width, t.Glyphs.More)
		lines = append(lines, l.Fit(look.Width))
	}
	switch state.Status {
	case fleet.SourceFailing:
		put(t.Bad, fmt.Sprintf("%s breakers cannot be asked: %s; these are %s old", t.Glyphs.Bad, screen.Sentence(state.Err), widget.Age(look.Now.Sub(state.At))))
	case fleet.SourceStale:
		put(t.Warn, fmt.Sprintf("%s the answer about breakers is overdue; these are %s old", t.Glyphs.Warn, widget.Age(look.Now.Sub(state.At))))
	case fleet.SourceStarting, fleet.SourceFresh:
	}
	if text := missing(look, &state); text != "" {
		put(t.Warn, t.Glyphs.Warn+" "+text)
	}
	return lines
}

// missing says how many could not be asked, empty for none.
func missing(look *screen.Look, state *fleet.SourceState) string {
	n := len(unheard(state))
	if n == 0 {
		return ""
	}
	text := "1 instance could not be asked"
	if n > 1 {
		text = fmt.Sprintf("%d instances could not be asked", n)
	}
	if k := look.Keys.Key("describe"); k != "" {
		text += ": " + k + " describes"
	}
	return text
}

// tell tells what the cell under the cursor is, or the breaker.
func (s *Screen) tell(look *screen.Look) []string {
	t := look.Theme
	f := &flow{look: look, dot: " " + t.Glyphs.Dot + " "}
	on, c := s.grid.selected()
	b := s.selected()
	switch {
	case s.list() && b != nil:
		f.put(t.Title, b.Name)
		f.put(t.Text, "of "+b.Caller.ID)
	case s.list():
	case c == nil:
		f.put(t.Title, on.caller+" "+t.Glyphs.Arrow+" "+title(on.callee))
		f.put(t.Dim, "no breaker between them")
	default:
		f.put(t.Title, on.caller+" "+t.Glyphs.Arrow+" "+title(on.callee))
		switch {
		case c.rank == closed && c.n > 1:
			f.put(t.Text, fmt.Sprintf("%d breakers, all closed", c.n))
		case len(c.rows) > 1:
			f.put(t.Text, fmt.Sprintf("%d of %d breakers %s, the worst: %s of %s", c.n, len(c.rows), strings.ToLower(said{rank: c.rank, share: int(b.Ratio*100 + .5)}.word()), b.Name, b.Caller.ID))
		default:
			f.put(t.Text, b.Name+" of "+b.Caller.ID)
		}
	}
	if b != nil {
		f.end()
		s.state(look, f, b)
	}
	f.end()
	return f.lines
}

// state tells of one breaker: since when, how often, when it is tried again, and by
// whom it is held.
func (s *Screen) state(look *screen.Look, f *flow, b *fleet.Breaker) {
	t := look.Theme
	r := rankOf(b)
	style, glyph := screen.Sign(t, r.verdict())
	word := say(b, r, 1, 1, look.Now)
	word.known, word.tried = false, 0 // that is told below
	text := glyph + " " + word.text()
	own := rankOf(&fleet.Breaker{State: b.State, Flapping: b.Flapping})
	if own != r {
		f.put(style, text+" by an operator")
		text = "its own state " + strings.ToLower(said{rank: own, raw: b.Raw}.word())
	}
	since := ", since when is not told"
	if !b.Since.IsZero() {
		since = " since " + s.stamp(b.Since)
	}
	f.put(style, text+since)
	switch {
	case !told(b):
		f.put(t.Dim, "trips ?")
	default:
		f.put(t.Text, fmt.Sprintf("trips %d", b.Trips))
	}
	if r == open || r == half {
		switch probe := say(b, open, 1, 1, look.Now); {
		case !probe.probe:
			f.put(t.Dim, "next probe not told")
		case probe.wait == 0:
			f.put(t.Text, "probe due")
		default:
			f.put(t.Text, "probe in "+widget.Age(time.Duration(probe.wait)*time.Second))
		}
	}
	if b.Flapping && r != flapping {
		f.put(t.Warn, "flapping")
	}
	if b.Counts.Requests > 0 {
		f.put(t.Text, fmt.Sprintf("%d of %d calls failed", b.Counts.Failures, b.Counts.Requests))
	}
	if b.LastError != "" {
		f.put(t.Text, "last error: "+b.LastError)
	}
	if word := override(b); word != "" {
		f.put(t.Warn, "override "+word+", as "+b.Provenance.Source+" says")
	}
	age := look.Snap.Age(b.Provenance, look.Now)
	style = t.Dim
	if age > old {
		style = t.Warn
	}
	f.put(style, widget.Age(age)+" old")
}

// old is an age of a breaker that is worth a look.
const old = time.Minute

// flow writes parts into lines, with a dot between them.
type flow struct {
	look  *screen.Look
	dot   string
	line  widget.Line
	lines []string
	any   bool
}

func (f *flow) put(s theme.Style, text string) {
	switch {
	case !f.any:
		f.line.Reset("")
	case f.line.Width()+widget.Width(f.dot)+widget.Width(text) > f.look.Width:
		f.end()
		f.line.Reset("")
	default:
		f.line.Put(f.look.Theme.Dim, f.dot)
	}
	f.any = true
	f.line.Cell(s, text, min(widget.Width(text), max(1, f.look.Width-f.line.Width())), f.look.Theme.Glyphs.More)
}

// end ends the line, if something is on it.
func (f *flow) end() {
	if f.any {
		f.lines = append(f.lines, f.line.Fit(f.look.Width))
	}
	f.any = false
}
