package widget

import (
	"math"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/theme"
)

// Chart is a curve as it is drawn into cells. It never changes: it is made beside
// the loop that draws, and the time cursor is laid over it when it is shown.
type Chart struct {
	Start, End time.Time
	High       float64 // the value at the upper edge; the lower edge is 0
	W, H       int

	cells []rune // row by row
}

// Braille patterns begin at U+2800; the bits are the dots (Unicode, "Braille
// Patterns"): 1 2 3 7 from the top in the left column, 4 5 6 8 in the right one.
const braille = 0x2800

var dots = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// Draw draws points from start to end into w×h cells. Points that are not known
// leave a gap: no line is drawn over what nobody has seen.
func Draw(points []fleet.Point, start, end time.Time, w, h int, fine bool) *Chart {
	c := &Chart{Start: start, End: end, W: w, H: h, High: highest(points)}
	if w <= 0 || h <= 0 || !end.After(start) {
		c.W, c.H = 0, 0
		return c
	}
	c.cells = make([]rune, w*h)
	if fine {
		c.braille(points)
	} else {
		c.stars(points)
	}
	return c
}

// highest is the upper edge for points: the highest, rounded up to two digits.
func highest(points []fleet.Point) float64 {
	high := 0.0
	for _, p := range points {
		if !math.IsInf(p.Value, 0) && p.Value > high {
			high = p.Value
		}
	}
	if high == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(high))-1)
	if unit == 0 || math.IsInf(unit, 0) {
		return high
	}
	return math.Ceil(high/unit-1e-9) * unit
}

// place returns where a point is on a grid of w×h dots; false where it is nowhere.
func (c *Chart) place(p fleet.Point, w, h int) (x, y int, ok bool) {
	at := p.At.Sub(c.Start)
	if math.IsNaN(p.Value) || at < 0 || p.At.After(c.End) {
		return 0, 0, false
	}
	x = int(float64(w-1)*float64(at)/float64(c.End.Sub(c.Start)) + .5)
	share := 0.0
	switch {
	case math.IsInf(p.Value, 1):
		share = 1
	case c.High > 0:
		share = max(0, min(1, p.Value/c.High))
	}
	return x, h - 1 - int(share*float64(h-1)+.5), true
}

func (c *Chart) braille(points []fleet.Point) {
	w, h := c.W*2, c.H*4
	set := func(x, y int) {
		cell := &c.cells[y/4*c.W+x/2]
		if *cell == 0 {
			*cell = braille
		}
		*cell |= dots[y%4][x%2]
	}
	lastX, lastY, joined := 0, 0, false
	for _, p := range points {
		x, y, ok := c.place(p, w, h)
		if ok && joined {
			segment(lastX, lastY, x, y, set)
		} else if ok {
			set(x, y)
		}
		lastX, lastY, joined = x, y, ok
	}
}

func (c *Chart) stars(points []fleet.Point) {
	lastX, lastY, joined := 0, 0, false
	for _, p := range points {
		x, y, ok := c.place(p, c.W, c.H)
		if ok {
			c.cells[y*c.W+x] = '*'
		}
		for between := lastX + 1; ok && joined && between < x; between++ {
			c.cells[(lastY+(y-lastY)*(between-lastX)/(x-lastX))*c.W+between] = '*'
		}
		lastX, lastY, joined = x, y, ok
	}
}

// segment sets the dots of a line: one for each column, and those between them.
func segment(x0, y0, x1, y1 int, set func(x, y int)) {
	for x := x0; x <= x1; x++ {
		from, to := y0, y1
		if x1 > x0 {
			from = y0 + (y1-y0)*(x-x0)/(x1-x0)
			to = y0 + (y1-y0)*min(x+1-x0, x1-x0)/(x1-x0)
		}
		if x1 > x0 && x == x1 {
			from, to = y1, y1
		}
		for y := min(from, to); y <= max(from, to); y++ {
			set(x, y)
		}
	}
}

// Column returns in which column a time is, -1 if in none.
func (c *Chart) Column(at time.Time) int {
	if at.IsZero() || c.W == 0 || at.Before(c.Start) || at.After(c.End) {
		return -1
	}
	return int(float64(c.W-1)*float64(at.Sub(c.Start))/float64(c.End.Sub(c.Start)) + .5)
}

// Row writes a row of the chart, the cursor over it.
func (c *Chart) Row(l *Line, y int, curve, cursor theme.Style, g *theme.Glyphs, at time.Time) {
	if y >= c.H {
		return
	}
	column := c.Column(at)
	row := c.cells[y*c.W : (y+1)*c.W]
	put := func(s theme.Style, from, to int) {
		if to <= from {
			return
		}
		text := make([]rune, to-from)
		for i, r := range row[from:to] {
			if text[i] = r; r == 0 {
				text[i] = ' '
			}
		}
		l.raw(s, string(text), len(text))
	}
	if column < 0 {
		put(curve, 0, c.W)
		return
	}
	put(curve, 0, column)
	l.raw(cursor, g.Cursor, 1)
	put(curve, column+1, c.W)
}
