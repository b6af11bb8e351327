package widget

import (
	"strings"

	"github.com/gctl-dev/gctl/tui/theme"
)

// Typed writes a text that is being typed, and the cursor in it, before the rune
// number at, into w cells. Of a secret it shows how long it is.
func (l *Line) Typed(t *theme.Theme, text []rune, at, w int, secret bool) {
	if w <= 0 {
		return
	}
	end := l.Width() + w
	width := func(i int) int {
		if secret {
			return 1
		}
		return cells(text[i])
	}
	at = max(0, min(at, len(text)))
	from := at
	for room := w - 1; from > 0; from-- { // the cursor is always seen
		if room -= width(from - 1); room < 0 {
			break
		}
	}
	put := func(s theme.Style, part []rune) {
		if secret {
			l.Put(s, strings.Repeat(t.Glyphs.Mark, len(part)))
			return
		}
		l.Put(s, string(part))
	}
	to, room := from, w
	for to < len(text) && room >= width(to) {
		room -= width(to)
		to++
	}
	put(t.Text, text[from:min(at, to)])
	switch {
	case at < to:
		put(t.Selected, text[at:at+1])
		put(t.Text, text[at+1:to])
	case l.Width() < end:
		l.Put(t.Selected, " ")
	}
	l.Pad(end)
}

// cells is how many cells a rune takes.
func cells(r rune) int {
	if r >= 0x20 && r < 0x7f {
		return 1
	}
	return Width(string(r))
}
