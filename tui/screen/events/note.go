package events

import (
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/notes"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// input is a note that is being typed.
type input struct {
	textinput.Model

	at time.Time // what it is about
}

const longNote = 500

func newInput(look *screen.Look) *input {
	in := &input{Model: textinput.New(), at: look.Now}
	in.Prompt = ""
	in.CharLimit = longNote
	in.SetVirtualCursor(false) // the line draws its own, which does not blink
	in.Focus()
	return in
}

// view draws the line.
func (in *input) view(look *screen.Look) string {
	t, l := look.Theme, &widget.Line{}
	l.Put(t.Accent, " note at "+in.at.Format(time.TimeOnly)+": ")
	l.Typed(t, []rune(in.Value()), in.Position(), max(1, look.Width-l.Width()), false)
	return l.Fit(look.Width)
}

// Typing implements screen.Typing.
func (s *Screen) Typing() bool { return s.input != nil }

// typed hears a key for the note.
func (s *Screen) typed(msg tea.Msg, look *screen.Look) tea.Cmd {
	if s.input == nil {
		return nil
	}
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "esc":
			s.input = nil
			return nil
		case "enter":
			return s.keep(look)
		}
	}
	var cmd tea.Cmd
	s.input.Model, cmd = s.input.Update(msg)
	return cmd
}

// keep keeps the note.
func (s *Screen) keep(look *screen.Look) tea.Cmd {
	text, at := strings.TrimSpace(s.input.Value()), s.input.at
	s.input = nil
	if text == "" {
		return nil
	}
	look.Notes.Add(notes.Note{At: at, Service: s.subject, Text: text})
	return tea.Batch(s.arrange(look), screen.Send(screen.Say{Text: "noted at " + at.Format(time.TimeOnly)}))
}
