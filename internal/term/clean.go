package term

import (
	"strings"
	"unicode/utf8"
)

// Clean removes from s what could make a terminal do something other than show
// text: escape sequences (CSI, OSC, DCS and the rest of ECMA-48), the control
// characters of C0 and C1 except newline and tab, and the Unicode controls that
// reorder text. Bytes that are no UTF-8 become U+FFFD. Every string that came
// from outside passes through Clean before it reaches a screen.
func Clean(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	end := lastTerminator(s)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == 0x1b || r >= 0x80 && r <= 0x9f:
			i += sequence(s[i:], i < end)
			continue
		case r == utf8.RuneError && n <= 1:
			b.WriteRune(utf8.RuneError)
		case !Unsafe(r):
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// CleanLine is Clean for a place that holds one line: line breaks and tabs
// become spaces.
func CleanLine(s string) string {
	s = Clean(s)
	if !strings.ContainsAny(s, "\n\t") {
		return s
	}
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(s)
}

// Unsafe tells whether a terminal takes r for an order rather than for text.
func Unsafe(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20 || r >= 0x7f && r <= 0x9f:
		return true
	case r == 0x061c || r == 0x200e || r == 0x200f: // marks of direction
		return true
	case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069: // embeddings, overrides, isolates
		return true
	}
	return false
}

func clean(s string) bool {
	for i, r := range s {
		if Unsafe(r) {
			return false
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n <= 1 {
				return false
			}
		}
	}
	return true
}

// sequence returns the length of the control sequence that s starts with. Where
// the sequence has no end, only its introducer counts: the rest is shown as the
// text it is without it. terminated tells whether a terminator follows anywhere:
// looking for one that does not exist from every introducer would take a time
// that a peer chooses.
func sequence(s string, terminated bool) int {
	kind, n := introducer(s)
	switch kind {
	case '[':
		for i := n; i < len(s); i++ {
			switch c := s[i]; {
			case c >= 0x40 && c <= 0x7e:
				return i + 1
			case c < 0x20 || c > 0x7e:
				return n
			}
		}
	case ']', 'P', 'X', '^', '_':
		if terminated {
			return n + controlString(s[n:])
		}
	case 0x1b:
		return escape(s)
	}
	return n
}

// introducer returns which sequence s starts with, named by the second byte of
// its seven-bit form, and the length of the introducer.
func introducer(s string) (kind byte, n int) {
	if s[0] != 0x1b { // C1, two bytes in UTF-8
		return s[1] - 0x40, 2
	}
	if len(s) > 1 && strings.IndexByte("[]PX^_", s[1]) >= 0 {
		return s[1], 2
	}
	return 0x1b, 1
}

// lastTerminator returns the index of the last end of a control string, -1 if
// there is none.
func lastTerminator(s string) int {
	return max(strings.LastIndexByte(s, 0x07), strings.LastIndex(s, "\x1b\\"), strings.LastIndex(s, "\u009c"))
}

// controlString returns the length of the string up to and with its terminator,
// 0 if it has none.
func controlString(s string) int {
	for i := range len(s) {
		switch {
		case s[i] == 0x07:
			return i + 1
		case strings.HasPrefix(s[i:], "\x1b\\"), strings.HasPrefix(s[i:], "\u009c"):
			return i + 2
		}
	}
	return 0
}

// escape returns the length of a plain escape: ESC, intermediates, one final.
func escape(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 0x20 && c <= 0x2f:
		case c >= 0x30 && c <= 0x7e:
			return i + 1
		default:
			return 1
		}
	}
	return 1
}
