package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// key hears a key: it belongs to what is being typed, to a sort that has begun, to
// a screen that wants keys as they are, or it means an action.
func (m *model) key(msg tea.KeyPressMsg) tea.Cmd {
	name := msg.String()
	switch typing, ok := m.pages.top().(screen.Typing); {
	case msg.Text == "" && m.keys.Of(name) == key.Suspend: // whatever is being typed
		return m.suspend()
	case m.input != nil:
		return m.typed(msg)
	case m.sort:
		return m.sortBy(name)
	case ok && typing.Typing():
		if name == "ctrl+c" {
			return m.quit()
		}
		return m.deliver(msg)
	}
	return m.act(m.keys.Of(name))
}

// typing tells whether keys are text.
func (m *model) typing() bool {
	page, ok := m.pages.top().(screen.Typing)
	return m.input != nil || m.sort || ok && page.Typing()
}

// quit ends the dashboard.
func (m *model) quit() tea.Cmd {
	if text := m.unfinished(); text != "" {
		return m.notice(screen.Say{Text: text, Bad: true})
	}
	return tea.Quit
}

// unfinished is what is to be said before the dashboard ends: a change is under way,
// which that would cut short. It is said once.
func (m *model) unfinished() string {
	change := m.pages.changing()
	if change == "" || change == m.warned {
		return ""
	}
	m.warned = change
	return change + " is under way: quit again to leave it half done"
}

// act does what a key means.
func (m *model) act(a key.Action) tea.Cmd {
	m.note(a)
	if n := a.Pick(); n > 0 {
		return m.pick(n)
	}
	if do, ok := m.actions[a]; ok {
		return do()
	}
	if a == "" {
		m.dirty = m.was
		return nil
	}
	return m.deliver(screen.Act{Action: a})
}

// everywhere are the actions that mean the same on all screens.
func (m *model) everywhere() map[key.Action]func() tea.Cmd {
	return map[key.Action]func() tea.Cmd{
		key.Quit:       m.quit,
		key.Suspend:    m.suspend,
		key.Command:    m.command,
		key.Filter:     m.filter,
		key.Sort:       m.beginSort,
		key.Help:       m.help,
		key.Back:       m.escape,
		key.HistBack:   func() tea.Cmd { return m.walk(-1) },
		key.HistNext:   func() tea.Cmd { return m.walk(1) },
		key.CursorBack: func() tea.Cmd { return m.moveCursor(-1) },
		key.CursorNext: func() tea.Cmd { return m.moveCursor(1) },
		key.ScrubBack:  func() tea.Cmd { return m.scrub(-1) },
		key.ScrubNext:  func() tea.Cmd { return m.scrub(1) },
		key.Live:       func() tea.Cmd { return m.goTo(m.cursor.Truncate(0), true) },
		key.Refresh:    m.refresh,
		key.Mouse:      m.toggleMouse,
		key.Record:     m.record,
		key.Export:     m.export,
		key.Evidence:   m.evidence,
		key.Why:        m.to("why"),
		key.Traces:     m.to("traces"),
		key.Act:        m.menu,
		key.Invoke:     m.invoke,
		key.Describe:   m.describe,
		key.JSON:       m.json,
		key.Copy:       m.copy,
		key.Breakers:   m.to("breakers"),
		key.Events:     m.to("events"),
		key.GuideNext:  m.guideNext,
		key.GuideClose: m.guideClose,
	}
}

// refresh asks all sources again.
func (m *model) refresh() tea.Cmd {
	m.o.Store.Refresh()
	return tea.Batch(m.notice(screen.Say{Text: "asking all again"}), m.deliver(screen.Act{Action: key.Refresh}))
}

func (m *model) toggleMouse() tea.Cmd {
	m.mouse = !m.mouse
	text := "the mouse is the terminal's: select text with it"
	if m.mouse {
		text = "the mouse is gctl's: click, wheel"
	}
	return m.notice(screen.Say{Text: text})
}

// escape ends what the screen has begun, clears the filter or the marks, comes back
// to now, goes back: the first of these that there is.
func (m *model) escape() tea.Cmd {
	if e, ok := m.pages.top().(screen.Escaped); ok {
		if cmd, did := e.Escape(&m.look); did {
			return cmd
		}
	}
	if f, ok := m.pages.top().(screen.Filtered); ok && f.Filter() != "" {
		return f.SetFilter("", &m.look)
	}
	if u, ok := m.pages.top().(interface{ Unmark() bool }); ok && u.Unmark() {
		return nil
	}
	return m.back()
}

// beginSort waits for the letter of a column.
func (m *model) beginSort() tea.Cmd {
	if s, ok := m.pages.top().(screen.Sorted); !ok || len(s.Letters()) == 0 {
		return m.notice(screen.Say{Text: "nothing here can be sorted", Bad: true})
	}
	m.sort = true
	return nil
}

func (m *model) sortBy(letter string) tea.Cmd {
	m.sort = false
	s, ok := m.pages.top().(screen.Sorted)
	if !ok || letter == "esc" {
		return nil
	}
	cmd, ok := s.SortBy(letter, &m.look)
	if !ok {
		return m.notice(screen.Say{Text: fmt.Sprintf("no column has the letter %s", letter), Bad: true})
	}
	return cmd
}

// clicked is the last click, as long as a second one at the same place is one with it.
type clicked struct{ owner, x, y int }

// doubleClick is how long that is.
const doubleClick = 500 * time.Millisecond

// unclickMsg says that a click is over.
type unclickMsg struct{ number int }

// click selects; the second of two at the same place opens.
func (m *model) click(msg tea.MouseClickMsg) tea.Cmd {
	if msg.Button != tea.MouseLeft || m.input != nil || msg.Y >= m.above()+m.look.Height {
		return nil
	}
	at := clicked{m.pages.list[m.pages.at].owner, msg.X, msg.Y}
	twice := m.clicked == at
	m.clicks++
	if m.clicked = at; twice {
		m.clicked = clicked{} // a third is a first one
	}
	number, ctx := m.clicks, m.ctx
	over := func() tea.Msg {
		timer := time.NewTimer(doubleClick)
		defer timer.Stop()
		select {
		case <-timer.C:
			return unclickMsg{number}
		case <-ctx.Done():
			return nil
		}
	}
	return tea.Batch(over, m.deliver(screen.Click{X: msg.X, Y: msg.Y - m.above(), Twice: twice}))
}

// unclick ends the time in which a second click is one with the last.
func (m *model) unclick(msg unclickMsg) {
	if msg.number == m.clicks {
		m.clicked = clicked{}
	}
	m.dirty = m.was
}

func (m *model) wheel(msg tea.MouseWheelMsg) tea.Cmd {
	a := key.Down
	if msg.Button == tea.MouseWheelUp {
		a = key.Up
	} else if msg.Button != tea.MouseWheelDown {
		return nil
	}
	m.clicked = clicked{} // another line may be there now
	var cmds []tea.Cmd
	for range 3 {
		cmds = append(cmds, m.deliver(screen.Act{Action: a}))
	}
	return tea.Batch(cmds...)
}
