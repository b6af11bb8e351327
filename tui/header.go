package tui

import (
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// header writes where one is, when one is, and how the sources stand.
func (m *model) header(l *widget.Line) {
	t := m.look.Theme
	l.Put(t.Dim, "gctl ")
	l.Put(t.Accent, m.o.Context)
	place := m.pages.top().Place()
	l.Put(t.Dim, " "+t.Glyphs.Crumb+" ")
	l.Put(t.Title, place.Screen)
	if place.Subject != "" {
		l.Put(t.Dim, " "+t.Glyphs.Crumb+" ")
		l.Cell(t.Title, place.Subject, min(widget.Width(place.Subject), max(12, m.width/3)), t.Glyphs.More)
	}
	l.Put("", "   ")
	if m.o.ReadOnly {
		l.Put(t.Badge, " READ-ONLY ")
		l.Put("", " ")
	}
	if m.stopRecord != nil {
		l.Put(t.Bad, t.Glyphs.Mark+" REC")
		l.Put("", " ")
	}
	if m.unrecorded {
		l.Put(t.Bad, t.Glyphs.Bad+" REC failed")
		l.Put("", " ")
	}
	if badge := m.pages.elsewhere(); badge != "" {
		l.Put(t.Warn, t.Glyphs.Mark+" "+badge)
		l.Put("", " ")
	}
	switch {
	case m.o.Replay:
		l.Put(t.Badge, " REPLAY ")
		if !m.cursor.IsZero() {
			at := m.cursor.Format("2006-01-02 15:04:05")
			if l.Width()+len(at)+3 > m.width { // the day is what can be done without
				at = m.cursor.Format(time.TimeOnly)
			}
			l.Put(t.Warn, " "+at)
		}
		m.gap(l)
	case m.look.Live:
		l.Put(t.Good, "LIVE")
	default:
		l.Put(t.Badge, " "+m.cursor.Format("15:04:05")+" ")
		if m.known.IsZero() {
			l.Put(t.Warn, " "+widget.Age(m.clock.Sub(m.cursor))+" ago")
		}
		m.gap(l)
	}
	right := &widget.Line{}
	m.sources(right, m.width-l.Width()-3)
	l.Pad(m.width - right.Width())
	l.Append(right.String(), right.Width())
}

// gap says that nothing was recorded of the moment, and of when that is which is shown.
func (m *model) gap(l *widget.Line) {
	if m.known.IsZero() {
		return
	}
	at := m.known.Format(time.TimeOnly)
	if m.known.Format(time.DateOnly) != m.cursor.Format(time.DateOnly) {
		at = m.known.Format(time.DateTime)
	}
	text := " not recorded; last known " + at
	if l.Width()+len(text) > m.width {
		text = " last known " + at
	}
	l.Put(m.look.Theme.Bad, text)
}

// sources writes how each source stands, the bad ones only where there is little
// room.
func (m *model) sources(l *widget.Line, room int) {
	t := m.look.Theme
	states := m.look.Snap.Sources()
	whole := 0
	for i := range states {
		whole += widget.Width(m.label(states[i].Name)) + 4
	}
	for i := range states {
		s := &states[i]
		style, glyph, more := m.source(s)
		if whole > room && s.Status == fleet.SourceFresh && more == "" {
			continue
		}
		text := m.label(s.Name) + " " + glyph
		if more != "" && l.Width()+widget.Width(text)+widget.Width(more)+3 <= room {
			text += " " + more
		}
		if l.Width()+widget.Width(text)+2 > room {
			break
		}
		l.Put(style, text)
		l.Put("", "  ")
	}
	if room > 3 {
		l.Put(t.Accent, m.keys.Key(key.Help))
	}
}

func (m *model) label(source string) string {
	if label, ok := m.o.Labels[source]; ok {
		return label
	}
	return source
}

// source is how a source stands: style, glyph and words.
func (m *model) source(s *fleet.SourceState) (style theme.Style, glyph, more string) {
	t := m.look.Theme
	switch s.Status {
	case fleet.SourceFresh:
		if len(s.Missing) > 0 && s.Missing[0].What == fleet.PrometheusAway {
			return t.Warn, t.Glyphs.Warn, "no prometheus"
		}
		return t.Good, t.Glyphs.Good, ""
	case fleet.SourceStale:
		return t.Warn, t.Glyphs.Warn, age(m.look.Now, s.At) + " old"
	case fleet.SourceFailing:
		if s.At.IsZero() {
			return t.Bad, t.Glyphs.Bad, "down"
		}
		return t.Bad, t.Glyphs.Bad, age(m.look.Now, s.At) + " (cached)"
	default:
		return t.Dim, t.Glyphs.More, ""
	}
}

func age(now, at time.Time) string { return widget.Age(now.Sub(at)) }

// status writes what is being typed, or the filter and what the screen says.
func (m *model) status(l *widget.Line) {
	t := m.look.Theme
	right := &widget.Line{}
	m.pages.top().Status(&m.look, right)
	switch f, ok := m.pages.top().(screen.Filtered); {
	case m.input != nil:
		m.input.SetWidth(max(1, m.width-right.Width()-4))
		l.Put(t.Accent, m.input.sign)
		l.Put("", ansi.Strip(m.input.View()))
	case m.sort:
		l.Put(t.Accent, "sort by: ")
		if s, ok := m.pages.top().(screen.Sorted); ok {
			for _, c := range s.Letters() {
				l.Put(t.Accent, c.Key)
				l.Put(t.Dim, " "+c.Column+"  ")
			}
		}
		return
	case ok && f.Filter() != "":
		l.Put(t.Accent, "/"+f.Filter())
	}
	if room := m.width - l.Width() - 1; right.Width() > room {
		right = &widget.Line{}
	}
	if typing, ok := m.pages.top().(screen.Typing); m.input == nil && (!ok || !typing.Typing()) { // else digits are text
		if l.Width() > 0 {
			l.Pad(l.Width() + 2)
		}
		m.digits(l, m.width-l.Width()-right.Width()-1)
	}
	l.Pad(m.width - right.Width())
	l.Append(right.String(), right.Width())
}

// footer writes the notice, or which keys are worth knowing here.
func (m *model) footer(l *widget.Line) {
	t := m.look.Theme
	if m.say.Text != "" {
		style := t.Good
		if m.say.Bad {
			style = t.Bad
		}
		l.Put(style, " "+m.say.Text)
		return
	}
	l.Pad(1)
	room := m.width
	var last []screen.Hint
	if typing, ok := m.pages.top().(screen.Typing); !ok || !typing.Typing() { // else these are text
		last = []screen.Hint{{Action: key.Help, Does: "help"}, {Action: key.Quit, Does: "quit"}}
		for _, h := range last {
			room -= m.hintWidth(h)
		}
	}
	hints := m.pages.top().Hints()
	if last != nil {
		hints = append(hints, screen.Hint{Action: key.Command, Does: "command"})
	}
	for _, h := range hints {
		if w := m.hintWidth(h); w > 0 && l.Width()+w <= room {
			m.hint(l, h)
		}
	}
	for _, h := range last {
		m.hint(l, h)
	}
}

// hintWidth is how many cells a hint takes, 0 for one without a key.
func (m *model) hintWidth(h screen.Hint) int {
	name := m.keys.Key(h.Action)
	if name == "" {
		return 0
	}
	return widget.Width(name) + widget.Width(h.Does) + 3
}

func (m *model) hint(l *widget.Line, h screen.Hint) {
	if name := m.keys.Key(h.Action); name != "" {
		l.Put(m.look.Theme.Accent, name)
		l.Put(m.look.Theme.Dim, " "+h.Does+"  ")
	}
}
