package traces

import (
	"math"
	"time"

	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// scatter draws each trace as a dot: when it began, and how long it took. Durations
// lie decades apart, so theirs is a logarithmic scale.
type scatter struct {
	height int // lines, 0 for none

	of         *widget.Arranged[row] // what was drawn
	start, end time.Time
	low, high  float64 // logarithms of nanoseconds
	w, h       int     // of the field in cells
	fine       bool
	cells      []rune // 0 for none
	bad        []bool // there is one with errors
}

// Where there are fewer lines or columns, the list has all of them.
const (
	leastHeight = 20
	leastWidth  = 40
	axis        = 8 // cells for the durations at the left
)

// view draws the field, the selected trace marked in it.
func (c *scatter) view(look *screen.Look, start, end time.Time, a *widget.Arranged[row], selected *row) []string {
	c.height = 0
	if look.Height < leastHeight || look.Width < leastWidth {
		return make([]string, 0, look.Height)
	}
	c.height = min(10, max(6, look.Height/4))
	c.plot(a, start, end, look.Width-axis, c.height-1, look.Theme.Glyphs.Braille)
	at := -1
	if selected != nil {
		if x, y, ok := c.place(selected, c.w, c.h); ok {
			at = y*c.w + x
		}
	}
	lines := make([]string, 0, look.Height)
	for y := range c.h {
		lines = append(lines, c.line(look, y, at))
	}
	return append(lines, c.legend(look))
}

// plot sets the dots, where they are not those that are drawn already.
func (c *scatter) plot(a *widget.Arranged[row], start, end time.Time, w, h int, fine bool) {
	if c.of == a && c.w == w && c.h == h && c.fine == fine && c.start.Equal(start) && c.end.Equal(end) {
		return
	}
	c.of, c.start, c.end, c.w, c.h, c.fine = a, start, end, w, h, fine
	c.cells, c.bad = make([]rune, w*h), make([]bool, w*h)
	c.low, c.high = math.Inf(1), math.Inf(-1)
	for i := range a.Len() {
		c.low, c.high = min(c.low, height(a.At(i))), max(c.high, height(a.At(i)))
	}
	for i := range a.Len() {
		r := a.At(i)
		x, y, ok := c.place(r, w, h)
		if !ok {
			continue
		}
		c.bad[y*w+x] = c.bad[y*w+x] || r.Errors > 0
		if !fine {
			c.cells[y*w+x] = 'o'
			continue
		}
		x, y, _ = c.place(r, 2*w, 4*h)
		cell := &c.cells[y/4*w+x/2]
		*cell = max(*cell, braille) | dots[y%4][x%2]
	}
}

// height is how high up a trace lies. Those that took no time lie at the bottom.
func height(r *row) float64 { return math.Log(float64(max(r.Duration, time.Microsecond))) }

// Braille patterns begin at U+2800; the bits are the dots (Unicode, "Braille
// Patterns").
const braille = 0x2800

var dots = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// place returns where a trace is on a field of w×h; false where it is nowhere.
func (c *scatter) place(r *row, w, h int) (x, y int, ok bool) {
	whole, at := c.end.Sub(c.start), r.Start.Sub(c.start)
	if whole <= 0 || at < 0 || at > whole {
		return 0, 0, false
	}
	x = int(float64(w) * float64(at) / float64(whole))
	if c.high > c.low {
		y = int(float64(h) * (height(r) - c.low) / (c.high - c.low))
	}
	return min(x, w-1), h - 1 - min(y, h-1), true
}

func (c *scatter) line(look *screen.Look, y, at int) string {
	t := look.Theme
	l := &widget.Line{}
	l.Grow(4 * look.Width)
	edge := ""
	switch y {
	case 0:
		edge = duration(c.high)
	case c.h / 2:
		edge = duration((c.high + c.low) / 2)
	case c.h - 1:
		edge = duration(c.low)
	}
	l.Right(t.Dim, edge, axis-2, t.Glyphs.More)
	l.Put(t.Dim, " "+t.Glyphs.Vertical)
	var run []rune
	flush := func() {
		l.Put(t.Series[0], string(run))
		run = run[:0]
	}
	for i := y * c.w; i < (y+1)*c.w; i++ {
		switch {
		case i == at:
			flush()
			l.Put(t.Cursor, t.Glyphs.Mark)
		case c.bad[i]:
			flush()
			l.Put(t.Bad, t.Glyphs.Bad)
		case c.cells[i] == 0:
			run = append(run, ' ')
		default:
			run = append(run, c.cells[i])
		}
	}
	flush()
	return l.Fit(look.Width)
}

func duration(logarithm float64) string { return widget.Duration(time.Duration(math.Exp(logarithm))) }

// legend says the times, and what the signs mean.
func (c *scatter) legend(look *screen.Look) string {
	t := look.Theme
	l := &widget.Line{}
	layout := "15:04:05"
	if look.Window > 20*time.Hour {
		layout = "01-02 15:04"
	}
	l.Pad(axis)
	l.Put(t.Dim, c.start.In(look.Now.Location()).Format(layout))
	words := []struct {
		s           theme.Style
		glyph, text string
	}{{t.Series[0], dot(t), " a trace   "}, {t.Bad, t.Glyphs.Bad, " with errors   "}, {t.Cursor, t.Glyphs.Mark, " selected"}}
	end := c.end.In(look.Now.Location()).Format(layout)
	if room := look.Width - l.Width() - len(end); room > 44 {
		l.Pad(l.Width() + (room-36)/2)
		for _, w := range words {
			l.Put(w.s, w.glyph)
			l.Put(t.Dim, w.text)
		}
	}
	l.Pad(look.Width - len(end))
	l.Put(t.Dim, end)
	return l.Fit(look.Width)
}

func dot(t *theme.Theme) string {
	if t.Glyphs.Braille {
		return "⠂"
	}
	return "o"
}
