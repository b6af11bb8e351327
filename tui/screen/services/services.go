// Package services is the screen of the whole fleet: every service in a row, the
// one in trouble first.
package services

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/triage"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Name is the screen's name.
const Name = "services"

// Screen is the screen.
type Screen struct {
	jobs  *screen.Jobs
	table widget.Table[row]
	spec  widget.Spec
	stale bool // what is shown is not of the latest look
	of    int  // what of the history the rows were judged by
}

// New returns the screen with the columns of those names, with all where none is
// named.
func New(jobs *screen.Jobs, names ...string) *Screen {
	s := &Screen{jobs: jobs}
	s.table.Columns, _ = widget.Choose(columns(), names)
	return s
}

// Columns are the names of the columns of each table.
func Columns() map[string][]string { return map[string][]string{Name: widget.Names(columns())} }

// Place implements screen.Screen.
func (s *Screen) Place() screen.Place { return screen.Place{Screen: Name} }

// Update implements screen.Screen.
func (s *Screen) Update(msg tea.Msg, look *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case screen.Shown:
		return s.arrange(look)
	case screen.Changed:
		if msg.Facts || msg.Window {
			return s.arrange(look)
		}
	case screen.Answer:
		if got, ok := s.jobs.Accept(msg); ok {
			if a, ok := got.(*widget.Arranged[row]); ok {
				s.table.Set(a)
			}
			if s.stale {
				return s.arrange(look)
			}
		}
	case screen.Act:
		return s.act(msg.Action)
	case screen.Click:
		if s.table.Click(msg.Y) && msg.Twice {
			return s.open()
		}
	}
	return nil
}

func (s *Screen) act(a key.Action) tea.Cmd {
	switch {
	case s.table.Do(a):
	case a == key.Enter || a == key.Right:
		return s.open()
	}
	return nil
}

func (s *Screen) open() tea.Cmd {
	if r := s.table.Selected(); r != nil {
		return screen.Open("service", r.facts.Name)
	}
	return nil
}

const arranging = "arrange"

