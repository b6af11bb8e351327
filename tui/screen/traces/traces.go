// Package traces is the screen of a search: the traces of a service, or of all, in
// the window of the dashboard.
package traces

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Name is the screen's name.
const Name = "traces"

// Screen is the screen.
type Screen struct {
	jobs    *screen.Jobs
	service string // empty: of all

	asked   fleet.TraceQuery // the last search
	got     *answer          // the last one that was good, or the first
	failed  error            // why the last one was not
	by      narrow           // what the filter asks the source for
	besides *narrowed        // what it has found so

	table   widget.Table[row]
	spec    widget.Spec
	stale   bool // what is shown is not of the latest answer
	scatter scatter
}

// New returns the screen of a service, of all where it is empty, with the columns
// that are named, with all where none is.
func New(jobs *screen.Jobs, service string, names ...string) *Screen {
	s := &Screen{jobs: jobs, service: service}
	s.table.Columns, _ = widget.Choose(columns(), names)
	s.spec = widget.By(s.table.Columns, "start")
	return s
}

// Columns are the names of the columns of each table.
func Columns() map[string][]string { return map[string][]string{Name: widget.Names(columns())} }

// Place implements screen.Screen.
func (s *Screen) Place() screen.Place { return screen.Place{Screen: Name, Subject: s.service} }

// Update implements screen.Screen.
func (s *Screen) Update(msg tea.Msg, look *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case screen.Shown:
		return s.shown(look)
	case screen.Changed:
		if msg.Window {
			return s.search(look)
		}
	case screen.Answer:
		if got, ok := s.jobs.Accept(msg); ok {
			return s.answer(got, look)
		}
	case screen.Act:
		return s.act(msg.Action, look)
	case screen.Click:
		if s.table.Click(msg.Y-s.scatter.height) && msg.Twice {
			return s.open()
		}
	}
	return nil
}

// shown searches, unless what is there is of the same window. Live, the window goes
// on; who comes back from a trace wants to find the list as it was.
func (s *Screen) shown(look *screen.Look) tea.Cmd {
	same := s.asked.End.Sub(s.asked.Start) == look.Window && (look.Live || s.asked.End.Equal(look.Now))
	if same && (s.got != nil || s.jobs.Busy(searching)) {
		return nil
	}
	return s.search(look)
}

func (s *Screen) answer(got any, look *screen.Look) tea.Cmd {
	switch got := got.(type) {
	case *answer:
		return s.take(got, look)
	case *narrowed:
		s.besides = got
		return s.arrange(look)
	case *widget.Arranged[row]:
		s.table.Set(got)
		if s.stale {
			return s.arrange(look)
		}
	}
	return nil
}

// take keeps an answer. Where a search fails, what was found before stays.
func (s *Screen) take(got *answer, look *screen.Look) tea.Cmd {
	s.failed = got.err
	if got.err != nil && s.got != nil {
		return nil
	}
	s.got, s.besides, s.by = got, nil, narrow{}
	return tea.Batch(s.arrange(look), s.narrowDown(look))
}

func (s *Screen) act(a key.Action, look *screen.Look) tea.Cmd {
	switch {
	case s.table.Do(a):
	case a == key.Enter || a == key.Right:
		return s.open()
	case a == key.Refresh:
		return s.search(look)
	}
	return nil
}

func (s *Screen) open() tea.Cmd {
	if r := s.table.Selected(); r != nil {
		return screen.Open("trace", r.ID)
	}
	return nil
}

// arrange puts the rows in order, beside the loop. While that is under way, what is
// newer waits for its end.
func (s *Screen) arrange(look *screen.Look) tea.Cmd {
	if s.stale = s.jobs.Busy(arranging); s.stale || s.got == nil {
		return nil
	}
	got, zone, layout := s.got, look.Now.Location(), layoutOf(look.Window)
	var besides []fleet.TraceSummary
	if s.besides != nil {
		besides = s.besides.list.Traces
	}
	before, spec, columns := s.table.Arranged(), s.spec, s.table.Columns
	return s.jobs.Start(arranging, func(context.Context) tea.Msg {
		return widget.Arrange(columns, rows(got.list.Traces, besides, zone, layout), (*row).id, spec, before)
	})
}

