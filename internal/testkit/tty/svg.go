package tty

import (
	"fmt"
	"image/color"
	"io"
	"strings"
	"text/template"

	"github.com/charmbracelet/x/ansi"
)

// The measures of a picture in pixels. A cell is as wide as DejaVu Sans Mono and
// its kin are at this size, nearly: no part of it that is drawn needs rounding.
const (
	fontSize   = 14
	cellWidth  = 8.4
	cellHeight = 18
	baseline   = 13.5 // from the top of a cell
	padding    = 12
	titleBar   = 30
)

// SVG writes a picture of the screen, in a window with its title, in the colours
// of its theme. The same screen always yields the same bytes. Blocks, braille and
// line drawing are drawn as shapes, so that charts do not depend on a font.
func (s *Screen) SVG(w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &painter{screen: s, width: s.vt.Width(), height: s.vt.Height(), fg: s.vt.ForegroundColor(), bg: s.vt.BackgroundColor()}
	p.frame()
	p.printf("<g shape-rendering=\"crispEdges\">\n")
	for y := range p.height {
		p.backgrounds(y)
	}
	p.printf("</g>\n")
	for y := range p.height {
		p.texts(y)
	}
	p.cursor()
	p.printf("</g>\n</svg>\n")
	_, err := io.WriteString(w, p.out.String())
	return err
}

// PictureSize returns the size in pixels of a screen's SVG.
func (s *Screen) PictureSize() (width, height int) {
	columns, rows := s.Size()
	return pictureSize(columns, rows)
}

func pictureSize(columns, rows int) (width, height int) {
	return int(float64(columns)*cellWidth+0.5) + 2*padding, rows*cellHeight + titleBar + padding
}

type painter struct {
	screen        *Screen
	width, height int
	fg, bg        color.Color
	out           strings.Builder
	shapes        strings.Builder // the path of shapes that are not written yet
	paint         string          // the attributes of that path
}

func (p *painter) printf(format string, args ...any) { fmt.Fprintf(&p.out, format, args...) }

// frame opens the picture with its window.
func (p *painter) frame() {
	width, height := pictureSize(p.width, p.height)
	p.printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", width, height, width, height)
	p.printf("<style>text{font:%dpx \"DejaVu Sans Mono\",\"SF Mono\",Menlo,Consolas,\"Liberation Mono\",monospace;white-space:pre}"+
		".b{font-weight:bold}.i{font-style:italic}</style>\n", fontSize)
	p.printf("<rect x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%d\" rx=\"8\" fill=\"%s\" stroke=\"#808080\" stroke-opacity=\"0.5\"/>\n", width-1, height-1, hex(p.bg))
	for i, c := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		p.printf("<circle cx=\"%d\" cy=\"%d\" r=\"5.5\" fill=\"%s\"/>\n", 18+i*18, titleBar/2, c)
	}
	if title := p.screen.title; title != "" {
		p.printf("<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" fill=\"%s\" fill-opacity=\"0.6\">%s</text>\n",
			width/2, titleBar/2+5, hex(p.fg), escape(title))
	}
	p.printf("<g transform=\"translate(%d %d)\">\n", padding, titleBar)
}

// look is what a cell looks like: its colours resolved, reverse video done.
type look struct {
	fg, bg  string // bg is empty where the window shows
	faint   bool
	class   string
	lines   string // the text decoration
	nothing bool   // no text is seen
}

func (p *painter) look(c Cell) look {
	fg, bg := c.Foreground, c.Background
	if fg == nil {
		fg = p.fg
	}
	if c.Reverse {
		if bg == nil {
			bg = p.bg
		}
		fg, bg = bg, fg
	}
	l := look{fg: hex(p.screen.theme.resolve(fg)), faint: c.Faint, nothing: c.Conceal}
	if bg != nil {
		l.bg = hex(p.screen.theme.resolve(bg))
	}
	if c.Bold {
		l.class = "b"
	}
	if c.Italic {
		l.class = strings.TrimSpace(l.class + " i")
	}
	if c.Underline != ansi.UnderlineNone {
		l.lines = "underline" + map[ansi.Underline]string{ansi.UnderlineDouble: " double", ansi.UnderlineCurly: " wavy",
			ansi.UnderlineDotted: " dotted", ansi.UnderlineDashed: " dashed"}[c.Underline]
	}
	if c.Strike {
		l.lines = strings.TrimSpace(l.lines + " line-through")
	}
	return l
}

