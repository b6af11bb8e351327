package tty

import (
	"strconv"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// feed gives bytes to the emulator, a sequence or a grapheme at a time, as it
// needs help with graphemes. The caller holds mu.
func (s *Screen) feed(b []byte) {
	for len(b) > 0 {
		_, width, n, state := ansi.DecodeSequence(b, s.decoding, nil)
		if width == 1 && n == 1 && len(b) > 1 && b[1] >= 0xc0 { // the decoder leaves ASCII alone
			var cluster string
			cluster, width = ansi.FirstGraphemeCluster(string(b[:min(len(b), 256)]), ansi.GraphemeWidth)
			n = len(cluster)
		}
		n = max(n, 1)
		sequence := b[:n]
		s.decoding, b = state, b[n:]
		switch {
		case width > 0:
			s.print(sequence, width)
		case sequence[0] >= 0xc0: // a character without width has no cell of its own
		default:
			if sequence[n-1] != 'm' { // all but colours moves the cursor away
				s.wraps = false
			}
			s.raw(string(sequence))
		}
	}
}

func (s *Screen) raw(text string) { _, _ = s.vt.WriteString(text) }

// print shows a grapheme. The emulator knows no insert mode, cuts graphemes
// that begin with ASCII, as "e" and an accent, into cells of their own, and does
// not wrap at wide ones.
func (s *Screen) print(grapheme []byte, width int) {
	columns := s.vt.Width()
	x := s.vt.CursorPosition().X
	if s.modes[ansi.ModeAutoWrap] && (s.wraps || width > 1 && x+width > columns) {
		s.raw("\r\x1bD")
		x = 0
	}
	s.wraps = false
	if s.inserts {
		s.raw("\x1b[" + strconv.Itoa(width) + "@")
	}
	switch {
	case len(grapheme) == 1 || grapheme[0] >= utf8.RuneSelf:
		s.raw(string(grapheme))
	case width == 1:
		s.instead("\uf8ff", grapheme) // of the private use area: surely not on the screen
	default:
		s.instead("\u3400", grapheme) // rare, and as wide
	}
	s.wraps = width > 1 && x+width == columns
}

// instead shows a placeholder and puts the grapheme into its cell.
func (s *Screen) instead(placeholder string, grapheme []byte) {
	s.raw(placeholder)
	at := s.vt.CursorPosition()
	for x := at.X; x >= max(0, at.X-2); x-- {
		if cell := s.vt.CellAt(x, at.Y); cell != nil && cell.Content == placeholder {
			cell.Content = string(grapheme)
			return
		}
	}
}
