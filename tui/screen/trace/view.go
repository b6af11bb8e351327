package trace

import (
	"fmt"
	"strings"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Where panes stand: beside each other where it is wide, one below the other where
// it is high, else one at a time.
const (
	besideWidth = 150
	belowHeight = 14
)

// View implements screen.Screen.
func (s *Screen) View(look *screen.Look) []string {
	w, h := look.Width, look.Height
	if s.trace == nil || len(s.trace.Rows) == 0 {
		return s.empty(look, widget.Fill(nil, h, w))
	}
	lines := s.head(look)
	s.above = len(lines)
	s.detail.x, s.detail.y = 0, 0
	rest := h - len(lines)
	switch {
	case w >= besideWidth && rest > 3:
		return append(lines, s.beside(look, rest)...)
	case rest >= belowHeight:
		pane := max(5, rest/3, rest-s.table.Len()-1) // what a small tree leaves
		s.detail.y = s.above + rest - pane
		lines = append(lines, s.tree(look, w, rest-pane)...)
		lines = append(lines, s.rule(look, w))
		return append(lines, s.detail.view(s, look, w, pane-1)...)
	case s.inside && rest > 1:
		s.detail.y = max(1, s.above)
		lines = append(lines, s.rule(look, w))
		return append(lines, s.detail.view(s, look, w, rest-1)...)
	default:
		return append(lines, s.tree(look, w, rest)...)
	}
}

func (s *Screen) beside(look *screen.Look, h int) []string {
	t, right := look.Theme, look.Width*3/10
	left := look.Width - right - 2
	s.detail.x = left + 1
	tree, pane := s.tree(look, left, h), append([]string{s.rule(look, right)}, s.detail.view(s, look, right, h-1)...)
	l := &widget.Line{}
	for i := range tree {
		l.Reset("")
		l.Grow(len(tree[i]) + len(pane[i]) + 32)
		l.Append(tree[i], left)
		l.Put(t.Dim, " "+t.Glyphs.Vertical)
		l.Append(pane[i], right)
		tree[i] = l.Fit(look.Width)
	}
	return tree
}

// tree draws the spans, or why there are none.
func (s *Screen) tree(look *screen.Look, w, h int) []string {
	lines := s.table.View(w, h, look.Theme, !s.inside)
	if s.table.Len() == 0 && s.matches != nil {
		narrow := *look
		narrow.Width = w
		return screen.Message(&narrow, lines, look.Theme.Warn, fmt.Sprintf("0 of %d spans match %q.", len(s.trace.Rows), s.filter.Text), screen.Unfilter(look))
	}
	return lines
}

// rule is the line above the pane of the span.
func (s *Screen) rule(look *screen.Look, w int) string {
	t := look.Theme
	l := &widget.Line{}
	style, text := t.Dim, " span: tab scrolls it "
	if s.inside {
		style, text = t.Accent, " span: tab goes back to the tree "
	}
	l.Put(style, t.Glyphs.Horizontal+text)
	if below := len(s.detail.lines) - s.detail.top - s.detail.h; below > 0 && s.detail.h > 0 {
		l.Put(style, fmt.Sprintf("(%d lines more) ", below))
	}
	l.Put(style, strings.Repeat(t.Glyphs.Horizontal, max(0, w-l.Width())))
	return l.Fit(w)
}

// heading is the lines over the tree, and what they were drawn for.
type heading struct {
	of    *loaded
	theme *theme.Theme
	w, h  int
	lines []string
}

// head says what the whole is: how long, how much, whose, what is wrong.
func (s *Screen) head(look *screen.Look) []string {
	if look.Height < 5 {
		return nil
	}
	if is := &s.heading; is.of != s.trace || is.theme != look.Theme || is.w != look.Width || is.h != look.Height {
		*is = heading{s.trace, look.Theme, look.Width, look.Height, s.drawHead(look)}
	}
	return append(make([]string, 0, look.Height), s.heading.lines...)
}

func (s *Screen) drawHead(look *screen.Look) []string {
	t, tr := look.Theme, s.trace
	l := &widget.Line{}
	l.Grow(4 * look.Width)
	l.Pad(1)
	l.Put(t.Title, widget.Duration(tr.Duration))
	l.Put(t.Dim, "  "+plural(len(tr.Rows), "span")+"  ")
	switch {
	case tr.Errors > 0:
		l.Put(t.Bad, t.Glyphs.Bad+" "+plural(tr.Errors, "error")+"  ")
	case tr.Truncated > 0: // those may have some
		l.Put(t.Unknown, t.Glyphs.Unknown+" no errors in these  ")
	default:
		l.Put(t.Good, t.Glyphs.Good+" no errors  ")
	}
	l.Put(t.Series[1], t.Glyphs.BarCritical)
	if look.Width >= 80 {
		l.Put(t.Dim, " critical path: ")
	} else {
		l.Put(t.Dim, " ")
	}
	for i := range tr.Shares {
		sh := &tr.Shares[i]
		text := fmt.Sprintf("%s %.0f%%  ", sh.Service, sh.Ratio*100)
		if i > 0 && l.Width()+widget.Width(text)+8 > look.Width {
			l.Put(t.Dim, fmt.Sprintf("+%d more", len(tr.Shares)-i))
			break
		}
		style := t.Text
		if sh.Errors > 0 {
			style = t.Bad
		}
		l.Put(style, text)
	}
	lines := []string{l.Fit(look.Width)}
	if odd := s.odd(); len(odd) > 0 && look.Height >= 8 {
		l.Reset("")
		l.Pad(1)
		for i, text := range odd {
			if i > 0 {
				l.Put(t.Dim, ", ")
			} else {
				l.Put(t.Warn, t.Glyphs.Warn+" spans: ")
			}
			l.Put(t.Warn, text)
		}
		lines = append(lines, l.Fit(look.Width))
	}
	return lines
}

// odd says what of the trace cannot be relied upon.
func (s *Screen) odd() []string {
	var list []string
	for _, o := range []struct {
		n    int
		what string
	}{
		{s.trace.Truncated, "left out"},
		{s.trace.Missing, "without parent"},
		{s.trace.Skewed, "with clock skew"},
		{s.trace.Cycles, "in a cycle"},
		{s.trace.Duplicates, "twice"},
	} {
		if o.n > 0 {
			list = append(list, fmt.Sprintf("%d %s", o.n, o.what))
		}
	}
	return list
}

// empty says why there is nothing, and what to do.
func (s *Screen) empty(look *screen.Look, lines []string) []string {
	t := look.Theme
	switch {
	case s.trace != nil && s.trace.Truncated > 0:
		return screen.Message(look, lines, t.Warn, fmt.Sprintf("Of trace %s nothing can be shown: %s left out.", s.id(), plural(s.trace.Truncated, "span")), screen.Does(look, key.JSON, "shows what there is as JSON"))
	case s.trace != nil:
		return screen.Message(look, lines, t.Warn, "Trace "+s.id()+" has no spans.", strings.TrimSuffix("Spans arrive seconds after the call: "+screen.Does(look, key.Refresh, "asks again"), ": "))
	case s.failed != nil && !s.jobs.Busy(loading):
		return screen.Message(look, lines, t.Bad, t.Glyphs.Bad+" No trace: "+screen.Sentence(s.failed), screen.HintOf(s.failed))
	default:
		return screen.Message(look, lines, t.Dim, "Asking for trace "+s.subject+" "+t.Glyphs.More, "")
	}
}
