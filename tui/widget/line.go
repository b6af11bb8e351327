// Package widget has the parts that the dashboard's screens are made of: lines of
// styled text, a table that draws what is seen of it only, charts.
//
// A widget draws into lines. A line holds styled text and knows how many cells it
// is wide; it never holds a line break or a control sequence of anybody else.
package widget

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/theme"
)

// Line is a line of the screen being written. Its zero value is empty.
type Line struct {
	b     strings.Builder
	width int
	base  theme.Style // under everything, for the selected row
}

// Reset empties the line; base is the style of all of it.
func (l *Line) Reset(base theme.Style) {
	l.b.Reset()
	l.width, l.base = 0, base
}

// Grow makes room for n bytes.
func (l *Line) Grow(n int) { l.b.Grow(n) }

// Width is how many cells wide the line is so far.
func (l *Line) Width() int { return l.width }

// String returns the line as the terminal is to get it.
func (l *Line) String() string { return l.b.String() }

// Put writes text, which may be anybody's.
func (l *Line) Put(s theme.Style, text string) {
	text, w := printable(text)
	l.raw(s, text, w)
}

// Cell writes text into exactly w cells, cut with more (one cell wide) or filled
// with blanks.
func (l *Line) Cell(s theme.Style, text string, w int, more string) { l.cell(s, text, w, more, false) }

// Right is Cell with the text at the right.
func (l *Line) Right(s theme.Style, text string, w int, more string) { l.cell(s, text, w, more, true) }

func (l *Line) cell(s theme.Style, text string, w int, more string, right bool) {
	if w <= 0 {
		return
	}
	text, n := printable(text)
	if n > w {
		text = ansi.Truncate(text, w, more)
		n = ansi.StringWidth(text)
	}
	if right {
		l.Pad(l.width + w - n)
		l.raw(s, text, n)
		return
	}
	l.raw(s, text, n)
	l.Pad(l.width + w - n)
}

// Pad fills the line with blanks until it is w cells wide.
func (l *Line) Pad(w int) {
	if n := w - l.width; n > 0 {
		l.raw("", blanks(n), n)
	}
}

// Fit cuts the line or fills it, so that it is w cells wide, and returns it.
func (l *Line) Fit(w int) string {
	if l.width > w {
		cut := Cut(l.b.String(), w)
		return cut + blanks(w-ansi.StringWidth(cut)) // a wide character may not fit
	}
	l.Pad(w)
	return l.b.String()
}

// Append writes what another widget has drawn, w cells wide.
func (l *Line) Append(drawn string, w int) {
	l.b.WriteString(drawn)
	l.width += w
}

// raw writes text that is known to be printable and n cells wide.
func (l *Line) raw(s theme.Style, text string, n int) {
	if n == 0 {
		return
	}
	l.width += n
	if s == "" && l.base == "" {
		l.b.WriteString(text)
		return
	}
	l.b.WriteString(string(s)) // the base comes last: the background is its own
	l.b.WriteString(string(l.base))
	l.b.WriteString(text)
	l.b.WriteString(theme.Reset)
}

const manyBlanks = "                                                                                                                                "

func blanks(n int) string {
	if n <= len(manyBlanks) {
		return manyBlanks[:max(0, n)]
	}
	return strings.Repeat(" ", n)
}

// printable returns text as it may be shown, and its width in cells.
func printable(text string) (string, int) {
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c >= 0x7f {
			if c < utf8.RuneSelf || !plain(text[i:]) {
				text = settle(term.CleanLine(text))
			}
			return text, ansi.StringWidth(text)
		}
	}
	return text, len(text)
}

// plain tells whether nothing of the text is an order to a terminal, and each
// character stands for itself.
func plain(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || r == '\n' || r == '\t' || term.Unsafe(r) || joins(r) {
			return false
		}
	}
	return true
}

// Width is how many cells text takes.
func Width(text string) int {
	_, w := printable(text)
	return w
}

// Cut cuts a drawn line after w cells.
func Cut(drawn string, w int) string {
	if w <= 0 {
		return ""
	}
	return ansi.Truncate(drawn, w, "") + theme.Reset
}

// Fill returns lines, exactly h of them.
func Fill(lines []string, h, w int) []string {
	if len(lines) > h {
		return lines[:max(0, h)]
	}
	blank := blanks(w)
	for len(lines) < h {
		lines = append(lines, blank)
	}
	return lines
}

// From returns text without its first n cells.
func From(text string, n int) string {
	text, w := printable(text)
	if n >= w {
		return ""
	}
	return ansi.TruncateLeft(text, n, "")
}
