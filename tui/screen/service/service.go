// Package service is the screen of one service: how its calls went, by method and
// by instance, who calls it and whom it calls, and what changed.
package service

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
const Name = "service"

// Screen is the screen.
type Screen struct {
	jobs    *screen.Jobs
	service string
	panes   []pane
	at      int    // the pane that has the keys
	want    string // the instance that the cursor is to be on, "" for whichever
	stale   bool
	charts  charts
}

// pane is one of the tables below the charts.
type pane interface {
	title() string
	update(s *Screen, look *screen.Look) func(ctx context.Context) tea.Msg // the job that arranges it
	take(msg tea.Msg) bool
	act(a key.Action) bool
	click(y int) bool
	view(w, h int, look *screen.Look, focused bool) []string
	count() (shown, all int)
	filter() string
	setFilter(text string)
	sortBy(letter string) bool
	letters() []widget.Letter
	unmark() bool
	enter(s *Screen) tea.Cmd
	focus(s *Screen, f *screen.Focus, look *screen.Look)
	evidence(s *Screen) []screen.Evidence
	describe(s *Screen, look *screen.Look) (string, []string)
	data() any
	copied() (what, text string)
}

// New returns the screen of a service. columns are the names of those that a table
// has, by the table's name.
func New(jobs *screen.Jobs, service string, columns map[string][]string) *Screen {
	return &Screen{jobs: jobs, service: service, panes: []pane{
		newMethods(columns), newInstances(columns), newEdges(columns), newEvents(columns),
	}}
}

// Columns are the names of the columns of each table.
func Columns() map[string][]string {
	return map[string][]string{
		"methods": widget.Names(methodColumns()), "instances": widget.Names(instanceColumns()),
		"calls": widget.Names(edgeColumns()), "events": widget.Names(eventColumns()),
	}
}

// Place implements screen.Screen.
func (s *Screen) Place() screen.Place { return screen.Place{Screen: Name, Subject: s.service} }

// facts are what is known of the service, nil if nothing is.
func (s *Screen) facts(look *screen.Look) *fleet.ServiceFacts { return look.Snap.Service(s.service) }

const (
	arranging = "arrange"
	charting  = "chart"
)

// Update implements screen.Screen.
func (s *Screen) Update(msg tea.Msg, look *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case screen.Shown:
		return tea.Batch(s.arrange(look), s.chart(look))
	case screen.Changed:
		var cmds []tea.Cmd
		if msg.Facts || msg.Window {
			cmds = append(cmds, s.arrange(look))
		}
		if msg.Window || s.charts.old(look.Now, look.Window) || s.charts.early(s.facts(look)) && !s.jobs.Busy(charting) {
			cmds = append(cmds, s.chart(look))
		}
		return tea.Batch(cmds...)
	case screen.Answer:
		return s.answer(msg, look)
	case screen.Act:
		return s.act(msg.Action, look)
	case screen.Select:
		s.want = msg.Instance
		s.choose()
	case screen.Click:
		if s.click(msg, look) && msg.Twice {
			return s.pane().enter(s)
		}
	}
	return nil
}

func (s *Screen) answer(a screen.Answer, look *screen.Look) tea.Cmd {
	msg, ok := s.jobs.Accept(a)
	if !ok {
		return nil
	}
	switch msg := msg.(type) {
	case arranged:
		for _, m := range msg {
			for _, p := range s.panes {
				if p.take(m) {
					break
				}
			}
		}
		s.choose()
		if s.stale {
			return s.arrange(look)
		}
	case curves:
		s.charts.set(&msg)
		if s.charts.early(s.facts(look)) {
			return s.chart(look)
		}
	}
	return nil
}

// choose puts the cursor on the instance that is wanted, as soon as it is there.
func (s *Screen) choose() {
	if s.want == "" {
		return
	}
	for i, p := range s.panes {
		if in, ok := p.(*instances); ok && in.table.Select(s.want) {
			s.at, s.want = i, ""
		}
	}
}

