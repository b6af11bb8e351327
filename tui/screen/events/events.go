// Package events is the screen of what changed when: instances, health, breakers,
// versions, sources, and the notes of who looks.
package events

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
const Name = "events"

// Screen is the screen.
type Screen struct {
	subject string // the service that it is about; empty: all
	jobs    *screen.Jobs

	table widget.Table[row]
	spec  widget.Spec
	past  *past           // nil: not answered yet, or there is nobody
	asked time.Time       // from when on the past was asked for; zero: not yet, or it failed
	until time.Time       // until when
	of    *fleet.Snapshot // what is shown is of
	in    inputs
	mark  string // the row at the time cursor
	stale bool   // what is shown is not of the latest look
	above int    // lines over the table, as drawn last
	input *input // the note that is being typed
}

// New returns the screen about a service, or about all of them.
func New(jobs *screen.Jobs, subject string) *Screen {
	s := &Screen{subject: subject, jobs: jobs}
	s.table.Columns = s.columns()
	if subject != "" { // all are about it
		s.table.Columns = slices.DeleteFunc(s.table.Columns, func(c widget.Column[row]) bool { return c.Title == "SERVICE" })
	}
	return s
}

// Place implements screen.Screen.
func (s *Screen) Place() screen.Place { return screen.Place{Screen: Name, Subject: s.subject} }

// Update implements screen.Screen.
func (s *Screen) Update(msg tea.Msg, look *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case screen.Shown:
		return tea.Batch(s.ask(look, s.old(look, 0)), s.arrange(look))
	case screen.Changed:
		switch {
		case msg.Window:
			return tea.Batch(s.ask(look, false), s.arrange(look))
		case msg.Facts && s.news(look):
			return tea.Batch(s.follow(look), s.arrange(look))
		}
		return s.follow(look)
	case screen.Answer:
		return s.answer(msg, look)
	case screen.Act:
		return s.act(msg.Action, look)
	case screen.Click:
		if s.table.Click(msg.Y-s.above) && msg.Twice {
			return s.open()
		}
	case tea.KeyPressMsg, tea.PasteMsg:
		return s.typed(msg, look)
	}
	return nil
}

func (s *Screen) act(a key.Action, look *screen.Look) tea.Cmd {
	switch {
	case s.table.Do(a):
	case a == key.Enter:
		return s.open()
	case a == key.Right:
		return s.goTo(look)
	case a == key.Note:
		s.input = newInput(look)
	case a == key.Refresh:
		return s.ask(look, true)
	}
	return nil
}

// open opens the service of an event.
func (s *Screen) open() tea.Cmd {
	switch r := s.table.Selected(); {
	case r == nil:
		return nil
	case r.service == "":
		return screen.Send(screen.Say{Text: "this is about no service", Bad: true})
	default:
		return screen.Open("service", r.service)
	}
}

// goTo moves the time cursor to an event: to the second after it, in which what has
// changed is seen.
func (s *Screen) goTo(look *screen.Look) tea.Cmd {
	r := s.table.Selected()
	if r == nil {
		return nil
	}
	at := r.at.In(look.Now.Location())
	if whole := at.Truncate(time.Second); !whole.Equal(at) {
		at = whole.Add(time.Second)
	}
	return screen.Send(screen.At{Time: at})
}

const (
	arranging = "arrange"
	asking    = "past"
	patience  = 20 * time.Second
)

// ask asks those who remember, unless they were asked for as much before.
func (s *Screen) ask(look *screen.Look, again bool) tea.Cmd {
	ask := look.Env.Events
	since, until := look.Now.Add(-look.Window), s.end(look)
	if ask == nil || !again && !s.asked.IsZero() && !s.asked.After(since) {
		return nil
	}
	since = since.Add(-look.Window / 2) // the time cursor moves in small steps
	s.asked, s.until = since, until
	service := s.subject
	return s.jobs.Start(asking, func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		list, err := ask(ctx, service, since, until)
		return &past{list, since, until, err}
	})
}

// often is how often those who remember are asked again: they may know what is not
// seen here, such as when processes started.
const often = time.Minute

// old tells whether those who remember were asked some time ago, of a time that has
// an end no more. Who is being asked is not asked anew.
func (s *Screen) old(look *screen.Look, least time.Duration) bool {
	return look.Live && look.Now.Sub(s.until) > least && !s.jobs.Busy(asking)
}

// follow asks those who remember again, once in a while.
func (s *Screen) follow(look *screen.Look) tea.Cmd {
	if !s.old(look, often) {
		return nil
	}
	return s.ask(look, true)
}

// latest is the newest snapshot that there is: what came after the time cursor is
// shown too.
func latest(look *screen.Look) *fleet.Snapshot {
	if look.Live {
		return look.Snap
	}
	if snap := look.History.Walk(look.Now.AddDate(100, 0, 0), 0); snap != nil {
		return snap
	}
	return look.Snap
}

func (s *Screen) end(look *screen.Look) time.Time {
	if at := latest(look).At(); at.After(look.Now) {
		return at
	}
	return look.Now
}

// news tells whether something has changed since what is shown.
func (s *Screen) news(look *screen.Look) bool {
	return s.of == nil || s.stale || len(latest(look).EventsSince(s.of)) > 0
}

