package screen

import (
	"strings"

	"github.com/gctl-dev/gctl/internal/term"
)

// Words splits a command as a shell does that knows single quotes only, which is
// how commands are shown here.
func Words(command string) []string {
	var words []string
	var b strings.Builder
	inside, quoted := false, false
	for i := 0; i < len(command); i++ {
		switch c := command[i]; {
		case c == '\'':
			quoted, inside = !quoted, true
		case quoted:
			b.WriteByte(c)
		case c == '\\' && i+1 < len(command):
			i++
			b.WriteByte(command[i])
			inside = true
		case c == ' ':
			if inside {
				words = append(words, b.String())
				b.Reset()
			}
			inside = false
		default:
			b.WriteByte(c)
			inside = true
		}
	}
	if inside {
		words = append(words, b.String())
	}
	return words
}

// Line joins words to a command.
func Line(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = term.Quote(w)
	}
	return strings.Join(quoted, " ")
}
