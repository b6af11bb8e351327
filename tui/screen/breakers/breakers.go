// Package breakers is the screen of the circuit breakers: who calls whom, and what
// the breakers between them do; below it the single breakers of the cell under the
// cursor.
package breakers

import (
	"context"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Name is the screen's name.
const Name = "breakers"

// Screen is the screen.
type Screen struct {
	subject string // the service that it is about; empty: all
	jobs    *screen.Jobs

	all    *widget.Arranged[row] // all breakers; nil: not looked at yet
	grid   grid
	table  widget.Table[row] // of the cell, or of all
	spec   widget.Spec
	inList bool // keys go to the list
	alone  bool // there is the list only, as drawn last
	stale  bool // what is shown is not of the latest look

	at    geometry
	words words
	now   time.Time // of what is drawn
	aged  struct {
		of   time.Duration
		text string
	}
}

// New returns the screen about a service, or about all of them.
func New(jobs *screen.Jobs, subject string) *Screen {
	s := &Screen{jobs: jobs, subject: subject}
	s.table.Columns = s.columns()
	return s
}

// Place implements screen.Screen.
func (s *Screen) Place() screen.Place { return screen.Place{Screen: Name, Subject: s.subject} }

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
			if a, ok := got.(arranged); ok {
				s.set(a)
			}
			if s.stale {
				return s.arrange(look)
			}
		}
	case screen.Act:
		return s.act(msg.Action)
	case screen.Click:
		return s.click(msg)
	}
	return nil
}

func (s *Screen) act(a key.Action) tea.Cmd {
	switch {
	case a == key.NextPane || a == key.PrevPane:
		s.inList = !s.inList
	case s.list():
		if !s.table.Do(a) && a == key.Enter {
			return s.open()
		}
	case s.grid.matrix == nil:
	case s.grid.do(a):
		s.fill()
	case a == key.Enter:
		s.inList = true
	}
	return nil
}

// list tells whether keys go to the list.
func (s *Screen) list() bool { return s.inList || s.alone }

func (s *Screen) open() tea.Cmd {
	switch r := s.table.Selected(); {
	case r == nil:
		return nil
	case r.b.Target == "":
		return screen.Send(screen.Say{Text: "the source does not tell whom " + r.b.Name + " is towards", Bad: true})
	default:
		return screen.Open("service", r.b.Target)
	}
}

func (s *Screen) click(c screen.Click) tea.Cmd {
	switch y := c.Y - s.at.list; {
	case c.Y < s.at.top:
	case !s.alone && c.Y < s.at.top+s.at.grid:
		if s.grid.matrix != nil && s.grid.click(c.X, c.Y-s.at.top) {
			s.inList = c.Twice
			s.fill()
		}
	case y >= 0 && s.table.Click(y):
		s.inList = true
		if c.Twice {
			return s.open()
		}
	}
	return nil
}

// arranged is what the screen shows of a snapshot.
type arranged struct {
	all    *widget.Arranged[row]
	matrix *matrix
}

const arranging = "arrange"

// arrange puts the breakers in order, beside the loop. While that is under way, a
// newer look waits for its end.
func (s *Screen) arrange(look *screen.Look) tea.Cmd {
	if s.stale = s.jobs.Busy(arranging); s.stale {
		return nil
	}
	snap, now, subject := look.Snap, look.Now, s.subject
	return s.start(now, func() []row { return rows(snap, subject, now) })
}

// again puts the same breakers in another order.
func (s *Screen) again(look *screen.Look) tea.Cmd {
	if s.all == nil {
		return nil
	}
	s.stale = s.stale || s.jobs.Busy(arranging) // whose rows would have been newer
	list := s.all.Rows
	return s.start(look.Now, func() []row { return list })
}

func (s *Screen) start(now time.Time, list func() []row) tea.Cmd {
	spec, columns, before := s.spec, s.table.Columns, s.all
	return s.jobs.Start(arranging, func(context.Context) tea.Msg {
		all := widget.Arrange(columns, list(), (*row).id, spec, before)
		return arranged{all, newMatrix(all, now)}
	})
}

func (s *Screen) set(a arranged) {
	s.all = a.all
	s.grid.set(a.matrix)
	s.fill()
}