// arrange puts the rows in order, beside the loop. While that is under way, a newer
// look waits for its end.
func (s *Screen) arrange(look *screen.Look) tea.Cmd {
	if s.stale = s.jobs.Busy(arranging); s.stale {
		return nil
	}
	snap, before, spec, columns := look.Snap, s.table.Arranged(), s.spec, s.table.Columns
	trend := look.History.Trend
	var same []row
	if before != nil && look.Live && s.of == look.History.Filled() {
		same = before.Rows
	}
	s.of = look.History.Filled()
	if !look.Live {
		s.of = -1
		now, past := look.Now, look.History
		trend = func(service string) (history.Trend, bool) { return past.TrendAt(service, now) }
	}
	return s.jobs.Start(arranging, func(context.Context) tea.Msg {
		return widget.Arrange(columns, rows(snap, same, trend), (*row).id, spec, before)
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
	lines := s.table.View(look.Width, look.Height, look.Theme, true)
	if s.table.Len() == 0 {
		return s.empty(look, lines)
	}
	return lines
}

// Filter implements screen.Filtered.
func (s *Screen) Filter() string { return s.spec.Filter.Text }

// SetFilter implements screen.Filtered.
func (s *Screen) SetFilter(text string, _ *screen.Look) tea.Cmd {
	s.spec.Filter = s.table.Filter(text)
	return s.again()
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

// Status implements screen.Screen.
func (s *Screen) Status(look *screen.Look, l *widget.Line) {
	a := s.table.Arranged()
	if a == nil {
		l.Put(look.Theme.Dim, "asking the catalog "+look.Theme.Glyphs.More)
		return
	}
	if n := len(s.table.Marked()); n > 0 {
		l.Put(look.Theme.Marked, fmt.Sprintf("%d marked  ", n))
	}
	if a.Fuzzy {
		l.Put(look.Theme.Warn, "no match, near ones  ")
	}
	l.Put(look.Theme.Dim, fmt.Sprintf("%d/%d  sort: %s", a.Len(), len(a.Rows), s.table.SortTitle(look.Theme)))
}

// Hints implements screen.Screen.
func (s *Screen) Hints() []screen.Hint {
	return []screen.Hint{
		{Action: key.Enter, Does: "open"}, {Action: key.Why, Does: "why"}, {Action: key.Traces, Does: "traces"},
		{Action: key.Breakers, Does: "breakers"}, {Action: key.Filter, Does: "filter"}, {Action: key.Sort, Does: "sort"},
		{Action: key.Evidence, Does: "evidence"}, {Action: key.Events, Does: "events"},
	}
}

// Focus implements screen.Focused.
func (s *Screen) Focus(look *screen.Look) screen.Focus {
	r := s.table.Selected()
	if r == nil {
		return screen.Focus{}
	}
	f := screen.Focus{Service: r.facts.Name}
	for _, name := range s.table.Marked() {
		if facts := look.Snap.Service(name); facts != nil {
			for _, in := range facts.Instances {
				f.Marked = append(f.Marked, in.Instance)
			}
		}
	}
	return f
}

// Visible implements screen.Visible.
func (s *Screen) Visible() []fleet.Subject {
	var list []fleet.Subject
	for r := range s.table.Visible() {
		list = append(list, fleet.Subject{Service: r.facts.Name})
	}
	return list
}

// Evidence implements screen.Evident.
func (s *Screen) Evidence(look *screen.Look) []screen.Evidence {
	r := s.table.Selected()
	if r == nil {
		return nil
	}
	return evidence(r, look.Snap)
}

func evidence(r *row, snap *fleet.Snapshot) []screen.Evidence {
	name := r.facts.Name
	var list []screen.Evidence
	if len(r.facts.Instances) > 0 {
		_, text := r.health()
		list = append(list, screen.Evidence{
			What: "instances of " + name, Value: fmt.Sprint(r.Instances), Provenance: r.facts.Instances[0].Provenance,
			Commands: []string{"gctl instances " + name},
		})
		if len(r.facts.Health) > 0 {
			list = append(list, screen.Evidence{
				What: "health of " + name, Value: text, Provenance: r.facts.Health[0].Provenance,
				Notes: []string{"one of " + fmt.Sprint(len(r.facts.Health)) + " answers"}, Commands: []string{"gctl health " + name},
			})
		}
	}
	if r.RED != nil {
		list = append(list, screen.REDEvidence(name, r.RED, "gctl metrics "+name))
	}
	return append(list, breakerEvidence(r, snap))
}

// breakerEvidence says how many breakers there are, who told it and how that one
// stands: where it fails there may be others.
func breakerEvidence(r *row, snap *fleet.Snapshot) screen.Evidence {
	name := r.facts.Name
	e := screen.Evidence{What: "breakers towards " + name, Value: fmt.Sprint(r.Breakers.All), Commands: []string{"gctl breakers --target " + name}}
	if r.Breakers.All == 0 && r.Breakers.Unheard {
		e.Value = "unknown"
	}
	state, ok := snap.Source(fleet.BreakerFeed)
	if known := snap.BreakersTo(name); len(known) > 0 {
		e.Provenance = known[0].Provenance
	} else if ok {
		e.Provenance = fleet.Provenance{Source: "the instances, as their callers", At: state.At, Feed: state.Name}
	}
	switch {
	case !ok:
	case state.Status == fleet.SourceStarting:
		e.Notes = append(e.Notes, "the instances have not answered yet")
	case state.Status == fleet.SourceFailing:
		e.Notes = append(e.Notes, "the instances cannot be asked: "+screen.Sentence(state.Err))
	case state.Status == fleet.SourceStale:
		e.Notes = append(e.Notes, "the answer is overdue")
	}
	if n := len(state.Missing); n > 0 {
		e.Notes = append(e.Notes, fmt.Sprintf("%d instances told nothing of breakers (gctl breakers -v names them)", n))
	}
	return e
}

// serviceRow is a service as data, with the keys of the commands.
type serviceRow struct {
	Service   string         `json:"service"`
	Verdict   string         `json:"verdict"`
	Why       string         `json:"why"`
	Instances int            `json:"instances"`
	Serving   int            `json:"serving"`
	Down      int            `json:"down"`
	Unknown   int            `json:"unknown"`
	Idle      int            `json:"idle"`
	Open      *int           `json:"breakers_open"` // null: not known
	HalfOpen  *int           `json:"breakers_half_open"`
	Metrics   map[string]any `json:"metrics"`
}

func (r *row) data() serviceRow {
	d := serviceRow{
		Service: r.facts.Name, Verdict: r.Verdict.String(), Why: r.Why, Instances: r.Instances, Serving: r.Serving, Down: r.Down,
		Unknown: r.Unknown, Idle: r.Idle,
	}
	if n := r.Breakers; n.All > 0 || !n.Unheard {
		d.Open, d.HalfOpen = &n.Open, &n.HalfOpen
	}
	if r.RED != nil {
		d.Metrics = screen.REDData(r.RED)
	}
	return d
}

// Rows implements screen.Tabled.
func (s *Screen) Rows(*screen.Look) any {
	rows := []serviceRow{}
	if a := s.table.Arranged(); a != nil {
		for i := range a.Len() {
			rows = append(rows, a.At(i).data())
		}
	}
	return rows
}

// Describe implements screen.Described.
func (s *Screen) Describe(look *screen.Look) (title string, lines []string) {
	r := s.table.Selected()
	if r == nil {
		return "", nil
	}
	_, health := r.health()
	lines = []string{r.facts.Name + ":", "  verdict    " + r.Verdict.String() + "  " + r.Why, "  instances  " + health}
	for _, in := range r.facts.Instances {
		_, word := triage.Instance(in, triage.HealthOf(r.facts, in.ID))
		lines = append(lines, fmt.Sprintf("    %-24s %-22s %-12s %s", in.ID, in.Addr, word, in.Version))
	}
	for _, b := range look.Snap.BreakersTo(r.facts.Name) {
		lines = append(lines, fmt.Sprintf("  breaker    %s in %s: %s %s", b.Name, b.Caller.ID, b.State, b.Override))
	}
	return r.facts.Name, lines
}

// Data implements screen.Described.
func (s *Screen) Data(*screen.Look) any {
	if r := s.table.Selected(); r != nil {
		return r.data()
	}
	return nil
}

// Copied implements screen.Copied.
func (s *Screen) Copied(*screen.Look) (what, text string) {
	if r := s.table.Selected(); r != nil {
		return r.facts.Name, r.facts.Name
	}
	return "", ""
}

// Unmark takes the marks away and tells whether there were any.
func (s *Screen) Unmark() bool { return s.table.Unmark() }
