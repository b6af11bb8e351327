package tui

import (
	"context"
	"errors"
	"strings"
	"sync"
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
		times       []time.Time // of all states
		first, last *fleet.Snapshot
		err         error
	}
	// pastMsg is the fleet of a time that the dashboard has not seen itself.
	pastMsg struct {
		number int // of the recall
		at     time.Time
		snap   *fleet.Snapshot
		err    error
	}
)

// mostReplayed is how many snapshots of a recording are held; those before are read
// when the time cursor comes there.
const mostReplayed = 20_000

// unseen is how much older than its moment a recorded state may be: a recorder that
// runs says three times in it that all is as before.
const unseen = time.Minute

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
		got := replayMsg{times: times}
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
	m.live, m.first, m.times = got.last, got.first.At(), got.times
	m.clock, m.look.Clock, m.look.Began = got.last.At(), got.last.At(), got.first.At()
	return m.goTo(m.clock, false)
}

// recall is the command that reads the fleet of a time that was recorded. What it is
// in place of is no longer wanted.
func (m *model) recall(at time.Time) tea.Cmd {
	open := m.o.Past
	if open == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(m.ctx)
	m.recalls++
	m.stopRecall, m.look.Recalling = cancel, true
	number := m.recalls
	return func() tea.Msg {
		past, err := open(ctx)
		if err != nil {
			return pastMsg{number: number, at: at, err: err}
		}
		snap, err := past.At(ctx, at)
		return pastMsg{number, at, snap, err}
	}
}

// forget ends the recall that is under way, and what the last one has come to.
func (m *model) forget() {
	if m.stopRecall != nil {
		m.stopRecall()
	}
	m.stopRecall, m.known = nil, time.Time{}
	m.look.Recalling, m.look.RecallErr = false, nil
}

// recalled takes the fleet of a time, if the time cursor still is there.
func (m *model) recalled(got pastMsg) tea.Cmd {
	if m.stopRecall == nil || got.number != m.recalls {
		m.dirty = m.was
		return nil
	}
	m.forget()
	if got.err != nil || got.snap == nil {
		if !errors.Is(got.err, fleet.ErrNotFound) {
			m.look.RecallErr = got.err
		}
		return nil
	}
	m.look.Snap = got.snap
	if at := got.snap.At(); got.at.Sub(at) > unseen {
		m.known = at
	}
	return m.deliver(screen.Changed{Facts: true, Window: true})
}

// recordedMsg says that a recording has ended.
type recordedMsg struct {
	number int
	path   string
	err    error
}

// recorder runs what records, beside the loop: a command may be dropped without having
// run, and what it has come to is asked for when there is no loop any more.
type recorder struct {
	running sync.WaitGroup

	mu   sync.Mutex
	last int   // the number of the last that was begun
	err  error // why that is not whole
}

func (r *recorder) begin(ctx context.Context, number int, run func(context.Context) (string, error)) <-chan recordedMsg {
	r.end(number, nil)
	ended := make(chan recordedMsg, 1)
	r.running.Go(func() {
		path, err := run(ctx)
		r.end(number, err)
		ended <- recordedMsg{number, path, err}
	})
	return ended
}

func (r *recorder) end(number int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if number >= r.last {
		r.last, r.err = number, err
	}
}

// failure is why the last recording is not whole, nil if it is.
func (r *recorder) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		return nil
	}
	return &fleet.Error{What: "what was seen is not recorded, or not all of it", Err: r.err, Hint: screen.HintOf(r.err)}
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
	m.stopRecord, m.unrecorded = stop, false
	m.records++
	ended := m.recorder.begin(ctx, m.records, m.o.Record)
	return tea.Batch(m.notice(screen.Say{Text: strings.TrimSuffix("recording; "+screen.Does(&m.look, key.Record, "ends it"), "; ")}), func() tea.Msg {
		select {
		case msg := <-ended:
			return msg
		case <-m.ctx.Done():
			return nil
		}
	})
}

// recorded says where a recording is that has ended, or why it has.
func (m *model) recorded(got recordedMsg) tea.Cmd {
	if got.number == m.records {
		m.stopRecord()
		m.stopRecord, m.unrecorded = nil, got.err != nil
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
