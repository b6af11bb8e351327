package tui

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/ops/incident"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/tui/screen"
)

// exportedMsg says where an incident was written to, or why not.
type exportedMsg struct {
	dir string
	err error
}

// export writes down what is known of the incident: of the window up to the time
// cursor, or to now.
func (m *model) export() tea.Cmd {
	write, ctx := m.o.Export, m.ctx
	if write == nil {
		return m.notice(screen.Say{Text: "nothing can be exported here", Bad: true})
	}
	in := m.incident()
	return tea.Batch(m.notice(screen.Say{Text: "writing the incident down"}), func() tea.Msg {
		dir, err := write(ctx, in)
		return exportedMsg{dir, err}
	})
}

// exported tells what has become of it.
func (m *model) exported(got exportedMsg) tea.Cmd {
	if got.err != nil {
		return m.notice(screen.Say{Text: "not exported: " + screen.Sentence(got.err), Bad: true})
	}
	return m.notice(screen.Say{Text: "exported to " + got.dir})
}

// incident is what is known, gathered from all pages.
func (m *model) incident() *incident.Incident {
	end := m.look.Clock
	start := m.look.Now.Add(-m.look.Window)
	in := &incident.Incident{
		Title: "Incident in " + m.o.Context, Context: m.o.Context, Exported: m.o.Now(), From: start, To: end, Cursor: m.cursor,
		Start: m.look.History.At(start), End: m.live,
	}
	if !m.cursor.IsZero() {
		in.AtCursor = m.look.Snap
	}
	if in.Start == nil {
		if oldest := m.look.History.Oldest(); !oldest.IsZero() {
			in.Start = m.look.History.At(oldest)
		}
	}
	for _, e := range m.live.Events() {
		if !e.At.Before(start) && !e.At.After(end) {
			in.Events = append(in.Events, e)
		}
	}
	for _, n := range m.look.Notes.List() {
		in.Notes = append(in.Notes, incident.Note{At: n.At, Text: n.Text})
	}
	for i := range m.pages.list {
		in.Traces = m.traces(in.Traces, m.pages.list[i].Screen)
	}
	for _, p := range m.pages.list { // the last one asked is the one that counts
		if r, ok := p.Screen.(interface{ Report() *why.Report }); ok && r.Report() != nil {
			in.Report = r.Report()
			in.Title = in.Report.Service + " in " + m.o.Context
		}
	}
	return in
}

func (m *model) traces(known []string, s screen.Screen) []string {
	if p := s.Place(); p.Screen == "trace" && !slices.Contains(known, p.Subject) {
		return append(known, p.Subject)
	}
	return known
}

// Export writes an incident down and returns where.
type Export func(ctx context.Context, in *incident.Incident) (dir string, err error)
