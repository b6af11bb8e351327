// Package why is the screen that says why a service is not well: the report of
// ops/why, in which every line can be followed.
package why

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Name is the screen's name.
const Name = "why"

// Screen is the screen.
type Screen struct {
	jobs    *screen.Jobs
	service string
	report  *why.Report
	err     error
	at      time.Time // that was asked about; zero: now
	asked   time.Time
	doc     widget.Doc
}

// New returns the screen for a service.
func New(jobs *screen.Jobs, service string) *Screen { return &Screen{jobs: jobs, service: service} }

// Place implements screen.Screen.
func (s *Screen) Place() screen.Place { return screen.Place{Screen: Name, Subject: s.service} }

const asking = "why"

type answer struct {
	report *why.Report
	err    error
}

// ask asks anew.
func (s *Screen) ask(look *screen.Look) tea.Cmd {
	ask, service := look.Env.Why, s.service
	s.asked, s.at = look.Clock, time.Time{}
	if !look.Live {
		s.at = look.Now
	}
	if ask == nil {
		return nil
	}
	at := s.at
	return s.jobs.Start(asking, func(ctx context.Context) tea.Msg {
		report, err := ask(ctx, service, at)
		return answer{report, err}
	})
}

// Update implements screen.Screen.
func (s *Screen) Update(msg tea.Msg, look *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case screen.Shown:
		if s.asked.IsZero() {
			return s.ask(look)
		}
	case screen.Changed:
		if msg.Window {
			return s.ask(look)
		}
	case screen.Answer:
		got, ok := s.jobs.Accept(msg)
		if a, is := got.(answer); ok && is {
			s.report, s.err = a.report, a.err
			if s.report != nil {
				s.doc.Set(paragraphs(s.report))
			}
		}
	case screen.Act:
		return s.act(msg.Action, look)
	}
	return nil
}

func (s *Screen) act(a key.Action, look *screen.Look) tea.Cmd {
	switch {
	case a == key.Refresh:
		return s.ask(look)
	case s.doc.Do(a):
	case a == key.Enter || a == key.Right:
		if l := s.line(); l.command != "" {
			return screen.Send(screen.Run{Command: l.command, Changes: l.changes})
		}
	}
	return nil
}

// line is what the cursor is on.
func (s *Screen) line() line {
	if p := s.doc.Selected(); p != nil {
		if l, ok := p.Data.(line); ok {
			return l
		}
	}
	return line{}
}

// View implements screen.Screen.
func (s *Screen) View(look *screen.Look) []string {
	t := look.Theme
	lines := widget.Fill(nil, look.Height, look.Width)
	switch {
	case look.Env.Why == nil:
		return screen.Message(look, lines, t.Warn, "In a recording nobody can be asked.", look.Keys.Key(key.Events)+" lists what changed then")
	case s.err != nil:
		return screen.Message(look, lines, t.Bad, screen.Sentence(s.err), screen.HintOf(s.err))
	case s.report == nil:
		return screen.Message(look, lines, t.Dim, "Asking the catalog, the instances, the metrics, the breakers and the traces about "+s.service+" "+t.Glyphs.More, "")
	}
	return s.doc.View(look.Width, look.Height, t)
}

// Status implements screen.Screen.
func (s *Screen) Status(look *screen.Look, l *widget.Line) {
	switch {
	case s.jobs.Busy(asking):
		l.Put(look.Theme.Dim, "asking "+look.Theme.Glyphs.More)
	case s.report != nil:
		l.Put(look.Theme.Dim, "answered in "+widget.Seconds(float64(s.report.Took), 0)+", as of "+s.report.At.Format("15:04:05"))
	}
}

// Hints implements screen.Screen.
func (s *Screen) Hints() []screen.Hint {
	return []screen.Hint{
		{Action: key.Enter, Does: "follow, do"}, {Action: key.Refresh, Does: "ask again"}, {Action: key.Copy, Does: "copy the command"},
		{Action: key.Evidence, Does: "evidence"}, {Action: key.Export, Does: "export"}, {Action: key.JSON, Does: "JSON"},
	}
}

// Focus implements screen.Focused.
func (s *Screen) Focus(*screen.Look) screen.Focus {
	f := screen.Focus{Service: s.service}
	if s.report != nil && s.report.Trace != nil {
		f.Trace = s.report.Trace.ID
	}
	return f
}

// Evidence implements screen.Evident.
func (s *Screen) Evidence(*screen.Look) []screen.Evidence {
	if s.report == nil {
		return nil
	}
	if l := s.line(); len(l.evidence) > 0 {
		return l.evidence
	}
	var list []screen.Evidence
	for i := range s.report.Causes {
		list = append(list, evidence(s.report.Causes[i].Evidence)...)
	}
	return list
}

// Describe implements screen.Described.
func (s *Screen) Describe(*screen.Look) (title string, lines []string) {
	if s.report == nil {
		return "", nil
	}
	for _, p := range paragraphs(s.report) {
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", p.Indent))
		for i, part := range p.Parts {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(part.Text)
		}
		lines = append(lines, b.String())
	}
	return "why " + s.service, lines
}

// Data implements screen.Described.
func (s *Screen) Data(*screen.Look) any {
	if s.report == nil {
		return nil
	}
	return s.report
}

// Copied implements screen.Copied.
func (s *Screen) Copied(*screen.Look) (what, text string) {
	if l := s.line(); l.command != "" {
		return l.command, l.command
	}
	return "the question", "gctl why " + s.service
}

// Report is the answer, nil before it is there.
func (s *Screen) Report() *why.Report { return s.report }
