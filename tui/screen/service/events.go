package service

import (
	"cmp"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// events is the pane of what changed lately.
type events struct{ list[event] }

// event is a row.
type event struct {
	fleet.Event

	key string
}

func newEvents(columns map[string][]string) *events {
	p := &events{list[event]{
		name: "events", id: func(r *event) string { return r.key }, rows: eventRows,
		none: "nothing has changed since gctl began to look; gctl record keeps what changes",
		past: "of nothing that changed until then is known; :events asks further back",
	}}
	p.table.Columns, _ = widget.Choose(eventColumns(), columns[p.name])
	p.spec = widget.By(p.table.Columns, "time")
	return p
}

func eventRows(snap *fleet.Snapshot, service string) []event {
	var rows []event
	for _, e := range slices.Backward(snap.Events()) {
		if e.Service == service {
			rows = append(rows, event{e, e.At.Format("150405.000000000") + string(e.Kind) + e.Instance + e.Subject})
		}
	}
	return rows
}

// What is an event in words.
func (r *event) what() string {
	text := screen.EventWords(&r.Event)
	if r.Instance != "" {
		return r.Instance + " " + text
	}
	return text
}

func eventColumns() []widget.Column[event] {
	return []widget.Column[event]{
		{
			Title: "TIME", Key: "t", Min: 9,
			Draw: func(l *widget.Line, t *theme.Theme, r *event, w int) {
				text := stamp(r.At)
				if !r.Exact {
					text = "~" + text
				}
				l.Right(t.Dim, text, w, t.Glyphs.More)
			},
			Compare: func(a, b *event) int { return b.At.Compare(a.At) },
		},
		{
			Title: "EVENT", Key: "k", Min: 12, Grow: 1,
			Draw: func(l *widget.Line, t *theme.Theme, r *event, w int) {
				l.Cell(screen.EventStyle(t, &r.Event), r.what(), w, t.Glyphs.More)
			},
			Compare: func(a, b *event) int { return cmp.Compare(a.Kind, b.Kind) },
			Text:    func(r *event) string { return r.what() },
		},
	}
}

func (p *events) evidence(s *Screen) []screen.Evidence {
	r := p.table.Selected()
	if r == nil {
		return nil
	}
	e := screen.Evidence{What: r.what(), Value: stamp(r.At), Provenance: r.Provenance, Commands: []string{"gctl events " + s.service}}
	if !r.Exact {
		e.Notes = []string{"the time is when it was noticed"}
	}
	return []screen.Evidence{e}
}

func (p *events) data() any {
	r := p.table.Selected()
	if r == nil {
		return nil
	}
	return map[string]any{
		"time": r.At, "kind": r.Kind, "service": r.Service, "instance": r.Instance, "subject": r.Subject,
		"from": r.From, "to": r.To, "exact": r.Exact, "source": r.Provenance.Source, "query": r.Provenance.Query,
	}
}