func (s *Screen) pane() pane { return s.panes[s.at] }

func (s *Screen) act(a key.Action, look *screen.Look) tea.Cmd {
	s.want = "" // who presses a key first has chosen himself
	switch {
	case a == key.NextPane:
		s.at = (s.at + 1) % len(s.panes)
	case a == key.PrevPane:
		s.at = (s.at + len(s.panes) - 1) % len(s.panes)
	case a == key.Refresh:
		return s.chart(look)
	case s.pane().act(a):
	case a == key.Enter || a == key.Right:
		return s.pane().enter(s)
	}
	return nil
}

// arranged is what the job for the panes has come to.
type arranged []tea.Msg

func (s *Screen) arrange(look *screen.Look) tea.Cmd {
	if s.stale = s.jobs.Busy(arranging); s.stale {
		return nil
	}
	var work []func(context.Context) tea.Msg
	for _, p := range s.panes {
		work = append(work, p.update(s, look))
	}
	return s.jobs.Start(arranging, func(ctx context.Context) tea.Msg {
		var all arranged
		for _, do := range work {
			all = append(all, do(ctx))
		}
		return all
	})
}

// Filter implements screen.Filtered.
func (s *Screen) Filter() string { return s.pane().filter() }

// SetFilter implements screen.Filtered.
func (s *Screen) SetFilter(text string, look *screen.Look) tea.Cmd {
	s.pane().setFilter(text)
	return s.arrange(look)
}

// Letters implements screen.Sorted.
func (s *Screen) Letters() []widget.Letter { return s.pane().letters() }

// SortBy implements screen.Sorted.
func (s *Screen) SortBy(letter string, look *screen.Look) (tea.Cmd, bool) {
	if !s.pane().sortBy(letter) {
		return nil, false
	}
	return s.arrange(look), true
}

// Unmark takes the marks away and tells whether there were any.
func (s *Screen) Unmark() bool { return s.pane().unmark() }

// Status implements screen.Screen.
func (s *Screen) Status(look *screen.Look, l *widget.Line) {
	shown, all := s.pane().count()
	l.Put(look.Theme.Dim, fmt.Sprintf("%s %d/%d  ", s.pane().title(), shown, all))
	l.Put(look.Theme.Accent, "last "+widget.Duration(look.Window))
	if !look.Live {
		l.Put(look.Theme.Cursor, "  cursor "+look.Now.Format("15:04:05"))
	}
}

// Hints implements screen.Screen.
func (s *Screen) Hints() []screen.Hint {
	return []screen.Hint{
		{Action: key.NextPane, Does: "next pane"}, {Action: key.Why, Does: "why"}, {Action: key.Traces, Does: "traces"},
		{Action: key.Breakers, Does: "breakers"}, {Action: key.Invoke, Does: "invoke"}, {Action: key.Act, Does: "act"},
		{Action: key.CursorBack, Does: "back in time"}, {Action: key.Evidence, Does: "evidence"}, {Action: key.Mark, Does: "mark"},
	}
}

// Focus implements screen.Focused.
func (s *Screen) Focus(look *screen.Look) screen.Focus {
	f := screen.Focus{Service: s.service}
	s.pane().focus(s, &f, look)
	return f
}

// Evidence implements screen.Evident.
func (s *Screen) Evidence(look *screen.Look) []screen.Evidence {
	list := s.pane().evidence(s)
	return append(list, s.charts.evidence(s.service, look)...)
}

// Describe implements screen.Described.
func (s *Screen) Describe(look *screen.Look) (title string, lines []string) {
	return s.pane().describe(s, look)
}

// Data implements screen.Described.
func (s *Screen) Data(*screen.Look) any { return s.pane().data() }

// Copied implements screen.Copied.
func (s *Screen) Copied(*screen.Look) (what, text string) { return s.pane().copied() }

func stamp(at time.Time) string { return at.Format("15:04:05") }
