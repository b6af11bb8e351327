package commands

import (
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/ops/waterfall"
)

// comparisonDoc is how two traces differ, as JSON.
type comparisonDoc struct {
	A          comparedDoc `json:"a"`
	B          comparedDoc `json:"b"`
	Operations []diffRow   `json:"operations"` // parents before their children
}

type comparedDoc struct {
	TraceID    string    `json:"trace_id"`
	Start      time.Time `json:"start"`
	DurationMS float64   `json:"duration_ms"`
	Spans      int       `json:"spans"`
	Errors     int       `json:"errors"`
}

// diffRow is an operation below the same operations in both traces. Where one has
// no such span, its numbers are 0 and spans says so.
type diffRow struct {
	Depth    int            `json:"depth"`
	Service  string         `json:"service"`
	Name     string         `json:"name"`
	Kind     fleet.SpanKind `json:"kind"`
	A        statDoc        `json:"a"`
	B        statDoc        `json:"b"`
	ChangeMS float64        `json:"change_ms"` // of the own time, from a to b
}

type statDoc struct {
	Spans      int     `json:"spans"`
	Errors     int     `json:"errors"`
	TotalMS    float64 `json:"total_ms"`
	SelfMS     float64 `json:"self_ms"`
	CriticalMS float64 `json:"critical_ms"`
}

var diffTable = output.Rows[diffRow]{
	Columns: []output.Column[diffRow]{
		{Name: "OPERATION", Cell: func(r diffRow) output.Cell {
			return output.Text(strings.Repeat("  ", min(r.Depth, 20)) + spanName(&fleet.Span{Service: r.Service, Name: withoutPackage(r.Name), Kind: r.Kind}))
		}},
		{Name: "A", Right: true, Cell: func(r diffRow) output.Cell { return r.A.cell() }},
		{Name: "B", Right: true, Cell: func(r diffRow) output.Cell { return r.B.cell() }},
		{Name: "OWN TIME", Right: true, Cell: diffRow.change},
		{Name: "SPANS", Right: true, Cell: func(r diffRow) output.Cell {
			if r.A.Spans == r.B.Spans {
				return output.Int(r.A.Spans)
			}
			return output.Cell{Text: fmt.Sprintf("%d→%d", r.A.Spans, r.B.Spans), Style: output.Caution}
		}},
		{Name: "NOTE", Cell: diffRow.note},
	},
	Key: func(r diffRow) string { return r.Service + " " + r.Name },
}

func (s statDoc) cell() output.Cell {
	if s.Spans == 0 {
		return output.Cell{}
	}
	return output.Text(formatMS(s.TotalMS) + "ms")
}

func (r diffRow) change() output.Cell {
	text := fmt.Sprintf("%+.1fms", r.ChangeMS)
	switch {
	case r.ChangeMS >= 0.05:
		return output.Cell{Text: text, Style: output.Caution}
	case r.ChangeMS <= -0.05:
		return output.Cell{Text: text, Style: output.Good}
	default:
		return output.Cell{Text: "+0.0ms", Style: output.Faint}
	}
}

func (r diffRow) note() output.Cell {
	switch {
	case r.A.Spans == 0:
		return output.Cell{Text: "only in B", Style: output.Caution}
	case r.B.Spans == 0:
		return output.Cell{Text: "only in A", Style: output.Caution}
	case r.A.Errors != r.B.Errors:
		return output.Cell{Text: fmt.Sprintf("errors %d→%d", r.A.Errors, r.B.Errors), Style: output.Bad}
	default:
		return output.Cell{}
	}
}

// printComparison prints how two traces differ.
func printComparison(p *output.Printer, a, b *waterfall.Layout) error {
	doc := comparisonDoc{A: newCompared(a), B: newCompared(b), Operations: []diffRow{}}
	for _, d := range waterfall.Compare(a, b) {
		doc.Operations = append(doc.Operations, diffRow{
			Depth: d.Depth, Service: d.Service, Name: d.Name, Kind: d.Kind,
			A: newStat(d.A), B: newStat(d.B), ChangeMS: ms(d.Change()),
		})
	}
	if !p.Structured() && p.Format() != output.Name {
		for _, side := range []struct {
			name string
			doc  comparedDoc
		}{{"A", doc.A}, {"B", doc.B}} {
			text := fmt.Sprintf("%s  %s  %s  %sms, %s", side.name, side.doc.TraceID, side.doc.Start.Format(time.RFC3339), formatMS(side.doc.DurationMS), plural(side.doc.Spans, "span"))
			errors := output.Cell{}
			if side.doc.Errors > 0 {
				errors = output.Cell{Text: ", " + plural(side.doc.Errors, "error"), Style: output.Bad}
			}
			if err := p.Line(output.Text(text), errors); err != nil {
				return err
			}
		}
		if err := p.Line(); err != nil {
			return err
		}
	}
	return diffTable.Print(p, doc.Operations, doc)
}

func newCompared(l *waterfall.Layout) comparedDoc {
	return comparedDoc{l.ID, l.Start.UTC(), ms(l.Duration), len(l.Rows), l.Errors}
}

func newStat(s waterfall.Stat) statDoc {
	return statDoc{s.Spans, s.Errors, ms(s.Total), ms(s.Self), ms(s.Critical)}
}
