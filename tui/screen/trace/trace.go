// Package trace is the screen of one trace: its spans as a tree and over time, what
// decided how long it all took, and how each compares with others of its kind.
package trace

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Name is the screen's name.
const Name = "trace"

// The kinds of jobs.
const (
	loading   = "load"
	arranging = "arrange"
	comparing = "compare"
)

// Screen is the screen.
type Screen struct {
	jobs    *screen.Jobs
	subject string // the ID, or its beginning

	trace   *loaded // nil until it has come
	failed  error   // why the last answer was not good
	asked   time.Time
	folds   folds
	filter  widget.Filter
	stale   bool // what is shown is not of the latest folds or filter
	table   widget.Table[item]
	matches *widget.Arranged[item] // of the filter, nil without one
	last    []bool                 // of each row: the last of its parent that is shown
	kinds   map[kind]*sample

	heading heading
	detail  detail
	inside  bool // keys go to the pane of the span
	above   int  // lines over the tree, as drawn last
	cells   []rune
}

// New returns the screen of a trace.
func New(jobs *screen.Jobs, id string) *Screen {
	s := &Screen{jobs: jobs, subject: id, kinds: map[kind]*sample{}}
	s.table.Columns = s.columns(nil)
	return s
}

// Place implements screen.Screen.
func (s *Screen) Place() screen.Place { return screen.Place{Screen: Name, Subject: s.subject} }

// id is the whole ID, as far as it is known.
func (s *Screen) id() string {
	if s.trace != nil {
		return s.trace.ID
	}
	return s.subject
}

// Update implements screen.Screen.
func (s *Screen) Update(msg tea.Msg, look *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case screen.Shown:
		if s.trace == nil && !s.jobs.Busy(loading) {
			return s.load(look)
		}
		return s.compare(look)
	case screen.Changed:
		if msg.Window { // others of its kind are those of another time
			s.jobs.Stop(comparing)
			clear(s.kinds)
			s.table.Redraw()
			s.detail.forget()
			return s.compare(look)
		}
		return s.follow(look)
	case screen.Answer:
		if got, ok := s.jobs.Accept(msg); ok {
			return s.answer(got, look)
		}
	case screen.Act:
		return tea.Batch(s.act(msg.Action, look), s.compare(look))
	case screen.Click:
		return s.click(msg, look)
	}
	return nil
}

func (s *Screen) answer(got any, look *screen.Look) tea.Cmd {
	switch got := got.(type) {
	case failure:
		s.failed = got.err
	case *loaded:
		if s.trace != nil && s.trace.ID == got.ID && len(s.trace.Rows) == len(got.Rows) { // nothing new
			s.failed = nil
			return s.compare(look)
		}
		s.take(got)
		return s.arrange()
	case *arranged:
		if got.of == s.trace {
			s.last, s.matches = got.last, got.matches
			s.table.Set(got.shown)
			s.toMatch()
		}
		if s.stale {
			return s.arrange()
		}
		return s.compare(look)
	case *sample:
		s.kinds[got.kind] = got
		s.table.Redraw()
		s.detail.forget()
		return s.compare(look)
	}
	return nil
}

// toMatch puts the cursor on a span that the filter has found, where it is on one that
// is only above some.
func (s *Screen) toMatch() {
	if it := s.table.Selected(); it != nil && it.near && s.matches.Len() > 0 {
		s.table.Select(s.matches.At(0).id)
	}
}

// take shows another trace, or more of the same.
func (s *Screen) take(l *loaded) {
	if s.trace == nil || len(s.trace.Rows) != len(l.Rows) {
		s.folds = l.folds
	}
	s.trace, s.failed, s.matches = l, nil, nil
	s.table.Columns = s.columns(l)
	s.detail.forget()
}

func (s *Screen) act(a key.Action, look *screen.Look) tea.Cmd {
	switch {
	case a == key.Refresh:
		clear(s.kinds)
		return s.load(look)
	case a == key.NextPane || a == key.PrevPane:
		s.inside = !s.inside
	case s.trace == nil:
	case s.inside:
		s.detail.do(a)
	case a == key.Left:
		return s.left()
	case a == key.Right:
		return s.right(look)
	case a == key.Enter:
		if it := s.table.Selected(); it != nil && it.closed {
			return s.right(look)
		}
		s.inside = true
	case a == key.Mark: // there is nothing to do with several
	default:
		s.table.Do(a)
	}
	return nil
}

func (s *Screen) click(msg screen.Click, look *screen.Look) tea.Cmd {
	if s.trace == nil {
		return nil
	}
	d := &s.detail
	s.inside = d.x > 0 && msg.X >= d.x || d.y > 0 && msg.Y >= d.y || !s.table.Click(msg.Y-s.above)
	if msg.Twice && !s.inside {
		return s.right(look)
	}
	return s.compare(look)
}

// jump opens the service of the span, at the instance that the span is of.
func (s *Screen) jump(look *screen.Look) tea.Cmd {
	it := s.table.Selected()
	if it == nil {
		return nil
	}
	span := s.trace.Rows[it.row].Span
	service := span.Service
	if look.Snap.Service(service) == nil {
		return screen.Send(screen.Say{Text: "the catalog has no service " + service, Bad: true})
	}
	return screen.Send(screen.Go{Place: screen.Place{Screen: "service", Subject: service}, At: span.Resource[instanceID]})
}

// Filter implements screen.Filtered.
func (s *Screen) Filter() string { return s.filter.Text }

// SetFilter implements screen.Filtered.
func (s *Screen) SetFilter(text string, _ *screen.Look) tea.Cmd {
	s.filter = s.table.Filter(text)
	return s.arrange()
}

// Status implements screen.Screen.
func (s *Screen) Status(look *screen.Look, l *widget.Line) {
	t := look.Theme
	switch {
	case s.trace == nil:
		return
	case s.jobs.Busy(loading):
		l.Put(t.Accent, "asking again "+t.Glyphs.More+"  ")
	case s.failed != nil:
		l.Put(t.Bad, t.Glyphs.Bad+" asking again failed: "+screen.Sentence(s.failed)+"  ")
	}
	if s.matches != nil {
		if s.matches.Fuzzy {
			l.Put(t.Warn, "no match, near ones  ")
		}
		l.Put(t.Dim, fmt.Sprintf("%d/%d spans match", s.matches.Len(), len(s.trace.Rows)))
		return
	}
	if hidden := len(s.trace.Rows) - s.table.Len(); hidden > 0 {
		l.Put(t.Dim, fmt.Sprintf("%d of %d spans, %d folded", s.table.Len(), len(s.trace.Rows), hidden))
		return
	}
	l.Put(t.Dim, plural(len(s.trace.Rows), "span"))
}

// Hints implements screen.Screen.
func (s *Screen) Hints() []screen.Hint {
	return []screen.Hint{
		{Action: key.Left, Does: "fold"}, {Action: key.Right, Does: "unfold, instance"}, {Action: key.NextPane, Does: "pane"},
		{Action: key.Describe, Does: "all of it"}, {Action: key.Invoke, Does: "invoke again"}, {Action: key.Copy, Does: "copy the ID"},
		{Action: key.Filter, Does: "filter"}, {Action: key.JSON, Does: "JSON"}, {Action: key.Evidence, Does: "evidence"},
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
