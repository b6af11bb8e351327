package tty

import (
	"strings"
	"testing"
	"time"
)

func TestOnlyWholeThingsAreShown(t *testing.T) {
	const begin, end = syncBegin, syncEnd
	for name, c := range map[string]struct{ shown, held string }{
		"nothing":           {"", ""},
		"text":              {"text\r\n", ""},
		"a sequence":        {"\x1b[31m", ""},
		"a whole update":    {"a" + begin + "b" + end, ""},
		"two, one open":     {begin + "b" + end + "c", begin + "d"},
		"open":              {"a", begin + "bcd\r\nüü"},
		"a mark begun":      {"a", "\x1b"},
		"a mark almost":     {"a", begin[:7]},
		"an end begun":      {"", begin + "a" + end[:7]},
		"a grapheme begun":  {"a", "👩‍"},
		"a rune begun":      {"a", "\xe6\x97"},
		"a grapheme closed": {"a日\x1b[m", ""},
		"too much":          {begin + strings.Repeat("x", holdAtMost), ""},
	} {
		n, rest := whole([]byte(c.shown + c.held))
		if n != len(c.shown) {
			t.Errorf("%s: %d of %d bytes are shown, want %d", name, n, len(c.shown+c.held), len(c.shown))
		}
		if c.held != "" && (rest < time.Millisecond || rest > time.Second) {
			t.Errorf("%s: the rest waits %s", name, rest)
		}
	}
}
