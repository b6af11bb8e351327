package tty

import (
	"fmt"
	"strings"
)

// shape draws a character that has to fit its neighbours: blocks (U+2580 to
// U+259F), braille (U+2800 to U+28FF) and light line drawing (U+2500 and on).
// It returns false for every other.
func (p *painter) shape(x, y int, text []rune, l look) bool {
	if len(text) != 1 {
		return false
	}
	s := strokes{left: float64(x) * cellWidth, top: float64(y) * cellHeight}
	switch r := text[0]; {
	case r >= 0x2580 && r <= 0x259f:
		s.block(r)
	case r >= 0x2800 && r <= 0x28ff:
		s.braille(r)
	case lines[r] != 0:
		s.line(lines[r])
	default:
		return false
	}
	p.fill(s.path.String(), s.paint(l))
	return true
}

// strokes draws in the cell at left, top.
type strokes struct {
	left, top float64
	path      strings.Builder
	kind      string // attributes other than the colour
	stroke    bool   // the path is a line
}

func (s *strokes) paint(l look) string {
	if s.stroke {
		return fmt.Sprintf(`fill="none" stroke-width="1.2" stroke="%s"`, l.fg) + opacity(l)
	}
	return fmt.Sprintf(`fill="%s"`, l.fg) + s.kind + opacity(l)
}

// rect adds a rectangle; the edges are parts of the cell's width and height.
func (s *strokes) rect(x0, y0, x1, y1 float64) {
	fmt.Fprintf(&s.path, "M%s %sH%sV%sH%sz", number(s.left+x0*cellWidth), number(s.top+y0*cellHeight),
		number(s.left+x1*cellWidth), number(s.top+y1*cellHeight), number(s.left+x0*cellWidth))
}

// quadrants are the parts of U+2596 to U+259F: 1 upper left, 2 upper right,
// 4 lower left, 8 lower right.
var quadrants = [10]int{4, 8, 1, 1 | 4 | 8, 1 | 8, 1 | 2 | 4, 1 | 2 | 8, 2, 2 | 4, 2 | 4 | 8}

func (s *strokes) block(r rune) {
	s.kind = ` shape-rendering="crispEdges"`
	switch {
	case r == 0x2580:
		s.rect(0, 0, 1, 0.5)
	case r <= 0x2588: // lower eighths
		s.rect(0, 1-float64(r-0x2580)/8, 1, 1)
	case r <= 0x258f: // left eighths
		s.rect(0, 0, float64(0x2590-r)/8, 1)
	case r == 0x2590:
		s.rect(0.5, 0, 1, 1)
	case r <= 0x2593: // shades
		s.rect(0, 0, 1, 1)
		s.kind += fmt.Sprintf(` fill-opacity="%s"`, number(float64(r-0x2590)/4))
	case r == 0x2594:
		s.rect(0, 0, 1, 0.125)
	case r == 0x2595:
		s.rect(0.875, 0, 1, 1)
	default:
		for i := range 4 {
			if quadrants[r-0x2596]&(1<<i) != 0 {
				x, y := float64(i%2)/2, float64(i/2)/2
				s.rect(x, y, x+0.5, y+0.5)
			}
		}
	}
}

// dots are the columns and rows of braille's dots 1 to 8.
var dots = [8][2]float64{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {0, 3}, {1, 3}}

func (s *strokes) braille(r rune) {
	const radius = 1.3
	for i, dot := range dots {
		if (r-0x2800)&(1<<i) == 0 {
			continue
		}
		x, y := s.left+cellWidth*(0.25+dot[0]/2), s.top+cellHeight*(0.125+dot[1]/4)
		fmt.Fprintf(&s.path, "M%s %sa%g %g 0 1 0 %g 0a%g %g 0 1 0 %g 0", number(x-radius), number(y),
			radius, radius, 2*radius, radius, radius, -2*radius)
	}
}

// The edges that a line drawing character reaches from its middle.
const (
	up = 1 << iota
	right
	down
	left
	round
)

var lines = map[rune]int{
	'─': left | right, '│': up | down, '┌': right | down, '┐': left | down, '└': up | right, '┘': up | left,
	'├': up | right | down, '┤': up | left | down, '┬': left | right | down, '┴': left | right | up, '┼': up | right | down | left,
	'╭': right | down | round, '╮': left | down | round, '╰': up | right | round, '╯': up | left | round,
	'╴': left, '╵': up, '╶': right, '╷': down,
}

func (s *strokes) line(edges int) {
	s.stroke = true
	x, y := s.left+cellWidth/2, s.top+cellHeight/2
	ends := []struct {
		edge int
		x, y float64
	}{{up, x, s.top}, {right, s.left + cellWidth, y}, {down, x, s.top + cellHeight}, {left, s.left, y}}
	from := ""
	for _, end := range ends {
		if edges&end.edge == 0 {
			continue
		}
		place := number(end.x) + " " + number(end.y)
		switch {
		case edges&round == 0:
			s.path.WriteString("M" + number(x) + " " + number(y) + "L" + place)
		case from == "":
			from = place
		default:
			s.path.WriteString("M" + from + "Q" + number(x) + " " + number(y) + " " + place)
		}
	}
}
