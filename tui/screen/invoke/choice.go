package invoke

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// option is something to choose.
type option struct {
	at                 int
	title, about, text string
	do                 func(look *screen.Look) tea.Cmd
}

func (o *option) id() string { return strconv.Itoa(o.at) }

// choice is a list over the page from which one is chosen.
type choice struct {
	title string
	all   []option
	table widget.Table[option]
	spec  widget.Spec
}

func optionColumns() []widget.Column[option] {
	return []widget.Column[option]{
		{
			Title: "NAME", Min: 19, Grow: 1, Max: 30,
			Draw:    func(l *widget.Line, t *theme.Theme, o *option, w int) { l.Cell(t.Text, o.title, w, t.Glyphs.More) },
			Compare: func(a, b *option) int { return cmp.Compare(a.at, b.at) },
			Text:    func(o *option) string { return o.title },
		},
		{
			Title: "WHAT", Min: 12, Grow: 1, Max: 26, Drop: 1,
			Draw: func(l *widget.Line, t *theme.Theme, o *option, w int) { l.Cell(t.Dim, o.about, w, t.Glyphs.More) },
			Text: func(o *option) string { return o.about },
		},
		{
			Name: "text", Min: 12, Grow: 4,
			Draw: func(l *widget.Line, t *theme.Theme, o *option, w int) { l.Cell(t.Text, o.text, w, t.Glyphs.More) },
			Text: func(o *option) string { return o.text },
		},
	}
}

// open shows a list to choose from.
func (p *page) open(title string, options []option) {
	c := &choice{title: title, all: options}
	c.table.Columns = optionColumns()
	c.table.Set(widget.Arrange(c.table.Columns, options, (*option).id, c.spec, nil)) // they are in order already
	p.choice = c
}

func (p *page) arrangeChoice() tea.Cmd {
	c := p.choice
	columns, rows, spec, before := c.table.Columns, c.all, c.spec, c.table.Arranged()
	return p.jobs.Start(arranging, func(context.Context) tea.Msg {
		return widget.Arrange(columns, rows, (*option).id, spec, before)
	})
}

func (p *page) actChoice(a key.Action, look *screen.Look) tea.Cmd {
	switch {
	case a == key.Mark || p.choice.table.Do(a):
	case a == key.Enter || a == key.Right:
		if o := p.choice.table.Selected(); o != nil {
			p.choice = nil
			return o.do(look)
		}
	case a == key.Left:
		p.choice = nil
	}
	return nil
}

func (c *choice) view(look *screen.Look) []string {
	l := &widget.Line{}
	l.Pad(1)
	l.Put(look.Theme.Title, c.title)
	if a := c.table.Arranged(); a != nil {
		l.Put(look.Theme.Dim, fmt.Sprintf("  %d/%d", a.Len(), len(a.Rows)))
	}
	lines := []string{l.Fit(look.Width)}
	lines = append(lines, c.table.View(look.Width, max(0, look.Height-1), look.Theme, true)...)
	lines = widget.Fill(lines, look.Height, look.Width)
	if a := c.table.Arranged(); a != nil && a.Len() == 0 && len(lines) > 0 {
		return screen.Message(look, lines, look.Theme.Warn, fmt.Sprintf("0 of %d match %q.", len(a.Rows), c.spec.Filter.Text), "esc closes the list")
	}
	return lines
}
