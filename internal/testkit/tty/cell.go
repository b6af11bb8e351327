package tty

import (
	"image/color"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Cell is one place of the screen.
type Cell struct {
	Text       string // one grapheme, a space where nothing is; empty right of a wide one
	Width      int    // 1 or 2; 0 right of a wide one
	Foreground color.Color
	Background color.Color // both nil where the terminal's own colour shows

	Bold, Faint, Italic, Blink, Reverse, Conceal, Strike bool

	Underline ansi.Underline
	URL       string // of the hyperlink (OSC 8), if it is one
}

// The bits of a style in the emulator's cells.
const (
	bold = 1 << iota
	faint
	italic
	blink
	rapidBlink
	reverse
	conceal
	strike
)

// Cell returns the cell at a place, counted from 0 at the upper left. Outside
// of the screen it is empty.
func (s *Screen) Cell(x, y int) Cell {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cell(x, y)
}

func (s *Screen) cell(x, y int) Cell {
	c := s.vt.CellAt(x, y)
	if c == nil {
		return Cell{}
	}
	has := func(bit uint8) bool { return c.Style.Attrs&bit != 0 }
	cell := Cell{
		Text: c.Content, Width: c.Width, Foreground: c.Style.Fg, Background: c.Style.Bg,
		Bold: has(bold), Faint: has(faint), Italic: has(italic), Blink: has(blink | rapidBlink),
		Reverse: has(reverse), Conceal: has(conceal), Strike: has(strike),
		Underline: c.Style.Underline,
		URL:       c.Link.Params, // the emulator takes the one for the other
	}
	if cell.Width == 0 {
		cell.Text = ""
	}
	return cell
}

// ANSI returns the lines of the screen with their colours, as text that shows
// them: every line begins plain, and each change of style is a reset and the
// whole new style. The same screen always yields the same text.
func (s *Screen) ANSI() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := make([]string, s.vt.Height())
	for y := range lines {
		lines[y] = s.ansiLine(y)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func (s *Screen) ansiLine(y int) string {
	var line strings.Builder
	kept, style := 0, ansi.ResetStyle
	for x := range s.vt.Width() {
		cell := s.vt.CellAt(x, y)
		if cell == nil || cell.Width == 0 {
			continue
		}
		if sgr := cell.Style.String(); sgr != style {
			if style != ansi.ResetStyle {
				line.WriteString(ansi.ResetStyle)
				kept = line.Len()
			}
			if sgr != ansi.ResetStyle {
				line.WriteString(sgr)
			}
			style = sgr
		}
		line.WriteString(cell.Content)
		if cell.Content != " " || style != ansi.ResetStyle {
			kept = line.Len()
		}
	}
	if style != ansi.ResetStyle {
		return line.String() + ansi.ResetStyle
	}
	return line.String()[:kept]
}
