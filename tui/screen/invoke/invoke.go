// Package invoke is the screen on which methods are called: the methods of a
// service, and for one of them a form made from its descriptors, the same request
// as JSON, and what comes back.
package invoke

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Name is the screen's name.
const Name = "invoke"

// inner is what the screen is: the methods of a service, or the page of a method.
type inner interface {
	screen.Screen
	screen.Filtered
	screen.Typing
	screen.Sorted
	screen.Focused
	screen.Described
	screen.Escaped
	screen.Copying
	screen.Evident
}

// Screen is the screen.
type Screen struct {
	inner

	jobs    *screen.Jobs
	subject string
}

// New returns the screen about a subject: "SERVICE" are the methods of a service of
// the catalog, "SERVICE METHOD" and "METHOD" are a method.
func New(jobs *screen.Jobs, subject string) *Screen {
	s := &Screen{jobs: jobs, subject: subject}
	switch service, method, both := strings.Cut(subject, " "); {
	case both:
		s.inner = newPage(jobs, service, method)
	case strings.Contains(subject, "/"):
		s.inner = newPage(jobs, "", subject)
	default:
		s.inner = &waiting{subject: subject}
	}
	return s
}

// Running implements screen.Running.
func (s *Screen) Running() string {
	if p, ok := s.inner.(*page); ok && p.stream != nil {
		return p.full()
	}
	return ""
}

// Update implements screen.Screen.
func (s *Screen) Update(msg tea.Msg, look *screen.Look) tea.Cmd {
	if _, waits := s.inner.(*waiting); waits {
		next := s.decide(look)
		if next == nil {
			return nil
		}
		s.inner = next
		msg = screen.Shown{}
	}
	return s.inner.Update(msg, look)
}

// decide tells, once the catalog is known, whether a word is a service or a method.
func (s *Screen) decide(look *screen.Look) inner {
	state, ok := look.Snap.Source(fleet.CatalogFeed)
	switch {
	case s.subject == "":
		return nil
	case look.Snap.Service(s.subject) != nil:
		return newMethods(s.jobs, s.subject)
	case ok && state.Status == fleet.SourceFresh:
		return newPage(s.jobs, "", s.subject)
	}
	return nil
}

// waiting is the screen before it is known what it is about.
type waiting struct {
	idle

	subject string
}

// Place implements screen.Screen.
func (w *waiting) Place() screen.Place { return screen.Place{Screen: Name, Subject: w.subject} }

// View implements screen.Screen.
func (w *waiting) View(look *screen.Look) []string {
	t := look.Theme
	lines := widget.Fill(nil, look.Height, look.Width)
	state, ok := look.Snap.Source(fleet.CatalogFeed)
	switch {
	case w.subject == "":
		return screen.Message(look, lines, t.Warn, "Which method is to be called?", "Type :invoke SERVICE, or :invoke SERVICE METHOD")
	case ok && state.Status == fleet.SourceFailing:
		return screen.Message(look, lines, t.Bad, "No catalog: "+screen.Sentence(state.Err), "Try: gctl doctor, or another context (:ctx NAME)")
	}
	return screen.Message(look, lines, t.Dim, "Asking the catalog "+t.Glyphs.More, "")
}

// idle is what a screen does that does nothing.
type idle struct{}

// Update implements screen.Screen.
func (idle) Update(tea.Msg, *screen.Look) tea.Cmd { return nil }

// Status implements screen.Screen.
func (idle) Status(*screen.Look, *widget.Line) {}

// Hints implements screen.Screen.
func (idle) Hints() []screen.Hint { return nil }

// Filter implements screen.Filtered.
func (idle) Filter() string { return "" }

// SetFilter implements screen.Filtered.
func (idle) SetFilter(string, *screen.Look) tea.Cmd { return nil }

// Typing implements screen.Typing.
func (idle) Typing() bool { return false }

// Letters implements screen.Sorted.
func (idle) Letters() []widget.Letter { return nil }

// SortBy implements screen.Sorted.
func (idle) SortBy(string, *screen.Look) (tea.Cmd, bool) { return nil, false }

// Focus implements screen.Focused.
func (idle) Focus(*screen.Look) screen.Focus { return screen.Focus{} }

// Describe implements screen.Described.
func (idle) Describe(*screen.Look) (title string, lines []string) { return "", nil }

// Data implements screen.Described.
func (idle) Data(*screen.Look) any { return nil }

// Escape implements screen.Escaped.
func (idle) Escape(*screen.Look) (tea.Cmd, bool) { return nil, false }

// Copy implements screen.Copying.
func (idle) Copy(*screen.Look) tea.Cmd {
	return screen.Send(screen.Say{Text: "there is nothing to copy here", Bad: true})
}

// Evidence implements screen.Evident.
func (idle) Evidence(*screen.Look) []screen.Evidence { return nil }
