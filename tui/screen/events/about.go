package events

import (
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// empty tells whether there is no event and no note.
func (s *Screen) empty() bool {
	a := s.table.Arranged()
	if a == nil || a.Len() == 0 {
		return true
	}
	if a.Len() > 100 {
		return false
	}
	for i := range a.Len() {
		if a.At(i).gap == nil {
			return false
		}
	}
	return s.spec.Filter.Empty()
}

// message says why there is nothing, and what to do.
func (s *Screen) message(look *screen.Look, lines []string) []string {
	t := look.Theme
	a := s.table.Arranged()
	switch {
	case a == nil:
		return screen.Message(look, lines, t.Dim, "Looking through what changed "+t.Glyphs.More, "")
	case a.Len() == 0 && len(a.Rows) > 0:
		return screen.Message(look, lines, t.Warn, fmt.Sprintf("0 of %d match %q.", len(a.Rows), s.spec.Filter.Text), screen.Unfilter(look))
	case s.jobs.Busy(asking):
		return screen.Message(look, lines, t.Dim, "Reading the recording "+t.Glyphs.More, "")
	}
	what := "Nothing has changed"
	if s.subject != "" {
		what += " in " + s.subject
	}
	known := s.in.since
	for _, g := range s.in.gaps() {
		if g.To.After(known) {
			known = g.To
		}
	}
	do := "Further back: 1 to 9, :window 24h"
	switch {
	case known.Equal(s.in.since):
		what += " in the last " + widget.Age(look.Window) + "."
	case known.Equal(s.in.began):
		what += " since " + stamp(known, &s.in) + ", when gctl began to look."
		do = "gctl record keeps what changes"
	default:
		what += " since " + stamp(known, &s.in) + "; nothing was recorded just before."
		do = "gctl record keeps what changes"
	}
	if len(lines) > 3 { // over the gaps that the table has
		lines = widget.Fill(lines[:1], len(lines), look.Width)
	}
	return screen.Message(look, lines, t.Text, what, do)
}

// data is an event as "gctl events -o json" has it.
type data struct {
	At       time.Time `json:"at"`
	Event    string    `json:"event"`
	Service  string    `json:"service"`
	Instance string    `json:"instance"`
	Subject  string    `json:"subject"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Exact    bool      `json:"exact"`
	Source   string    `json:"source"`
}

// Data implements screen.Described.
func (s *Screen) Data(*screen.Look) any {
	r := s.table.Selected()
	if r == nil {
		return nil
	}
	d := data{At: r.at.UTC(), Event: r.raw, Service: r.service, Instance: r.instance, Source: r.source}
	switch {
	case r.event != nil:
		d.Subject, d.From, d.To, d.Exact = r.event.Subject, r.event.From, r.event.To, r.event.Exact
	case r.note != nil:
		d.To, d.Exact = r.note.Text, true
	case r.gap != nil:
		d.From, d.To, d.Exact = r.gap.From.UTC().Format(time.RFC3339), r.gap.To.UTC().Format(time.RFC3339), true
	}
	return d
}

// Describe implements screen.Described.
func (s *Screen) Describe(look *screen.Look) (title string, lines []string) {
	r := s.table.Selected()
	if r == nil {
		return Name, s.troubles()
	}
	field := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("  %-10s %s", name, value))
		}
	}
	when := func(t time.Time) string { return t.In(look.Now.Location()).Format("2006-01-02 15:04:05.000 MST") }
	lines = append(lines, r.word+":")
	switch {
	case r.event != nil && r.event.Exact:
		field("happened", when(r.at))
	case r.event != nil:
		field("noticed", when(r.at)+": when it happened nobody has told")
	case r.gap != nil:
		field("from", when(r.gap.From))
		field("to", when(r.gap.To))
	default:
		field("at", when(r.at))
	}
	field("service", r.service)
	field("instance", r.instance)
	if e := r.event; e != nil {
		field("kind", r.raw)
		field("subject", e.Subject)
		field("from", e.From)
		field("to", e.To)
	} else {
		field("text", r.what)
	}
	field("source", r.source)
	return r.word, append(lines, s.troubles()...)
}

// troubles lists what could not be asked of the past.
func (s *Screen) troubles() []string {
	if s.past.trouble() == nil {
		return nil
	}
	lines := []string{"", "Not known of the past:"}
	if s.past.err != nil {
		lines = append(lines, "  "+screen.Sentence(s.past.err))
		if hint := screen.HintOf(s.past.err); hint != "" {
			lines = append(lines, "  "+hint)
		}
	}
	if s.past.err != nil {
		return lines // which is one of those that follow
	}
	for _, m := range s.past.list.Missing {
		lines = append(lines, "  "+m.What+": "+screen.Sentence(m.Err))
	}
	return lines
}

// Evidence implements screen.Evident.
func (s *Screen) Evidence(look *screen.Look) []screen.Evidence {
	r := s.table.Selected()
	if r == nil || r.event == nil {
		return nil
	}
	e := screen.Evidence{What: strings.TrimSpace(r.word+" "+r.event.Subject) + " of " + orFleet(r), Value: r.what, Provenance: r.event.Provenance}
	if !r.event.Exact {
		e.Notes = append(e.Notes, "the time is when it was noticed")
	}
	e.Commands = append(e.Commands, command(r.event, look))
	return []screen.Evidence{e}
}

func orFleet(r *row) string {
	switch {
	case r.instance != "":
		return r.instance
	case r.service != "":
		return r.service
	}
	return "the fleet"
}

// command shows the event again.
func command(e *fleet.Event, look *screen.Look) string {
	text := "gctl events"
	if e.Service != "" {
		text += " " + e.Service
	}
	return text + " --since " + (look.Now.Sub(e.At) + time.Minute).Round(time.Minute).String()
}

// Copied implements screen.Copied: the event as a line.
func (s *Screen) Copied(*screen.Look) (what, text string) {
	r := s.table.Selected()
	if r == nil {
		return "", ""
	}
	text = r.at.UTC().Format(time.RFC3339)
	for _, part := range []string{r.raw, r.service, r.instance, r.what} {
		if part != "" {
			text += " " + part
		}
	}
	return "the event", text
}
