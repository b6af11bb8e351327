package service

import (
	"cmp"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/triage"
	"github.com/gctl-dev/gctl/tui/widget"
)

// edges is the pane of who calls the service and whom it calls.
type edges struct{ list[edge] }

// edge is a row: the calls between the service and another.
type edge struct {
	incoming bool
	other    string
	red      *fleet.RED // nil: nobody counts these calls
	breakers triage.Breakers
}

func newEdges(columns map[string][]string) *edges {
	p := &edges{list[edge]{
		name: "calls", id: (*edge).id, rows: edgeRows,
		none: "nobody who counts calls has called it, and it calls nobody who is known",
	}}
	p.table.Columns, _ = widget.Choose(edgeColumns(), columns[p.name])
	p.spec = widget.By(p.table.Columns, "direction")
	return p
}

func (r *edge) id() string {
	if r.incoming {
		return "from " + r.other
	}
	return "to " + r.other
}

func edgeRows(snap *fleet.Snapshot, service string) []edge {
	var rows []edge
	unheard := triage.Unheard(snap)
	find := func(incoming bool, other string) *edge {
		for i := range rows {
			if rows[i].incoming == incoming && rows[i].other == other {
				return &rows[i]
			}
		}
		rows = append(rows, edge{incoming: incoming, other: other, breakers: triage.Breakers{Unheard: unheard}})
		return &rows[len(rows)-1]
	}
	for _, d := range snap.Callers(service) {
		if d.Method == "" {
			find(true, d.Caller).red = &d.RED
		}
	}
	for _, b := range snap.BreakersTo(service) {
		find(true, b.Caller.Service).breakers.Add(b)
	}
	s := snap.Service(service)
	if s == nil {
		return rows
	}
	for _, d := range s.Dependencies {
		if d.Method == "" {
			find(false, d.Callee).red = &d.RED
		}
	}
	for _, b := range s.Breakers {
		if b.Target != "" {
			find(false, b.Target).breakers.Add(b)
		}
	}
	return rows
}

func edgeColumns() []widget.Column[edge] {
	return []widget.Column[edge]{
		{
			Title: "CALLS", Name: "direction", Key: "d", Min: 9,
			Draw: func(l *widget.Line, t *theme.Theme, r *edge, w int) {
				text := "to " + t.Glyphs.Arrow
				if r.incoming {
					text = "from " + t.Glyphs.Arrow
				}
				l.Cell(t.Dim, text, w, t.Glyphs.More)
			},
			Compare: func(a, b *edge) int { return cmp.Compare(b.id()[:1], a.id()[:1]) },
			Text:    func(r *edge) string { return r.id() },
		},
		{
			Title: "SERVICE", Key: "n", Min: 10, Grow: 3,
			Draw:    func(l *widget.Line, t *theme.Theme, r *edge, w int) { l.Cell(t.Text, r.other, w, t.Glyphs.More) },
			Compare: func(a, b *edge) int { return cmp.Compare(a.other, b.other) },
		},
		edgeMeasure("RPS", "rps", "r", rate, func(v float64, _ *fleet.RED) string { return widget.Rate(v) }),
		edgeMeasure("ERR%", "err", "e", errorRatio, func(v float64, _ *fleet.RED) string { return widget.Percent(v) }),
		edgeMeasure("P99", "p99", "p", p99, func(v float64, r *fleet.RED) string { return widget.Seconds(v, r.Bound) }),
		{
			Title: "BREAKERS", Min: 8, Grow: 1, Drop: 1,
			Draw: func(l *widget.Line, t *theme.Theme, r *edge, w int) {
				v, text := r.breakers.Worst()
				s, _ := screen.Sign(t, v)
				if text == "" {
					s, text = t.Dim, t.Glyphs.None
				}
				l.Cell(s, text, w, t.Glyphs.More)
			},
		},
	}
}

func edgeMeasure(title, name, letter string, of func(*fleet.RED) float64, text func(float64, *fleet.RED) string) widget.Column[edge] {
	value := func(r *edge) float64 {
		i := instance{red: r.red}
		return i.value(of)
	}
	return widget.Column[edge]{
		Title: title, Name: name, Key: letter, Min: 5, Right: true,
		Draw: func(l *widget.Line, t *theme.Theme, r *edge, w int) {
			if r.red == nil {
				l.Right(t.Dim, t.Glyphs.None, w, t.Glyphs.More)
				return
			}
			l.Right(t.Text, text(of(r.red), r.red), w, t.Glyphs.More)
		},
		Compare: func(a, b *edge) int { return widget.Descending(value(a), value(b)) },
		Number:  value,
	}
}

func (p *edges) enter(*Screen) tea.Cmd {
	if r := p.table.Selected(); r != nil {
		return screen.Open(Name, r.other)
	}
	return nil
}

func (p *edges) evidence(s *Screen) []screen.Evidence {
	r := p.table.Selected()
	if r == nil || r.red == nil {
		return nil
	}
	return []screen.Evidence{screen.REDEvidence("calls "+r.id(), r.red, "gctl metrics "+s.service+" --by caller")}
}

func (p *edges) data() any {
	if r := p.table.Selected(); r != nil && r.red != nil {
		return screen.REDData(r.red)
	}
	return nil
}
