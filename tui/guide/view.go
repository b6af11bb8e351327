package guide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Height is how many lines the strip takes of a terminal of that many lines. What
// is looked at comes first.
func Height(terminal int) int {
	switch {
	case terminal >= 24:
		return 2
	case terminal >= 10:
		return 1
	default:
		return 0
	}
}

// View draws the strip, Height lines of it, each w cells wide.
func (g *Guide) View(w, h int, t *theme.Theme, keys *key.Map) []string {
	p := &painter{t: t, keys: keys}
	about, do := g.text()
	badge := " GUIDE "
	if !g.Over() {
		badge = fmt.Sprintf(" GUIDE %d/%d ", g.at+1, len(g.steps))
	}
	switch {
	case h <= 0:
		return nil
	case h == 1:
		p.l.Put(t.Badge, badge)
		p.l.Pad(p.l.Width() + 1)
		p.put(t.Text, do)
		p.ways(g, w)
		return []string{p.l.Fit(w)}
	}
	p.l.Put(t.Badge, badge)
	p.l.Pad(p.l.Width() + 1)
	indent := p.l.Width()
	p.put(t.Text, about)
	lines := []string{p.l.Fit(w)}
	p.l.Reset("")
	p.l.Pad(indent)
	p.put(t.Text, do)
	p.ways(g, w)
	return append(lines, p.l.Fit(w))
}

// text is what is said now.
func (g *Guide) text() (about, do string) {
	if g.Over() {
		return overAbout, overDo
	}
	s := &g.steps[g.at]
	about, do = s.about, s.do
	if g.story != "" && g.at == 0 {
		about = "Services, worst first: " + g.story + "."
	}
	if g.last.Typing || len(s.where) > 0 && !slices.Contains(s.where, g.last.Screen) {
		do = "{back}, then " + do
	}
	return about, do
}

// painter writes texts with the keys of actions in them.
type painter struct {
	l    widget.Line
	t    *theme.Theme
	keys *key.Map
}

// put writes a text in which {action} is the key of an action.
func (p *painter) put(s theme.Style, text string) {
	for text != "" {
		before, rest, found := strings.Cut(text, "{")
		p.l.Put(s, before)
		if !found {
			return
		}
		var name string
		name, text, _ = strings.Cut(rest, "}")
		p.l.Put(p.t.Accent, p.keys.Key(key.Action(name)))
	}
}

// ways writes at the right by which keys the guide goes on and ends, as much of it
// as there is room for. Where keys are text they are none.
func (p *painter) ways(g *Guide, w int) {
	next, end := p.keys.Key(key.GuideNext), p.keys.Key(key.GuideClose)
	var list [][2]string
	if next != "" && !g.Over() {
		list = append(list, [2]string{next, " skip "})
	}
	if end != "" && !g.Over() {
		list = append(list, [2]string{end, " close "})
	}
	if g.last.Typing {
		return
	}
	for ; len(list) > 0; list = list[1:] {
		right := &widget.Line{}
		for _, way := range list {
			right.Put(p.t.Accent, way[0])
			right.Put(p.t.Dim, way[1])
		}
		if room := w - p.l.Width() - 2; right.Width() <= room {
			p.l.Pad(w - right.Width())
			p.l.Append(right.String(), right.Width())
			return
		}
	}
}
