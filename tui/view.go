package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/widget"
)

// size takes the size of the terminal.
func (m *model) size(w, h int) {
	m.width, m.height = max(1, w), max(1, h)
	m.look.Width, m.look.Height = m.width, max(0, m.height-m.above()-m.below()-m.guideHeight())
}

// above and below are the lines over and under the body. A terminal of a few lines
// has them for what is on the screen.
func (m *model) above() int {
	switch {
	case m.height >= 6:
		return 2
	case m.height >= 3:
		return 1
	default:
		return 0
	}
}

func (m *model) below() int {
	if m.height >= 6 {
		return 1
	}
	return 0
}

// View implements tea.Model. What has not changed is not drawn again.
func (m *model) View() tea.View {
	if !m.dirty {
		return m.frame
	}
	m.dirty = false
	v := tea.NewView(strings.Join(m.lines(), "\n"))
	v.AltScreen, v.ReportFocus = true, true
	v.WindowTitle = m.o.title()
	if m.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if m.input != nil && m.above() == 2 {
		if c := m.input.Cursor(); c != nil {
			v.Cursor = tea.NewCursor(min(m.width-1, c.X+1), 1)
		}
	}
	m.frame = v
	return v
}

// lines draws all lines of the terminal, each as wide as it is.
func (m *model) lines() []string {
	lines := make([]string, 0, m.height)
	l := &widget.Line{}
	if m.above() >= 1 {
		m.header(l)
		lines = append(lines, l.Fit(m.width))
	}
	if m.above() >= 2 {
		l.Reset("")
		m.status(l)
		lines = append(lines, l.Fit(m.width))
	}
	body := widget.Fill(m.pages.top().View(&m.look), m.look.Height, m.width)
	if m.input != nil && m.input.sign == ":" {
		body = m.overlay(body)
	}
	lines = append(lines, body...)
	if m.guide != nil {
		lines = append(lines, m.guide.View(m.width, m.guideHeight(), m.look.Theme, m.keys)...)
	}
	if m.below() >= 1 {
		l.Reset("")
		m.footer(l)
		lines = append(lines, l.Fit(m.width))
	}
	return lines
}

// overlay draws the choices of the command line over the body.
func (m *model) overlay(body []string) []string {
	t := m.look.Theme
	l := &widget.Line{}
	from := max(0, m.input.at-max(1, len(body)/2)+1)
	for y := range min(len(body), max(1, len(body)/2)) {
		i := from + y
		if i >= len(m.input.choices) {
			break
		}
		base := t.Text
		if i == m.input.at {
			base = t.Selected
		}
		l.Reset(base)
		l.Pad(1)
		l.Cell(t.Accent, m.input.choices[i].text, min(30, m.width-1), t.Glyphs.More)
		l.Pad(l.Width() + 1)
		l.Put(t.Dim, m.input.choices[i].about)
		body[y] = l.Fit(m.width)
	}
	return body
}