func (s *Screen) answer(msg screen.Answer, look *screen.Look) tea.Cmd {
	got, ok := s.jobs.Accept(msg)
	if !ok {
		return nil
	}
	switch got := got.(type) {
	case *past:
		if s.past = got; got.err != nil {
			s.asked = time.Time{}
		}
		return s.arrange(look)
	case *widget.Arranged[row]:
		first := s.table.Arranged() == nil
		s.table.Set(got)
		s.markRow(look)
		if first && s.mark != "" {
			s.table.Select(s.mark)
		}
	}
	if s.stale {
		return s.arrange(look)
	}
	return nil
}

// markRow finds the row at the time cursor: the last event before it.
func (s *Screen) markRow(look *screen.Look) {
	s.mark = ""
	a := s.table.Arranged()
	if a == nil || look.Live {
		return
	}
	var best *row
	for i := range a.Rows {
		r := &a.Rows[i]
		if r.gap == nil && !r.at.After(look.Now) && (best == nil || newestFirst(r, best) < 0) {
			best = r
		}
	}
	if best != nil {
		s.mark = best.name
	}
	s.table.Redraw()
}

// arrange puts the events in order, beside the loop. While that is under way, a
// newer look waits for its end.
func (s *Screen) arrange(look *screen.Look) tea.Cmd {
	if s.stale = s.jobs.Busy(arranging); s.stale {
		return nil
	}
	s.of = latest(look)
	s.in = inputs{
		seen: s.of.Events(), past: s.past, notes: look.Notes.List(), service: s.subject,
		since: look.Now.Add(-look.Window), until: s.end(look), began: look.Began, zone: look.Now.Location(),
	}
	in := s.in
	return s.start(in.rows)
}

// again puts the same events in another order.
func (s *Screen) again() tea.Cmd {
	before := s.table.Arranged()
	if before == nil {
		return nil
	}
	s.stale = s.stale || s.jobs.Busy(arranging) // whose rows would have been newer
	return s.start(func() []row { return before.Rows })
}

func (s *Screen) start(rows func() []row) tea.Cmd {
	spec, columns, before := s.spec, s.table.Columns, s.table.Arranged()
	return s.jobs.Start(arranging, func(context.Context) tea.Msg {
		return widget.Arrange(columns, rows(), (*row).id, spec, before)
	})
}

// View implements screen.Screen.
func (s *Screen) View(look *screen.Look) []string {
	w, h := look.Width, look.Height
	lines := make([]string, 0, h+2)
	lines = s.notices(look, lines)
	s.above = len(lines)
	room := h - len(lines)
	if s.input != nil {
		room--
	}
	body := s.table.View(w, room, look.Theme, s.input == nil)
	if s.empty() {
		body = s.message(look, body)
	}
	lines = append(lines, body...)
	if s.input != nil {
		lines = append(widget.Fill(lines, max(0, h-1), w), s.input.view(look))
	}
	return widget.Fill(lines, h, w)
}

// notices says who of those who remember failed.
func (s *Screen) notices(look *screen.Look, lines []string) []string {
	err := s.past.trouble()
	if err == nil || look.Height < 4 {
		return lines
	}
	t, l := look.Theme, &widget.Line{}
	text := t.Glyphs.Warn + " not all of the past is known: " + screen.Sentence(err)
	if n := len(s.past.list.Missing); n > 1 {
		text = fmt.Sprintf("%s not all of the past is known (%d times): %s", t.Glyphs.Warn, n, screen.Sentence(err))
	}
	l.Cell(t.Warn, text, look.Width, t.Glyphs.More)
	return append(lines, l.Fit(look.Width))
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

// Unmark takes the marks away and tells whether there were any.
func (s *Screen) Unmark() bool { return s.table.Unmark() }

// Status implements screen.Screen.
func (s *Screen) Status(look *screen.Look, l *widget.Line) {
	t := look.Theme
	if s.jobs.Busy(asking) {
		l.Put(t.Dim, "reading the recording "+t.Glyphs.More+"  ")
	}
	a := s.table.Arranged()
	if a == nil {
		return
	}
	if a.Fuzzy {
		l.Put(t.Warn, "no match, near ones  ")
	}
	l.Put(t.Dim, fmt.Sprintf("%d/%d in %s  sort: %s", a.Len(), len(a.Rows), widget.Age(look.Window), s.table.SortTitle(t)))
}

// Hints implements screen.Screen.
func (s *Screen) Hints() []screen.Hint {
	if s.input != nil {
		return []screen.Hint{{Action: key.Enter, Does: "keep the note"}, {Action: key.Back, Does: "forget it"}}
	}
	return []screen.Hint{
		{Action: key.Enter, Does: "service"}, {Action: key.Right, Does: "time cursor here"}, {Action: key.Note, Does: "note"},
		{Action: key.Filter, Does: "filter"}, {Action: key.Sort, Does: "sort"}, {Action: key.Describe, Does: "describe"}, {Action: key.Live, Does: "now"},
	}
}

// Focus implements screen.Focused.
func (s *Screen) Focus(*screen.Look) screen.Focus {
	if r := s.table.Selected(); r != nil && r.service != "" {
		return screen.Focus{Service: r.service, Instance: r.instance}
	}
	return screen.Focus{Service: s.subject}
}
