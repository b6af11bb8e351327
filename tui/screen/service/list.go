package service

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// list is what all panes have in common: a table over rows made of a snapshot.
type list[R any] struct {
	name  string
	table widget.Table[R]
	spec  widget.Spec
	id    func(*R) string
	rows  func(snap *fleet.Snapshot, service string) []R
	none  string // what to say where there are no rows
	past  string // the same of a moment in the past; empty: none
}

func (p *list[R]) title() string { return p.name }

func (p *list[R]) update(s *Screen, look *screen.Look) func(ctx context.Context) tea.Msg {
	snap, service, spec, before, columns := look.Snap, s.service, p.spec, p.table.Arranged(), p.table.Columns
	return func(context.Context) tea.Msg {
		return widget.Arrange(columns, p.rows(snap, service), p.id, spec, before)
	}
}

func (p *list[R]) take(msg tea.Msg) bool {
	a, ok := msg.(*widget.Arranged[R])
	if ok {
		p.table.Set(a)
	}
	return ok
}

func (p *list[R]) act(a key.Action) bool { return p.table.Do(a) }

func (p *list[R]) click(y int) bool { return p.table.Click(y) }

func (p *list[R]) count() (shown, all int) {
	if a := p.table.Arranged(); a != nil {
		return a.Len(), len(a.Rows)
	}
	return 0, 0
}

func (p *list[R]) filter() string { return p.spec.Filter.Text }

func (p *list[R]) setFilter(text string) { p.spec.Filter = p.table.Filter(text) }

func (p *list[R]) sortBy(letter string) bool {
	spec, ok := p.table.SortBy(p.spec, letter)
	p.spec = spec
	return ok
}

func (p *list[R]) order() string { return p.table.Order(p.spec) }

func (p *list[R]) letters() []widget.Letter { return p.table.Letters() }

func (p *list[R]) unmark() bool { return p.table.Unmark() }

func (p *list[R]) view(w, h int, look *screen.Look, focused bool) []string {
	lines := p.table.View(w, h, look.Theme, focused)
	if p.table.Len() > 0 || len(lines) < 2 {
		return lines
	}
	text := p.none
	if a := p.table.Arranged(); a == nil {
		text = "asking " + look.Theme.Glyphs.More
	} else if len(a.Rows) > 0 {
		text = strings.TrimSuffix("nothing matches; "+screen.Unfilter(look), "; ")
	} else if !look.Live && p.past != "" {
		text = p.past
	}
	l := &widget.Line{}
	l.Pad(1)
	l.Cell(look.Theme.Dim, text, max(1, w-2), look.Theme.Glyphs.More)
	lines[1] = l.Fit(w)
	return lines
}

func (p *list[R]) enter(*Screen) tea.Cmd { return nil }

func (p *list[R]) focus(*Screen, *screen.Focus, *screen.Look) {}

func (p *list[R]) evidence(*Screen) []screen.Evidence { return nil }

func (p *list[R]) describe(*Screen, *screen.Look) (string, []string) { return "", nil }

func (p *list[R]) data() any {
	if r := p.table.Selected(); r != nil {
		return *r
	}
	return nil
}

func (p *list[R]) copied() (what, text string) {
	if r := p.table.Selected(); r != nil {
		return p.name, p.id(r)
	}
	return "", ""
}
