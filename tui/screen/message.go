package screen

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Message writes a message and what to do into lines, from the second line on.
func Message(look *Look, lines []string, s theme.Style, what, do string) []string {
	l := &widget.Line{}
	y := min(2, max(0, len(lines)-3))
	put := func(s theme.Style, text string) {
		for part := range strings.SplitSeq(ansi.Wrap(term.Clean(text), max(1, look.Width-4), " "), "\n") {
			if y >= len(lines) {
				return
			}
			l.Reset("")
			l.Pad(2)
			l.Put(s, part)
			lines[y] = l.Fit(look.Width)
			y++
		}
	}
	put(s, what)
	if do != "" {
		put(look.Theme.Accent, do)
	}
	return lines
}

// Sentence is an error in one line, without the hint.
func Sentence(err error) string {
	if err == nil {
		return ""
	}
	return term.CleanLine(err.Error())
}

// Unkept says why nothing is shown of a moment in the past.
func Unkept(look *Look, lines []string) []string {
	t, back := look.Theme, ToNow(look)+"; gctl record keeps what happens"
	switch {
	case look.Recalling:
		return Message(look, lines, t.Dim, "Reading the recording "+t.Glyphs.More, "")
	case look.RecallErr != nil:
		return Message(look, lines, t.Bad, Sentence(look.RecallErr), cmp.Or(HintOf(look.RecallErr), back))
	}
	return Message(look, lines, t.Warn, "Nothing is kept of "+look.Now.Format(time.TimeOnly)+".", back)
}

// Does says which key does what: "esc clears the filter". It is empty where no key is
// bound to the action.
func Does(look *Look, a key.Action, what string) string {
	if name := look.Keys.Key(a); name != "" {
		return name + " " + what
	}
	return ""
}

// Unfilter says what takes the filter away.
func Unfilter(look *Look) string { return Does(look, key.Back, "clears the filter") }

// ToNow says what comes back to now.
func ToNow(look *Look) string {
	return cmp.Or(look.Keys.Key(key.Live), ":at now") + " comes back to now"
}

// HintOf is what an error says to do, empty if nothing.
func HintOf(err error) string {
	var e *fleet.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}