// fill lists the breakers of the cell, or all where there is no matrix.
func (s *Screen) fill() {
	if s.all == nil {
		return
	}
	if s.alone {
		s.table.Set(s.all)
		return
	}
	spec := s.spec
	spec.Filter = widget.Filter{} // it was asked before
	var list []row
	if _, c := s.grid.selected(); c != nil {
		list = c.rows
	}
	s.table.Set(widget.Arrange(s.table.Columns, list, (*row).id, spec, nil))
}

// Visible implements screen.Visible: the callers whose breakers are listed, and then
// those of the matrix, where there is one.
func (s *Screen) Visible() []fleet.Subject {
	var list []fleet.Subject
	for r := range s.table.Visible() {
		list = append(list, fleet.Subject{Service: r.b.Caller.Service, Instance: r.b.Caller.ID})
	}
	list = slices.Compact(list)
	if m := s.grid.matrix; m != nil && !s.alone {
		for _, name := range m.callers[min(s.grid.top, len(m.callers)):min(s.grid.top+s.grid.height, len(m.callers))] {
			list = append(list, fleet.Subject{Service: name})
		}
	}
	return list
}

// Filter implements screen.Filtered.
func (s *Screen) Filter() string { return s.spec.Filter.Text }

// SetFilter implements screen.Filtered.
func (s *Screen) SetFilter(text string, look *screen.Look) tea.Cmd {
	s.spec.Filter = s.table.Filter(text)
	return s.again(look)
}

// Letters implements screen.Sorted.
func (s *Screen) Letters() []widget.Letter { return s.table.Letters() }

// Order implements screen.Ordered.
func (s *Screen) Order() string { return s.table.Order(s.spec) }

// SortBy implements screen.Sorted.
func (s *Screen) SortBy(letter string, look *screen.Look) (tea.Cmd, bool) {
	spec, ok := s.table.SortBy(s.spec, letter)
	if !ok {
		return nil, false
	}
	s.spec = spec
	return s.again(look), true
}

// Unmark takes the marks away and tells whether there were any.
func (s *Screen) Unmark() bool { return s.table.Unmark() }

// Status implements screen.Screen.
func (s *Screen) Status(look *screen.Look, l *widget.Line) {
	t := look.Theme
	if s.all == nil {
		l.Put(t.Dim, "asking for breakers "+t.Glyphs.More)
		return
	}
	if s.all.Fuzzy {
		l.Put(t.Warn, "no match, near ones  ")
	}
	m := s.grid.matrix
	if m.open > 0 {
		l.Put(t.Bad, fmt.Sprintf("%s %d open  ", t.Glyphs.Bad, m.open))
	}
	if rest := m.bad - m.open; rest > 0 {
		l.Put(t.Warn, fmt.Sprintf("%s %d not closed  ", t.Glyphs.Warn, rest))
	}
	if seen := s.grid.seen(); seen != "" && !s.alone && look.Width >= 100 {
		l.Put(t.Dim, seen+"  ")
	}
	l.Put(t.Dim, fmt.Sprintf("%d/%d breakers  sort: %s", s.all.Len(), len(s.all.Rows), s.table.SortTitle(t)))
}

// Hints implements screen.Screen.
func (s *Screen) Hints() []screen.Hint {
	first := screen.Hint{Action: key.NextPane, Does: "list"}
	if s.list() {
		first = screen.Hint{Action: key.NextPane, Does: "matrix"}
	}
	hints := []screen.Hint{
		first, {Action: key.Describe, Does: "describe"}, {Action: key.Evidence, Does: "evidence"}, {Action: key.Why, Does: "why"},
		{Action: key.Act, Does: "act"}, {Action: key.Filter, Does: "filter"}, {Action: key.Sort, Does: "sort"}, {Action: key.Copy, Does: "copy the name"},
	}
	if s.alone {
		return hints[1:]
	}
	return hints
}

// selected is the breaker under the cursor: in the list its row, in the matrix the
// worst of the cell.
func (s *Screen) selected() *fleet.Breaker {
	if s.list() {
		if r := s.table.Selected(); r != nil {
			return r.b
		}
		return nil
	}
	if _, c := s.grid.selected(); c != nil {
		return c.worst
	}
	return nil
}

// Focus implements screen.Focused.
func (s *Screen) Focus(*screen.Look) screen.Focus {
	if b := s.selected(); b != nil {
		return screen.Focus{Service: b.Target, Breaker: b}
	}
	if !s.list() { // nobody has a breaker here: still it is about the callee
		if on, _ := s.grid.selected(); on.callee != "" {
			return screen.Focus{Service: on.callee}
		}
	}
	return screen.Focus{Service: s.subject}
}
