package breakers

import (
	"fmt"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// grid draws a matrix, as much of it as is seen, and has a cursor in it.
type grid struct {
	matrix *matrix
	words  words

	row, column int
	on          pair // the cell under the cursor, to follow it
	moved       bool // by the user: keep to the cell, not to the place
	top, left   int  // the first ones that are seen
	height      int  // rows that are seen
	shown       int  // columns that are seen
	names       int  // cells of the names of the callers

	drawn map[int]string // rows without the cursor, as they were drawn
	as    drawnAs
	line  widget.Line
	one   widget.Line
}

// drawnAs is what drawn rows depend on.
type drawnAs struct {
	width, left int
	theme       *theme.Theme
	second      int64 // where something ticks
	matrix      *matrix
}

// set shows a matrix. The cursor stays on its cell, if the user has put it there.
func (g *grid) set(m *matrix) {
	g.matrix = m
	if g.moved {
		for i, name := range m.callers {
			if name == g.on.caller {
				g.top = max(0, g.top+i-g.row) // nobody may draw, and scroll, before it is used
				g.row = i
			}
		}
		for i, name := range m.callees {
			if name == g.on.callee {
				g.left = max(0, g.left+i-g.column)
				g.column = i
			}
		}
	}
	g.move(g.row, g.column)
}

func (g *grid) move(row, column int) {
	g.row = max(0, min(row, len(g.matrix.callers)-1))
	g.column = max(0, min(column, len(g.matrix.callees)-1))
	g.on, _ = g.matrix.at(g.row, g.column)
}

// selected is the cell under the cursor.
func (g *grid) selected() (pair, *cell) {
	if g.matrix == nil {
		return pair{}, nil
	}
	return g.matrix.at(g.row, g.column)
}

// do moves the cursor and tells whether the action was that.
func (g *grid) do(a key.Action) bool {
	row, column := g.row, g.column
	page := max(1, g.height)
	switch a {
	case key.Up:
		row--
	case key.Down:
		row++
	case key.Left:
		column--
	case key.Right:
		column++
	case key.Top:
		row = 0
	case key.Bottom:
		row = len(g.matrix.callers) - 1
	case key.HalfUp:
		row -= (page + 1) / 2
	case key.HalfDown:
		row += (page + 1) / 2
	case key.PageUp:
		row -= page
	case key.PageDown:
		row += page
	default:
		return false
	}
	g.moved = true
	g.move(row, column)
	return true
}

// click puts the cursor on a cell as it is drawn.
func (g *grid) click(x, y int) bool {
	row := g.top + y - 1
	if y < 1 || y > g.height || row >= len(g.matrix.callers) {
		return false
	}
	column, at := g.column, g.names+1
	for i := g.left; i < min(g.left+g.shown, len(g.matrix.widths)); i++ {
		at += g.matrix.widths[i] + 1
		if x < at {
			column = i
			break
		}
	}
	g.moved = true
	g.move(row, column)
	return true
}

const corner = `caller \ callee`

// scroll brings the cursor onto a screen of w by h cells.
func (g *grid) scroll(w, h int) {
	m := g.matrix
	g.names = 0
	for _, name := range m.callers {
		g.names = max(g.names, widget.Width(name))
	}
	g.names = min(max(g.names, len(corner)), max(6, w/3), w)
	g.height = max(0, h-1)
	g.top = max(0, min(g.top, len(m.callers)-g.height, g.row), g.row-g.height+1)
	room := func(left int) (n int) {
		at := g.names + 1
		for i := left; i < len(m.widths); i++ {
			at += m.widths[i] + 1
			if at > w+1 {
				break
			}
			n++
		}
		return max(1, n)
	}
	g.left = max(0, min(g.left, g.column))
	for g.left+room(g.left) <= g.column {
		g.left++
	}
	for g.left > 0 && g.left-1+room(g.left-1) >= len(m.widths) { // no empty place at the right
		g.left--
	}
	g.shown = room(g.left)
}

// view draws the header and the rows: h lines of w cells.
func (g *grid) view(look *screen.Look, w, h int, focused bool) []string {
	if g.matrix == nil || h <= 0 || w <= 0 {
		return widget.Fill(nil, h, w)
	}
	g.scroll(w, h)
	as := drawnAs{width: w, left: g.left, theme: look.Theme, matrix: g.matrix}
	if g.matrix.ticks {
		as.second = look.Now.Unix()
	}
	if g.as != as || g.drawn == nil {
		g.as = as
		if g.drawn == nil {
			g.drawn = map[int]string{}
		}
		clear(g.drawn)
	}
	lines := make([]string, 0, h)
	lines = append(lines, g.header(look, w))
	for i := g.top; i < len(g.matrix.callers) && len(lines) < h; i++ {
		if i == g.row {
			lines = append(lines, g.draw(look, i, w, focused))
			continue
		}
		text, ok := g.drawn[i]
		if !ok {
			text = g.draw(look, i, w, false)
			g.drawn[i] = text
		}
		lines = append(lines, text)
	}
	return widget.Fill(lines, h, w)
}

func (g *grid) header(look *screen.Look, w int) string {
	t, l, m := look.Theme, &g.line, g.matrix
	l.Reset("")
	l.Cell(t.Head, corner, g.names, t.Glyphs.More)
	end := g.left + g.shown
	for i := g.left; i < end && i < len(m.callees); i++ {
		l.Pad(l.Width() + 1)
		style := t.Head
		if i == g.column {
			style = t.Title
		}
		l.Cell(style, title(m.callees[i]), m.widths[i], t.Glyphs.More)
	}
	return l.Fit(w)
}

// seen says which part of the matrix is seen, empty where it is all of it.
func (g *grid) seen() string {
	m := g.matrix
	if g.height >= len(m.callers) && g.shown >= len(m.callees) {
		return ""
	}
	return fmt.Sprintf("row %d/%d column %d/%d", g.row+1, len(m.callers), g.column+1, len(m.callees))
}

// draw draws a row; on the one of the cursor its cell is marked.
func (g *grid) draw(look *screen.Look, row, w int, focused bool) string {
	t, l, m := look.Theme, &g.line, g.matrix
	l.Reset("")
	l.Grow(8 * w)
	name := t.Text
	if row == g.row {
		name = t.Title
	}
	l.Cell(name, m.callers[row], g.names, t.Glyphs.More)
	for i := g.left; i < g.left+g.shown && i < len(m.callees); i++ {
		width := min(m.widths[i], max(1, w-l.Width()-1))
		if row != g.row || i != g.column {
			l.Pad(l.Width() + 1)
			g.cell(look, l, row, i, width)
			continue
		}
		base := t.Strong
		if focused {
			base = t.Selected
		}
		g.one.Reset(base)
		g.one.Put(t.Accent, t.Glyphs.Selected)
		g.cell(look, &g.one, row, i, width)
		l.Append(g.one.String(), g.one.Width())
	}
	return l.Fit(w)
}

// cell writes a cell: the glyph and the word for the worst that is there.
func (g *grid) cell(look *screen.Look, l *widget.Line, row, column, w int) {
	t := look.Theme
	_, c := g.matrix.at(row, column)
	if c == nil {
		l.Cell(t.Dim, t.Glyphs.None, w, t.Glyphs.More)
		return
	}
	style, glyph := screen.Sign(t, c.rank.verdict())
	if w < 3 {
		l.Cell(style, glyph, w, "")
		return
	}
	l.Put(style, glyph)
	l.Pad(l.Width() + 1)
	l.Cell(style, g.words.of(say(c.worst, c.rank, c.n, len(c.rows), look.Now)), w-2, t.Glyphs.More)
}
