package tui

import (
	"sort"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// steps is how many steps of the time cursor a window has.
const steps = 120

// moveCursor moves the time cursor n steps.
func (m *model) moveCursor(n int) tea.Cmd {
	step := max(time.Second, (m.look.Window / steps).Truncate(time.Second))
	from := m.cursor
	if from.IsZero() {
		from = m.clock
	}
	return m.goTo(from.Add(time.Duration(n)*step), false)
}

// scrub goes to the snapshot that is n before or after.
func (m *model) scrub(n int) tea.Cmd {
	if m.o.Replay {
		return m.step(n)
	}
	from := m.cursor
	if from.IsZero() {
		if n > 0 {
			return nil
		}
		from = m.live.At()
	}
	snap := m.look.History.Walk(from, n)
	switch {
	case snap == nil:
		return m.notice(screen.Say{Text: "nothing was seen yet", Bad: true})
	case n > 0 && (snap == m.live || !snap.At().After(from)):
		return m.goTo(time.Time{}, true)
	case n < 0 && !snap.At().Before(from):
		text := "this is the first state that was seen here"
		if name := m.keys.Key(key.CursorBack); name != "" && m.o.Past != nil {
			text += "; " + name + " goes on into what was recorded before"
		}
		return m.notice(screen.Say{Text: text})
	}
	return m.goTo(snap.At(), false)
}

// step goes to the state of a recording that is n before or after.
func (m *model) step(n int) tea.Cmd {
	if len(m.times) == 0 {
		return m.notice(screen.Say{Text: "the recording is being read", Bad: true})
	}
	i := sort.Search(len(m.times), func(i int) bool { return m.times[i].After(m.cursor) }) - 1
	to := m.times[max(0, min(i+n, len(m.times)-1))]
	switch {
	case n < 0 && !to.Before(m.cursor):
		return m.notice(screen.Say{Text: "this is the first state of the recording"})
	case n > 0 && !to.After(m.cursor):
		return m.notice(screen.Say{Text: "this is the last state of the recording"})
	}
	return m.goTo(to, false)
}

// goTo shows another moment in all panes.
func (m *model) goTo(at time.Time, live bool) tea.Cmd {
	if m.o.Replay {
		return m.replayAt(at, live)
	}
	if live || !at.Before(m.clock) {
		m.forget()
		m.cursor = time.Time{}
		m.look.Snap, m.look.Now, m.look.Live = m.live, m.clock, true
		return m.deliver(screen.Changed{Facts: true, Window: true})
	}
	m.cursor = at
	m.look.Now, m.look.Live = at, false
	return m.showPast(at)
}

// replayAt shows another moment of a recording.
func (m *model) replayAt(at time.Time, end bool) tea.Cmd {
	if end || at.After(m.clock) {
		at = m.clock
	}
	if at.Before(m.first) {
		at = m.first
	}
	m.cursor, m.look.Now, m.look.Live = at, at, false
	return m.showPast(at)
}

// showPast shows what was kept of a moment, or recorded.
func (m *model) showPast(at time.Time) tea.Cmd {
	var read tea.Cmd
	m.forget()
	if m.look.Snap = m.look.History.At(at); m.look.Snap == nil {
		m.look.Snap = &fleet.Snapshot{}
		read = m.recall(at)
	} else if m.o.Replay && at.Sub(m.look.Snap.At()) > unseen {
		read = m.recall(at) // whether nothing changed or nobody looked, the recording knows
	}
	return tea.Batch(read, m.deliver(screen.Changed{Facts: true, Window: true}))
}
