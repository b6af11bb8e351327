package service

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// methods is the pane of the methods.
type methods struct{ list[method] }

// method is a row: how the calls of a method go.
type method struct{ *fleet.RED }

func newMethods(columns map[string][]string) *methods {
	p := &methods{list[method]{
		name: "methods", id: func(r *method) string { return r.Method }, rows: methodRows,
		none: "nobody counts the calls by method: no known gRPC metrics; gctl doctor says what joins",
	}}
	p.table.Columns, _ = widget.Choose(methodColumns(), columns[p.name])
	p.spec = widget.By(p.table.Columns, "rps")
	return p
}

func methodRows(snap *fleet.Snapshot, service string) []method {
	s := snap.Service(service)
	if s == nil {
		return nil
	}
	rows := methodsOf(s, fleet.ServerSide)
	if len(rows) == 0 {
		rows = methodsOf(s, fleet.ClientSide)
	}
	return rows
}

func methodsOf(s *fleet.ServiceFacts, side fleet.Side) []method {
	var rows []method
	for _, r := range s.REDs {
		if r.Method == "" || r.Instance != "" || r.Caller != "" || r.Side != side {
			continue
		}
		rows = append(rows, method{r})
	}
	return rows
}

// short is the name of a method without its package and service.
func short(method string) string {
	return method[strings.LastIndex(method, "/")+1:]
}

// codes are the codes of failures that make up most of them, or OK.
func codes(byCode map[string]float64) string {
	all, bad := 0.0, 0.0
	for code, rate := range byCode {
		all += rate
		if code != "OK" {
			bad += rate
		}
	}
	if !(all > 0) { // also what is not known
		return ""
	}
	names := slices.SortedFunc(maps.Keys(byCode), func(a, b string) int {
		return cmp.Or(cmp.Compare(byCode[b], byCode[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, code := range names {
		if code != "OK" && byCode[code] > 0 && len(parts) < 2 {
			parts = append(parts, code+" "+widget.Percent(byCode[code]/bad)+"%")
		}
	}
	if len(parts) == 0 {
		return "OK"
	}
	return strings.Join(parts, " ")
}

// tint is how a ratio of errors looks.
func tint(t *theme.Theme, ratio float64) theme.Style {
	switch {
	case ratio >= 0.05:
		return t.Bad
	case ratio >= 0.01:
		return t.Warn
	default:
		return t.Text
	}
}

func methodColumns() []widget.Column[method] {
	return []widget.Column[method]{
		{
			Title: "METHOD", Key: "n", Min: 12, Grow: 4,
			Draw: func(l *widget.Line, t *theme.Theme, r *method, w int) {
				name := r.Method
				if widget.Width(name) > w {
					name = short(name)
				}
				l.Cell(t.Text, name, w, t.Glyphs.More)
			},
			Compare: func(a, b *method) int { return cmp.Compare(a.Method, b.Method) },
			Text:    func(r *method) string { return r.Method },
		},
		{
			Title: "RPS", Key: "r", Min: 5, Right: true,
			Draw: func(l *widget.Line, t *theme.Theme, r *method, w int) {
				l.Right(t.Text, widget.Rate(r.Rate), w, t.Glyphs.More)
			},
			Compare: func(a, b *method) int { return widget.Descending(a.Rate, b.Rate) },
			Number:  func(r *method) float64 { return r.Rate },
		},
		{
			Title: "ERR%", Name: "err", Key: "e", Min: 5, Right: true,
			Draw: func(l *widget.Line, t *theme.Theme, r *method, w int) {
				l.Right(tint(t, r.ErrorRatio), widget.Percent(r.ErrorRatio), w, t.Glyphs.More)
			},
			Compare: func(a, b *method) int { return widget.Descending(a.ErrorRatio, b.ErrorRatio) },
			Number:  func(r *method) float64 { return r.ErrorRatio * 100 },
		},
		{
			Title: "P50", Min: 5, Right: true, Drop: 2,
			Draw: func(l *widget.Line, t *theme.Theme, r *method, w int) {
				l.Right(t.Text, widget.Seconds(r.P50, r.Bound), w, t.Glyphs.More)
			},
		},
		{
			Title: "P99", Key: "p", Min: 5, Right: true,
			Draw: func(l *widget.Line, t *theme.Theme, r *method, w int) {
				l.Right(t.Text, widget.Seconds(r.P99, r.Bound), w, t.Glyphs.More)
			},
			Compare: func(a, b *method) int { return widget.Descending(a.P99, b.P99) },
			Number:  func(r *method) float64 { return r.P99 },
		},
		{
			Title: "CODES", Min: 10, Grow: 2, Drop: 1,
			Draw: func(l *widget.Line, t *theme.Theme, r *method, w int) {
				l.Cell(tint(t, r.ErrorRatio), codes(r.Codes), w, t.Glyphs.More)
			},
			Text: func(r *method) string { return codes(r.Codes) },
		},
	}
}

func (p *methods) focus(_ *Screen, f *screen.Focus, _ *screen.Look) {
	if r := p.table.Selected(); r != nil {
		f.Method = r.Method
	}
}

func (p *methods) evidence(s *Screen) []screen.Evidence {
	r := p.table.Selected()
	if r == nil {
		return nil
	}
	return []screen.Evidence{screen.REDEvidence(short(r.Method)+" of "+s.service, r.RED, "gctl metrics "+s.service+" --by method")}
}

func (p *methods) data() any {
	if r := p.table.Selected(); r != nil {
		return screen.REDData(r.RED)
	}
	return nil
}
