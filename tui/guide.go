package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/guide"
	"github.com/gctl-dev/gctl/tui/screen"
)

// Guide says how a new user is led through the dashboard.
type Guide struct {
	Show  bool   // from the start; else where it is asked for (:guide)
	Story string // what there is to be seen in this fleet, in a few words
	// Closed remembers that it is not to be shown again; nil: nobody does.
	Closed func() error
}

// guideBegin shows the first step.
func (m *model) guideBegin() {
	m.guide = guide.New(m.o.Guide.Story, m.keys)
	m.guide.See(m.moment())
	m.size(m.width, m.height)
}

func (m *model) guideHeight() int {
	if m.guide == nil {
		return 0
	}
	return guide.Height(m.height)
}

// moment is what the guide sees.
func (m *model) moment() *guide.Moment {
	typing, ok := m.pages.top().(screen.Typing)
	return &guide.Moment{
		Screen: m.pages.top().Place().Screen, Command: m.input != nil && m.input.sign == ":",
		Typing: ok && typing.Typing() || m.input != nil, Live: m.look.Live, Replay: m.o.Replay, Now: m.look.Now,
	}
}

// lead lets the guide see what a message has come to, and adds to what it leads to.
func (m *model) lead(cmd tea.Cmd) tea.Cmd {
	if m.guide == nil {
		return cmd
	}
	was := m.guide.Over()
	if m.guide.See(m.moment()) {
		m.dirty = true
	}
	if m.guide.Over() && !was {
		return tea.Batch(cmd, m.guideSeen())
	}
	return cmd
}

func (m *model) guideOpen() tea.Cmd {
	m.guideBegin()
	return m.deliver(screen.Changed{})
}

func (m *model) guideNext() tea.Cmd {
	switch {
	case m.guide == nil:
		m.dirty = m.was
		return nil
	case m.guide.Over():
		return m.guideClose()
	}
	m.guide.Skip()
	if m.guide.Over() {
		return m.guideSeen()
	}
	return nil
}

func (m *model) guideClose() tea.Cmd {
	if m.guide == nil {
		m.dirty = m.was
		return nil
	}
	m.guide = nil
	m.size(m.width, m.height)
	return tea.Batch(m.deliver(screen.Changed{}), m.notice(screen.Say{Text: ":guide brings the guide back"}), m.guideSeen())
}

// guideSeen is the command that remembers that the guide was seen or not wanted.
func (m *model) guideSeen() tea.Cmd {
	remember := m.o.Guide.Closed
	if remember == nil {
		return nil
	}
	return func() tea.Msg {
		if err := remember(); err != nil {
			return screen.Say{Text: "the guide will be shown again: " + screen.Sentence(err), Bad: true}
		}
		return nil
	}
}
