package invoke

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/form"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// ask is a line being typed: the value of a row, or the answer to a question.
type ask struct {
	textinput.Model

	row      form.ID // whose value it is; 0: it answers a question
	question string
	secret   bool
	choices  []string // that up and down go through
	unset    string   // the choice that no text counts as
	problem  string   // what was wrong with the last answer

	// take does what was typed, and tells what is wrong with it. on: the next row is
	// to follow.
	take func(text string, on bool) (cmd tea.Cmd, problem string)
}

func newAsk(value string) *ask {
	a := &ask{Model: textinput.New()}
	a.Prompt = ""
	a.SetVirtualCursor(false)
	a.SetWidth(0)
	a.SetValue(value)
	a.CursorEnd()
	a.Focus()
	return a
}

// key hears a key and tells whether the typing is over.
func (a *ask) key(msg tea.Msg) (cmd tea.Cmd, over bool) {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch name := k.String(); name {
		case "esc":
			return nil, true
		case "enter", "tab":
			cmd, a.problem = a.take(a.Value(), name == "tab")
			return cmd, a.problem == ""
		case "up", "down":
			a.choose(map[string]int{"up": -1, "down": 1}[name])
			return nil, false
		}
	}
	a.problem = ""
	a.Model, cmd = a.Update(msg)
	return cmd, false
}

// choose takes the next of the choices, or the one before.
func (a *ask) choose(by int) {
	n := len(a.choices)
	if n == 0 {
		return
	}
	now := a.Value()
	if now == "" {
		now = a.unset
	}
	at := slices.Index(a.choices, now)
	switch {
	case at >= 0:
		at = (at + by + n) % n
	default: // what begins as what was typed
		at = 0
		for i, c := range a.choices {
			if strings.HasPrefix(strings.ToLower(c), strings.ToLower(a.Value())) {
				at = i
				break
			}
		}
	}
	a.SetValue(a.choices[at])
	a.CursorEnd()
}

// draw writes what is being typed into w cells, with its cursor.
func (a *ask) draw(l *widget.Line, t *theme.Theme, w int) {
	l.Typed(t, []rune(a.Value()), a.Position(), w, a.secret)
}
