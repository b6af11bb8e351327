package invoke

import (
	"cmp"
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// methods is the list of the methods of a service of the catalog.
type methods struct {
	idle

	jobs    *screen.Jobs
	service string
	asked   bool
	err     error
	table   widget.Table[methodRow]
	spec    widget.Spec
}

type methodRow struct {
	reflection.MethodName

	at int // in the order in which they came
}

func (r *methodRow) id() string { return r.String() }

func newMethods(jobs *screen.Jobs, service string) *methods {
	m := &methods{jobs: jobs, service: service}
	m.table.Columns = []widget.Column[methodRow]{
		{
			Title: "METHOD", Key: "n", Min: 16, Grow: 2, Max: 40,
			Draw: func(l *widget.Line, t *theme.Theme, r *methodRow, w int) {
				l.Cell(t.Text, r.Method, w, t.Glyphs.More)
			},
			Compare: func(a, b *methodRow) int { return cmp.Compare(a.at, b.at) },
			Text:    func(r *methodRow) string { return r.Method },
		},
		{
			Title: "GRPC SERVICE", Name: "service", Min: 20, Grow: 3, Drop: 1,
			Draw: func(l *widget.Line, t *theme.Theme, r *methodRow, w int) {
				l.Cell(t.Dim, r.Service, w, t.Glyphs.More)
			},
			Text: func(r *methodRow) string { return r.Service },
		},
	}
	return m
}

const (
	asking    = "ask"
	arranging = "arrange"
)

type methodsAnswer struct {
	list []reflection.MethodName
	err  error
}

// Place implements screen.Screen.
func (m *methods) Place() screen.Place { return screen.Place{Screen: Name, Subject: m.service} }

// Update implements screen.Screen.
func (m *methods) Update(msg tea.Msg, look *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case screen.Shown:
		if !m.asked {
			return m.ask(look)
		}
	case screen.Answer:
		if got, ok := m.jobs.Accept(msg); ok {
			return m.heard(got)
		}
	case screen.Act:
		switch {
		case m.table.Do(msg.Action):
		case msg.Action == key.Enter || msg.Action == key.Right || msg.Action == key.Invoke:
			return m.open()
		case msg.Action == key.Refresh:
			return m.ask(look)
		}
	case screen.Click:
		if m.table.Click(msg.Y) && msg.Twice {
			return m.open()
		}
	}
	return nil
}

func (m *methods) ask(look *screen.Look) tea.Cmd {
	list, service := look.Env.Methods, m.service
	if list == nil {
		return nil
	}
	m.asked = true
	return m.jobs.Start(asking, func(ctx context.Context) tea.Msg {
		found, err := list(ctx, service)
		return methodsAnswer{found, err}
	})
}

func (m *methods) heard(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case methodsAnswer:
		if m.err = msg.err; msg.err != nil {
			return nil
		}
		rows := make([]methodRow, len(msg.list))
		for i, name := range msg.list {
			rows[i] = methodRow{name, i}
		}
		return m.arrange(rows)
	case *widget.Arranged[methodRow]:
		m.table.Set(msg)
	}
	return nil
}

func (m *methods) arrange(rows []methodRow) tea.Cmd {
	columns, spec, before := m.table.Columns, m.spec, m.table.Arranged()
	return m.jobs.Start(arranging, func(context.Context) tea.Msg {
		return widget.Arrange(columns, rows, (*methodRow).id, spec, before)
	})
}

func (m *methods) open() tea.Cmd {
	if r := m.table.Selected(); r != nil {
		return screen.Open(Name, m.service+" "+r.String())
	}
	return nil
}

// View implements screen.Screen.
func (m *methods) View(look *screen.Look) []string {
	t := look.Theme
	lines := widget.Fill(nil, look.Height, look.Width)
	a := m.table.Arranged()
	switch {
	case look.Env.Methods == nil:
		return screen.Message(look, lines, t.Warn, "In a recording nobody can be called.", "")
	case m.err != nil:
		return trouble(look, lines, m.err)
	case a == nil:
		return screen.Message(look, lines, t.Dim, "Asking "+m.service+" for its methods "+t.Glyphs.More, "")
	case len(a.Rows) == 0:
		return screen.Message(look, lines, t.Warn, m.service+" serves no methods.", "gctl describe "+m.service+" shows what it publishes")
	}
	lines = m.table.View(look.Width, look.Height, t, true)
	if a.Len() == 0 {
		return screen.Message(look, lines, t.Warn, fmt.Sprintf("0 of %d match %q.", len(a.Rows), m.spec.Filter.Text), screen.Unfilter(look))
	}
	return lines
}

// trouble shows an error and what to do about it.
func trouble(look *screen.Look, lines []string, err error) []string {
	hint := screen.HintOf(err)
	if hint == "" {
		hint = look.Keys.Key(key.Refresh) + " asks again"
	}
	return screen.Message(look, lines, look.Theme.Bad, look.Theme.Glyphs.Bad+" "+screen.Sentence(err), hint)
}

// Status implements screen.Screen.
func (m *methods) Status(look *screen.Look, l *widget.Line) {
	switch a := m.table.Arranged(); {
	case m.jobs.Busy(asking):
		l.Put(look.Theme.Dim, "asking "+look.Theme.Glyphs.More)
	case a != nil && a.Fuzzy:
		l.Put(look.Theme.Warn, "no match, near ones  ")
		fallthrough
	case a != nil:
		l.Put(look.Theme.Dim, fmt.Sprintf("%d/%d methods", a.Len(), len(a.Rows)))
	}
}

// Hints implements screen.Screen.
func (m *methods) Hints() []screen.Hint {
	return []screen.Hint{{Action: key.Enter, Does: "fill in and call"}, {Action: key.Filter, Does: "filter"}, {Action: key.Refresh, Does: "ask again"}}
}

// Filter implements screen.Filtered.
func (m *methods) Filter() string { return m.spec.Filter.Text }

// SetFilter implements screen.Filtered.
func (m *methods) SetFilter(text string, _ *screen.Look) tea.Cmd {
	m.spec.Filter = m.table.Filter(text)
	return m.again()
}

func (m *methods) again() tea.Cmd {
	if a := m.table.Arranged(); a != nil {
		return m.arrange(a.Rows)
	}
	return nil
}

// Letters implements screen.Sorted.
func (m *methods) Letters() []widget.Letter { return m.table.Letters() }

// SortBy implements screen.Sorted.
func (m *methods) SortBy(letter string, _ *screen.Look) (tea.Cmd, bool) {
	spec, ok := m.table.SortBy(m.spec, letter)
	if !ok {
		return nil, false
	}
	m.spec = spec
	return m.again(), true
}

// Focus implements screen.Focused.
func (m *methods) Focus(*screen.Look) screen.Focus {
	f := screen.Focus{Service: m.service}
	if r := m.table.Selected(); r != nil {
		f.Method = r.String()
	}
	return f
}

// Data implements screen.Described: all that are shown.
func (m *methods) Data(*screen.Look) any {
	a := m.table.Arranged()
	if a == nil {
		return nil
	}
	list := make([]map[string]string, a.Len())
	for i := range list {
		list[i] = map[string]string{"service": a.At(i).Service, "method": a.At(i).Method}
	}
	return list
}

// Copy implements screen.Copying.
func (m *methods) Copy(*screen.Look) tea.Cmd {
	r := m.table.Selected()
	if r == nil {
		return m.idle.Copy(nil)
	}
	return screen.Send(screen.Clip{What: r.String(), Text: r.String()})
}
