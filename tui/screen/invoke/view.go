package invoke

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// wide tells whether the panes stand side by side.
func wide(look *screen.Look) bool { return look.Width >= 100 && look.Height >= 12 }

// View implements screen.Screen.
func (p *page) View(look *screen.Look) []string {
	t := look.Theme
	switch {
	case look.Env.Method == nil:
		return screen.Message(look, widget.Fill(nil, look.Height, look.Width), t.Warn, "In a recording nobody can be called.", "")
	case p.err != nil:
		return trouble(look, widget.Fill(nil, look.Height, look.Width), p.err)
	case p.method == nil:
		return screen.Message(look, widget.Fill(nil, look.Height, look.Width), t.Dim, "Asking for the schema of "+p.name+" "+t.Glyphs.More, "")
	case p.choice != nil:
		return p.choice.view(look)
	}
	question := p.question(look)
	h := max(0, look.Height-len(question))
	var lines []string
	if wide(look) {
		lines = p.beside(look, look.Width, h)
	} else {
		lines = p.alone(look, look.Width, h)
	}
	return widget.Fill(append(lines, question...), look.Height, look.Width)
}

// question is what is asked, and what was wrong with the answer.
func (p *page) question(look *screen.Look) []string {
	if p.ask == nil || p.ask.row != 0 {
		return nil
	}
	t := look.Theme
	l := &widget.Line{}
	l.Pad(1)
	l.Put(t.Accent, p.ask.question+": ")
	p.ask.draw(l, t, max(1, look.Width-l.Width()))
	lines := []string{l.Fit(look.Width)}
	if p.ask.problem != "" {
		l.Reset("")
		l.Pad(1)
		l.Put(t.Bad, t.Glyphs.Bad+" "+p.ask.problem+"; esc leaves")
		lines = append(lines, l.Fit(look.Width))
	}
	return lines
}

// beside draws all panes: the form, beside it the JSON, below what comes back.
func (p *page) beside(look *screen.Look, w, h int) []string {
	below := p.share(h)
	left := (w - 1) / 2
	right := w - 1 - left
	top := h - below
	formLines := append([]string{p.title(look, formPane, left)}, p.pane(look, formPane, left, top-1)...)
	jsonLines := append([]string{p.title(look, jsonPane, right)}, p.pane(look, jsonPane, right, top-1)...)
	lines := make([]string, 0, h)
	l := &widget.Line{}
	for i := range top {
		l.Reset("")
		l.Grow(len(formLines[i]) + len(jsonLines[i]) + 32)
		l.Append(formLines[i], left)
		l.Put(look.Theme.Dim, look.Theme.Glyphs.Vertical)
		l.Append(jsonLines[i], right)
		lines = append(lines, l.Fit(w))
	}
	lines = append(lines, p.title(look, answerPane, w))
	return append(lines, p.pane(look, answerPane, w, below-1)...)
}

// share is how many lines are for what comes back: more once there is something, and
// what a short form leaves.
func (p *page) share(h int) int {
	least := max(4, h/3)
	if p.answer.state != notCalled {
		least = max(5, h/2)
	}
	need := 3 + max(len(p.fields.rows), len(p.raw.lines), 6)
	return min(h-5, max(least, h-need))
}

// alone draws the one pane that keys go to, under the names of all.
func (p *page) alone(look *screen.Look, w, h int) []string {
	if h <= 0 {
		return nil
	}
	if h < 4 {
		return slices.Clone(p.pane(look, p.at, w, h))
	}
	t := look.Theme
	l := &widget.Line{}
	for i := range panes {
		name := p.paneName(i)
		if i == p.at {
			l.Put(t.Accent, t.Glyphs.Selected)
			l.Put(t.Title, name)
		} else {
			l.Pad(l.Width() + 1)
			l.Put(t.Dim, name)
		}
		l.Pad(l.Width() + 1)
	}
	l.Put(t.Dim, p.full())
	return append([]string{l.Fit(w)}, p.pane(look, p.at, w, h-1)...)
}

