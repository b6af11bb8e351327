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
	s = strings.NewReplacer(
		"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "&#124;",
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "#", `\#`, "!", `\!`, "$", `\$`,
	).Replace(s)
	// What makes a line a list or a rule at its beginning.
	if digits := len(s) - len(strings.TrimLeft(s, "0123456789")); digits < len(s) && strings.IndexByte("-+=.)", s[digits]) >= 0 {
		return s[:digits] + `\` + s[digits:]
	}
	return s
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
