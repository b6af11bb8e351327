package ecs

import (
	"fmt"
	"io"
	"unicode/utf8"
)

// neutral is a writer of JSON lines that escapes what JSON allows in strings as
// it is but a terminal may obey: DEL, the C1 controls, of which U+009B begins a
// control sequence, and what turns the direction of text around. (The C0
// controls are escaped by JSON itself.) Outside of strings there are none, so
// the line stays the same JSON.
type neutral struct{ w io.Writer }

func (n neutral) Write(line []byte) (int, error) {
	safe := line
	if at := unsafe(line, 0); at >= 0 {
		safe = escape(line, at)
	}
	if _, err := n.w.Write(safe); err != nil {
		return 0, err
	}
	return len(line), nil
}

// unsafe returns where the next character is that has to be escaped, or -1.
func unsafe(line []byte, from int) int {
	for i := from; i < len(line); {
		if line[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(line[i:])
		if obeyed(r) {
			return i
		}
		i += size
	}
	return -1
}

func escape(line []byte, at int) []byte {
	safe := make([]byte, 0, len(line)+32)
	for from := 0; ; {
		safe = append(safe, line[from:at]...)
		r, size := utf8.DecodeRune(line[at:])
		safe = fmt.Appendf(safe, `\u%04x`, r)
		from = at + size
		if at = unsafe(line, from); at < 0 {
			return append(safe, line[from:]...)
		}
	}
}

func obeyed(r rune) bool {
	return r >= 0x7f && r <= 0x9f ||
		r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