// again puts the same rows in another order.
func (s *Screen) again() tea.Cmd {
	before := s.table.Arranged()
	if before == nil {
		return nil
	}
	spec, columns := s.spec, s.table.Columns
	s.stale = s.stale || s.jobs.Busy(arranging) // whose rows would have been newer
	return s.jobs.Start(arranging, func(context.Context) tea.Msg {
		return widget.Arrange(columns, before.Rows, (*row).id, spec, before)
	})
}

// View implements screen.Screen.
func (s *Screen) View(look *screen.Look) []string {
	w, h := look.Width, look.Height
	if s.table.Len() == 0 {
		s.scatter.height = 0
		return s.empty(look, widget.Fill(nil, h, w))
	}
	start, end := s.covered()
	lines := s.scatter.view(look, start, end, s.table.Arranged(), s.table.Selected())
	return append(lines, s.table.View(w, h-len(lines), look.Theme, true)...)
}

// covered is the time in which the traces that were found began. Where only the
// newest were found, it begins with the oldest of them.
func (s *Screen) covered() (start, end time.Time) {
	q, list := &s.got.query, s.got.list.Traces
	if !s.got.list.More || len(list) == 0 {
		return q.Start, q.End
	}
	start = list[len(list)-1].Start
	if s.besides != nil && len(s.besides.list.Traces) > 0 {
		if first := s.besides.list.Traces[len(s.besides.list.Traces)-1].Start; first.Before(start) {
			start = first
		}
	}
	return start, q.End
}

// Filter implements screen.Filtered.
func (s *Screen) Filter() string { return s.spec.Filter.Text }

// SetFilter implements screen.Filtered.
func (s *Screen) SetFilter(text string, look *screen.Look) tea.Cmd {
	s.spec.Filter = s.table.Filter(text)
	had := s.besides != nil
	more := s.narrowDown(look)
	if had && s.besides == nil {
		return tea.Batch(s.arrange(look), more)
	}
	return tea.Batch(s.again(), more)
}

// Letters implements screen.Sorted.
func (s *Screen) Letters() []widget.Letter { return s.table.Letters() }

// Order implements screen.Ordered.
func (s *Screen) Order() string { return s.table.Order(s.spec) }

// SortBy implements screen.Sorted.
func (s *Screen) SortBy(letter string, _ *screen.Look) (tea.Cmd, bool) {
	spec, ok := s.table.SortBy(s.spec, letter)
	if !ok {
		return nil, false
	}
	s.spec = spec
	return s.again(), true
}

// Unmark takes the marks away.
func (s *Screen) Unmark() bool { return s.table.Unmark() }

// Status implements screen.Screen.
func (s *Screen) Status(look *screen.Look, l *widget.Line) {
	t := look.Theme
	switch {
	case s.jobs.Busy(searching):
		l.Put(t.Accent, "searching "+t.Glyphs.More+"  ")
	case s.jobs.Busy(narrowing):
		l.Put(t.Accent, "looking for more "+t.Glyphs.More+"  ")
	case s.failed != nil && s.table.Len() > 0:
		l.Put(t.Bad, t.Glyphs.Bad+" the last search failed  ")
	}
	a := s.table.Arranged()
	if a == nil || len(a.Rows) == 0 {
		return
	}
	if a.Fuzzy {
		l.Put(t.Warn, "no match, near ones  ")
	}
	l.Put(t.Dim, fmt.Sprintf("%d/%d", a.Len(), len(a.Rows)))
	if s.got != nil && s.got.list.More {
		l.Put(t.Warn, " newest, there are more")
	}
	l.Put(t.Dim, "  sort: "+s.table.SortTitle(t))
}

// Hints implements screen.Screen.
func (s *Screen) Hints() []screen.Hint {
	return []screen.Hint{
		{Action: key.Enter, Does: "open"}, {Action: key.Sort, Does: "sort"}, {Action: key.Filter, Does: "filter: errors>0 dur>200ms"},
		{Action: key.Refresh, Does: "search again"}, {Action: key.Copy, Does: "copy the ID"}, {Action: key.Evidence, Does: "evidence"},
	}
}

// Focus implements screen.Focused.
func (s *Screen) Focus(*screen.Look) screen.Focus {
	f := screen.Focus{Service: s.service}
	if r := s.table.Selected(); r != nil {
		f.Trace = r.ID
		if f.Service == "" {
			f.Service = r.service()
		}
	}
	return f
}

// Copied implements screen.Copied.
func (s *Screen) Copied(*screen.Look) (what, text string) {
	if r := s.table.Selected(); r != nil {
		return "the trace ID", r.ID
	}
	return "", ""
}
