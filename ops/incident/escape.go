package incident

import (
	"strings"

	"github.com/gctl-dev/gctl/internal/term"
)

// inline makes a text part of a line of Markdown, in a table too, in which nothing of
// it is markup (CommonMark 0.31, 2.4 and 2.5; GitHub's tables, where a pipe ends a
// cell whatever is around it). No text is a dash.
func inline(s string) string {
	s = strings.TrimSpace(term.CleanLine(s))
	if s == "" {
		return "–"
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c == '&':
			b.WriteString("&amp;")
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '|':
			b.WriteString("&#124;")
		case strings.IndexByte("\\`*[]~#!$", c) >= 0,
			c == '_' && (!wordAt(s, i-1) || !wordAt(s, i+1)), // in a word it is none
			i == marker(s):
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func wordAt(s string, i int) bool {
	return i >= 0 && i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] >= 'A' && s[i] <= 'Z' || s[i] >= 'a' && s[i] <= 'z')
}

// marker is the place of what makes a line an item of a list or a rule at its
// beginning, -1 if there is none.
func marker(s string) int {
	at := len(s) - len(strings.TrimLeft(s, "0123456789"))
	signs := ".)"
	if at == 0 {
		signs = "-+="
	}
	if at == len(s) || strings.IndexByte(signs, s[at]) < 0 {
		return -1
	}
	if next := strings.TrimLeft(s[at:], s[at:at+1]); next == "" || next[0] == ' ' || at == 0 && len(next) < len(s)-1 {
		return at
	}
	return -1
}

// block makes lines of text a fenced block, which nothing in them can end.
func block(s string) string {
	s = strings.TrimRight(term.Clean(s), "\n\t ")
	longest, run := 2, 0
	for _, c := range s {
		if c != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	return fence + "text\n" + s + "\n" + fence + "\n"
}

// row is a row of a table.
func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// head is the first rows of a table.
func head(names ...string) string {
	line := make([]string, len(names))
	for i := range names {
		line[i] = "---"
	}
	return row(names...) + row(line...)
}