// backgrounds paints what is not the window's own colour, a rectangle for each
// run of a colour.
func (p *painter) backgrounds(y int) {
	start, colour := 0, ""
	flush := func(x int) {
		if colour != "" {
			p.printf("<rect x=\"%s\" y=\"%d\" width=\"%s\" height=\"%d\" fill=\"%s\"/>\n", at(start), y*cellHeight, at(x-start), cellHeight, colour)
		}
		start = x
	}
	for x := range p.width {
		c := p.screen.cell(x, y)
		if c.Width == 0 {
			continue
		}
		if bg := p.look(c).bg; bg != colour {
			flush(x)
			colour = bg
		}
	}
	flush(p.width)
}

// texts writes runs of ASCII of one look, and all else a cell at a time, so that
// the columns hold whatever font a character comes from.
func (p *painter) texts(y int) {
	var run strings.Builder
	start := 0
	var style look
	flush := func() {
		p.text(start, y, style, run.String(), run.Len())
		run.Reset()
	}
	for x := range p.width {
		c := p.screen.cell(x, y)
		if c.Width == 0 {
			continue
		}
		l := p.look(c)
		l.bg = "" // painted already
		ascii := len(c.Text) == 1
		if run.Len() > 0 && (l != style || !ascii) {
			flush()
		}
		switch {
		case ascii:
			if run.Len() == 0 {
				start, style = x, l
			}
			run.WriteString(c.Text)
		case l.nothing:
		case p.shape(x, y, []rune(c.Text), l):
		default:
			p.text(x, y, l, c.Text, c.Width)
		}
	}
	flush()
	p.fill("", "")
}

// fill adds to the path of the shapes. What is painted alike is one path.
func (p *painter) fill(path, paint string) {
	if paint != p.paint && p.shapes.Len() > 0 {
		p.printf("<path d=\"%s\" %s/>\n", p.shapes.String(), p.paint)
		p.shapes.Reset()
	}
	p.paint = paint
	p.shapes.WriteString(path)
}

func (p *painter) text(x, y int, l look, text string, cells int) {
	if l.lines == "" { // blanks are not seen
		kept := strings.TrimLeft(text, " ")
		x, cells = x+len(text)-len(kept), cells-(len(text)-len(kept))
		text = strings.TrimRight(kept, " ")
		cells -= len(kept) - len(text)
	}
	if text == "" || l.nothing {
		return
	}
	p.printf("<text x=\"%s\" y=\"%s\" textLength=\"%s\" lengthAdjust=\"spacingAndGlyphs\" fill=\"%s\"%s", at(x), number(float64(y)*cellHeight+baseline), at(cells), l.fg, opacity(l))
	if l.class != "" {
		p.printf(" class=\"%s\"", l.class)
	}
	if l.lines != "" {
		p.printf(" text-decoration=\"%s\"", l.lines)
	}
	p.printf(">%s</text>\n", escape(text))
}

func (p *painter) cursor() {
	if !p.screen.modes[ansi.ModeTextCursorEnable] {
		return
	}
	place := p.screen.vt.CursorPosition()
	p.printf("<rect x=\"%s\" y=\"%d\" width=\"%s\" height=\"%d\" fill=\"%s\" fill-opacity=\"0.5\"/>\n", at(place.X), place.Y*cellHeight, at(1), cellHeight, hex(p.fg))
}

func opacity(l look) string {
	if l.faint {
		return ` opacity="0.6"`
	}
	return ""
}

// at returns the place of a column in pixels.
func at(column int) string { return number(float64(column) * cellWidth) }

// number writes a number with at most two digits after the point.
func number(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

func hex(c color.Color) string {
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}

// escape makes XML of a text; what XML does not allow is left out.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, text)
	return template.HTMLEscapeString(text)
}