func (p *page) pane(look *screen.Look, which pane, w, h int) []string {
	if h <= 0 {
		return nil
	}
	s := sight{w: w, h: h, theme: look.Theme, focused: p.at == which}
	switch which {
	case formPane:
		f := &p.fields
		s.version, s.at, s.text = f.version, f.at, f.filter
		if p.ask != nil && p.ask.row != 0 {
			s.ask, s.text, s.problem, s.left = p.ask, p.ask.Value(), p.ask.problem, p.ask.Position()
		}
		return p.seen[which].get(&s, func() []string { return f.view(look, w, h, s.focused, p.ask) })
	case jsonPane:
		if p.raw.area != nil {
			p.seen[which] = sheet{}
			return p.raw.view(look, w, h, &p.fields)
		}
		s.version, s.at, s.left = p.fields.change, p.raw.top, p.raw.left
		return p.seen[which].get(&s, func() []string { return p.raw.view(look, w, h, &p.fields) })
	default:
		s.version = p.answer.version
		if p.answer.state == running {
			s.clock = look.Clock
		}
		return p.seen[which].get(&s, func() []string { return p.answer.view(look, w, h) })
	}
}

// sight is all that what a pane looks like depends on.
type sight struct {
	w, h, version, at, left int
	theme                   *theme.Theme
	focused                 bool
	text, problem           string
	ask                     *ask
	clock                   time.Time
}

// sheet is a pane as it was drawn last.
type sheet struct {
	of    sight
	lines []string
}

// get draws a pane, unless it looks as before.
func (s *sheet) get(now *sight, draw func() []string) []string {
	if s.lines == nil || s.of != *now {
		s.lines, s.of = draw(), *now
	}
	return s.lines
}

func (p *page) paneName(which pane) string {
	switch which {
	case formPane:
		return "FORM"
	case jsonPane:
		if p.raw.area != nil {
			return "JSON (editing)"
		}
		return "JSON"
	default:
		if n := p.answer.count; n > 0 {
			return fmt.Sprintf("ANSWER %d", n)
		}
		return "ANSWER"
	}
}

// title writes the line above a pane.
func (p *page) title(look *screen.Look, which pane, w int) string {
	t := look.Theme
	l := &widget.Line{}
	style, mark := t.Head, t.Glyphs.Horizontal
	if which == p.at {
		style, mark = t.Title, t.Glyphs.Selected
	}
	l.Put(t.Accent, mark)
	l.Put(style, p.paneName(which)+" ")
	about := ""
	switch which {
	case formPane:
		about = string(p.method.Desc.Input().FullName())
	case answerPane:
		about = string(p.method.Desc.Output().FullName())
	case jsonPane, panes:
	}
	if about != "" {
		l.Cell(t.Dim, about, min(widget.Width(about), max(0, w-l.Width()-1)), t.Glyphs.More)
		l.Put("", " ")
	}
	rule(l, t, w)
	return l.Fit(w)
}

// rule draws a line to the end.
func rule(l *widget.Line, t *theme.Theme, w int) {
	if n := w - l.Width(); n > 0 {
		l.Put(t.Dim, strings.Repeat(t.Glyphs.Horizontal, n))
	}
}

// click puts the keys to a pane, and the cursor on a row.
func (p *page) click(c screen.Click, look *screen.Look) {
	if p.method == nil || p.Typing() {
		return
	}
	if p.choice != nil {
		p.choice.table.Click(c.Y - 1)
		return
	}
	at, y := p.at, c.Y-1
	if wide(look) {
		top := look.Height - p.share(look.Height)
		switch {
		case c.Y >= top:
			at = answerPane
		case c.X < (look.Width-1)/2:
			at = formPane
		default:
			at = jsonPane
		}
	}
	p.at = at
	if at == formPane && y >= 0 && y < p.fields.height {
		p.fields.move(p.fields.to + y)
	}
}
