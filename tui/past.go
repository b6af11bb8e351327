package tui

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// Past is what was recorded of the fleet; a recording is one.
type Past interface {
	// At returns the fleet of a time, or last before it; its own time says when.
	At(ctx context.Context, at time.Time) (*fleet.Snapshot, error)
	// Timeline returns the times of which there is a snapshot, in order.
	Timeline(ctx context.Context) ([]time.Time, error)
}

// The messages of the past.
type (
	// replayMsg is how far the loading of a recording has come.
	replayMsg struct {
		first, last *fleet.Snapshot
		err         error
	}
	// pastMsg is the fleet of a time that the dashboard has not seen itself.
	pastMsg struct {
		at   time.Time
		snap *fleet.Snapshot
		err  error
	}
)

// mostReplayed is how many snapshots of a recording are held; those before are read
// when the time cursor comes there.
const mostReplayed = 20_000

// load is the command that reads a recording.
func (m *model) load() tea.Cmd {
	open, seen, ctx := m.o.Past, m.look.History, m.ctx
	return func() tea.Msg {
		past, err := open(ctx)
		if err != nil {
			return replayMsg{err: err}
		}
		times, err := past.Timeline(ctx)
		if err == nil && len(times) == 0 {
			err = &fleet.Error{What: "the recording is empty"}
		}
		if err != nil {
			return replayMsg{err: err}
		}
		var got replayMsg
		if got.first, err = past.At(ctx, times[0]); err != nil {
			return replayMsg{err: err}
		}
		for _, at := range times[max(0, len(times)-mostReplayed):] {
			snap, err := past.At(ctx, at)
			if err != nil {
				return replayMsg{err: err}
			}
			seen.Add(snap)
			got.last = snap
		}
		return got
	}
}

// replay takes a recording: the time cursor stands at its end.
func (m *model) replay(got replayMsg) tea.Cmd {
	if got.err != nil {
		m.failed = got.err
		return tea.Quit
	}
	m.live, m.first = got.last, got.first.At()
	m.clock, m.look.Clock, m.look.Began = got.last.At(), got.last.At(), got.first.At()
	return m.goTo(m.clock, false)
}

// recall is the command that reads the fleet of a time that was recorded.
func (m *model) recall(at time.Time) tea.Cmd {
	open, ctx := m.o.Past, m.ctx
	if open == nil {
		return nil
	}
	return func() tea.Msg {
		past, err := open(ctx)
		if err != nil {
			return pastMsg{at: at, err: err}
		}
		snap, err := past.At(ctx, at)
		return pastMsg{at, snap, err}
	}
}

// recalled takes the fleet of a time, if the time cursor still is there.
func (m *model) recalled(got pastMsg) tea.Cmd {
	if got.err != nil || got.snap == nil || !got.at.Equal(m.cursor) {
		m.dirty = m.was
		return nil
	}
	m.look.Snap = got.snap
	return m.deliver(screen.Changed{Facts: true, Window: true})
}

// recordedMsg says that a recording has ended.
type recordedMsg struct {
	number int
	path   string
	err    error
}

// record begins to record, or ends it.
func (m *model) record() tea.Cmd {
	switch {
	case m.o.Record == nil:
		return m.notice(screen.Say{Text: "nothing can be recorded here", Bad: true})
	case m.stopRecord != nil:
		m.stopRecord()
		return m.notice(screen.Say{Text: "the recording ends"})
	}
	ctx, stop := context.WithCancel(m.ctx)
	m.stopRecord = stop
	m.records++
	number, run := m.records, m.o.Record
	m.recorder.Add(1)
	return tea.Batch(m.notice(screen.Say{Text: strings.TrimSuffix("recording; "+screen.Does(&m.look, key.Record, "ends it"), "; ")}), func() tea.Msg {
		defer m.recorder.Done()
		path, err := run(ctx)
		return recordedMsg{number, path, err}
	})
}

// recorded says where a recording is that has ended, or why it has.
func (m *model) recorded(got recordedMsg) tea.Cmd {
	if got.number == m.records {
		m.stopRecord()
		m.stopRecord = nil
	}
	if got.err != nil {
		text := "not recorded: " + screen.Sentence(got.err)
		if hint := screen.HintOf(got.err); hint != "" {
			text += "; " + hint
		}
		return m.notice(screen.Say{Text: text, Bad: true})
	}
	return m.notice(screen.Say{Text: "recorded to " + got.path})
}
