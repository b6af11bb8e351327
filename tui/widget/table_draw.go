package widget

import (
	"github.com/gctl-dev/gctl/tui/theme"
)

// View draws the header and as many rows as fit: h lines of w cells. focused tells
// whether keys go to this table.
func (t *Table[R]) View(w, h int, th *theme.Theme, focused bool) []string {
	lines := make([]string, 0, h)
	if h <= 0 || w <= 0 {
		return lines
	}
	t.lay(w, th)
	lines = append(lines, t.header(w, th))
	t.height = max(0, h-1)
	t.scroll()
	for i := t.top; i < t.Len() && len(lines) < h; i++ {
		if focused && i == t.cursor {
			lines = append(lines, t.row(i, w, th, th.Selected))
			continue
		}
		at := t.arranged.shown[i]
		drawn, ok := t.drawn[at]
		if !ok {
			drawn = t.row(i, w, th, "")
			t.drawn[at] = drawn
		}
		lines = append(lines, drawn)
	}
	return Fill(lines, h, w)
}

// scroll brings the cursor onto the screen.
func (t *Table[R]) scroll() {
	t.top = min(t.top, max(0, t.Len()-t.height))
	t.top = max(0, min(t.top, t.cursor), t.cursor-t.height+1)
}

// lay decides how wide the columns are, where the width is not the last one.
func (t *Table[R]) lay(w int, th *theme.Theme) {
	if t.look == (look{w, th}) && t.drawn != nil {
		return
	}
	t.look = look{w, th}
	if t.drawn == nil {
		t.drawn = map[int32]string{}
	}
	clear(t.drawn)
	t.widths = Lay(w-marker, t.sizes())
}

// marker is the cells in front of a row, for the cursor and the mark.
const marker = 1

func (t *Table[R]) sizes() []Size {
	sizes := make([]Size, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		sizes[i] = Size{Min: c.Min, Max: c.Max, Grow: c.Grow, Drop: c.Drop}
	}
	return sizes
}

func (t *Table[R]) header(w int, th *theme.Theme) string {
	l := &t.line
	l.Reset("")
	l.Pad(marker)
	for i := range t.Columns {
		if t.widths[i] == 0 {
			continue
		}
		c := &t.Columns[i]
		title := c.Title
		if t.arranged != nil && t.arranged.Spec.Sort == i && c.Compare != nil {
			order := th.Glyphs.Down
			if t.arranged.Spec.Reverse {
				order = th.Glyphs.Up
			}
			title += order
		}
		if c.Right {
			l.Right(th.Head, title, t.widths[i], th.Glyphs.More)
		} else {
			l.Cell(th.Head, title, t.widths[i], th.Glyphs.More)
		}
		l.Pad(min(l.width+gap, w))
	}
	return l.Fit(w)
}

// gap is the cells between columns.
const gap = 1

func (t *Table[R]) row(i, w int, th *theme.Theme, base theme.Style) string {
	r := t.arranged.At(i)
	l := &t.line
	l.Reset(base)
	l.Grow(4 * w)
	switch {
	case t.marks[t.arranged.id(r)]:
		l.raw(th.Marked, th.Glyphs.Mark, 1)
	case base != "":
		l.raw(th.Accent, th.Glyphs.Selected, 1)
	default:
		l.Pad(1)
	}
	for c := range t.Columns {
		width := t.widths[c]
		if width == 0 {
			continue
		}
		end := l.width + width
		t.Columns[c].Draw(l, th, r, width)
		l.Pad(min(end+gap, w)) // what is too wide is dear to cut
	}
	return l.Fit(w)
}

// Size is how wide a column or a pane may be, as in Column.
type Size struct{ Min, Max, Grow, Drop int }

// Lay divides w cells among columns with a gap of one cell between them; those that
// do not fit are 0 wide.
func Lay(w int, sizes []Size) []int {
	widths := make([]int, len(sizes))
	left := w + gap
	for i, s := range sizes {
		widths[i] = s.Min
		left -= s.Min + gap
	}
	for left < 0 {
		drop := -1
		for i, s := range sizes {
			if widths[i] > 0 && s.Drop > 0 && (drop < 0 || s.Drop >= sizes[drop].Drop) {
				drop = i
			}
		}
		if drop < 0 {
			break
		}
		left += widths[drop] + gap
		widths[drop] = 0
	}
	for i := range widths { // nothing may be dropped any more: the first columns have the place
		if left < 0 && widths[len(widths)-1-i] > 1 {
			n := min(-left, widths[len(widths)-1-i]-1)
			widths[len(widths)-1-i] -= n
			left += n
		}
	}
	grow(widths, sizes, left)
	return widths
}

// grow gives the cells that are left to the columns that want them.
func grow(widths []int, sizes []Size, left int) {
	for left > 0 {
		shares := 0
		for i, s := range sizes {
			if widths[i] > 0 && (s.Max == 0 || widths[i] < s.Max) {
				shares += s.Grow
			}
		}
		if shares == 0 {
			return
		}
		given := 0
		for i, s := range sizes {
			if widths[i] == 0 || s.Grow == 0 || s.Max != 0 && widths[i] >= s.Max {
				continue
			}
			n := max(1, left*s.Grow/shares)
			if s.Max != 0 {
				n = min(n, s.Max-widths[i])
			}
			n = min(n, left-given)
			widths[i] += n
			given += n
		}
		if given == 0 {
			return
		}
		left -= given
	}
}

// SortTitle is by which column rows are sorted, and how.
func (t *Table[R]) SortTitle(th *theme.Theme) string {
	if t.arranged == nil || t.arranged.Spec.Sort >= len(t.Columns) {
		return ""
	}
	order := th.Glyphs.Down
	if t.arranged.Spec.Reverse {
		order = th.Glyphs.Up
	}
	return t.Columns[t.arranged.Spec.Sort].name() + " " + order
}
