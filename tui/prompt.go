package tui

import (
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/screen"
)

// prompt is a line being typed: a filter or a command.
type prompt struct {
	textinput.Model

	sign    string // ":" or "/"
	before  string // the filter that there was
	choices []choice
	at      int // of the choices, -1 for none
}

// choice is a way to complete a command.
type choice struct{ text, about string }

func newPrompt(sign, value string) *prompt {
	p := &prompt{Model: textinput.New(), sign: sign, before: value, at: -1}
	p.Prompt = ""
	p.SetVirtualCursor(false) // the terminal's own cursor does not have to be blinked by us
	p.CharLimit = 1000
	p.SetValue(value)
	p.CursorEnd()
	p.Focus()
	return p
}

// filter begins to type a filter.
func (m *model) filter() tea.Cmd {
	f, ok := m.pages.top().(screen.Filtered)
	if !ok {
		return m.notice(screen.Say{Text: "there is nothing to filter here", Bad: true})
	}
	m.input = newPrompt("/", f.Filter())
	return nil
}

// command begins to type a command.
func (m *model) command() tea.Cmd {
	m.input = newPrompt(":", "")
	m.complete()
	return nil
}

// paste adds what was pasted to what is being typed.
func (m *model) paste(msg tea.PasteMsg) tea.Cmd {
	if m.input == nil {
		if typing, ok := m.pages.top().(screen.Typing); ok && typing.Typing() {
			return m.deliver(msg)
		}
		return nil
	}
	return m.edit(msg)
}

// typed hears a key for what is being typed.
func (m *model) typed(msg tea.KeyPressMsg) tea.Cmd {
	p := m.input
	switch msg.String() {
	case "ctrl+c", "esc":
		m.input = nil
		if f, ok := m.pages.top().(screen.Filtered); ok && p.sign == "/" && p.Value() != p.before {
			return f.SetFilter(p.before, &m.look)
		}
		return nil
	case "enter":
		m.input = nil
		if p.sign == ":" {
			return m.run(p)
		}
		return nil
	case "tab", "down":
		if p.sign == ":" {
			p.choose(1)
			return nil
		}
	case "shift+tab", "up":
		if p.sign == ":" {
			p.choose(-1)
			return nil
		}
	case "backspace":
		if p.Value() == "" {
			m.input = nil
			return nil
		}
	}
	return m.edit(msg)
}

// edit changes what is being typed.
func (m *model) edit(msg tea.Msg) tea.Cmd {
	p := m.input
	was := p.Value()
	var cmd tea.Cmd
	p.Model, cmd = p.Update(msg)
	if p.Value() == was {
		return cmd
	}
	if p.sign == ":" {
		m.complete()
		return cmd
	}
	if f, ok := m.pages.top().(screen.Filtered); ok {
		return tea.Batch(cmd, f.SetFilter(p.Value(), &m.look))
	}
	return cmd
}

// choose moves among the choices.
func (p *prompt) choose(n int) {
	if len(p.choices) == 0 {
		return
	}
	p.at = (max(p.at, -1) + n + len(p.choices)) % len(p.choices)
	if n < 0 && p.at < 0 {
		p.at = len(p.choices) - 1
	}
	p.SetValue(p.choices[p.at].text)
	p.CursorEnd()
}
