package widget

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// settle returns text that takes as many cells on every terminal as it is thought to
// take here, and that keeps its accents when it is drawn again: Bubble Tea drops what
// combines with a character of ASCII, and terminals do not agree on how wide a
// character is that a variation selector follows.
func settle(text string) string {
	if strings.IndexFunc(text, joins) < 0 {
		return text
	}
	text = norm.NFC.String(text)
	var b strings.Builder
	b.Grow(len(text))
	last := ' '
	for _, r := range text {
		if joins(r) && (last < utf8.RuneSelf || r != joiner && !unicode.Is(unicode.M, r) || unicode.Is(unicode.Variation_Selector, r)) {
			continue
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// joiner makes one picture of two.
const joiner = '\u200d'

// joins tells whether r has no cell of its own: it changes what is before it, or
// nothing.
func joins(r rune) bool {
	return r >= 0xad && r != 0xfffd && (unicode.Is(unicode.M, r) || unicode.Is(unicode.Cf, r))
}
