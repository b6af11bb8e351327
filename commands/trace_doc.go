package commands

import (
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/ops/waterfall"
)

// traceDoc is a trace as JSON. Times are in milliseconds from its start.
type traceDoc struct {
	TraceID    string       `json:"trace_id"`
	Start      time.Time    `json:"start"`
	DurationMS float64      `json:"duration_ms"`
	Errors     int          `json:"errors"`
	Truncated  int          `json:"truncated"`
	Services   []shareRow   `json:"services"`
	Path       []segmentRow `json:"critical_path"`
	Spans      []spanRow    `json:"spans"` // parents before their children
}

type shareRow struct {
	Service    string  `json:"service"`
	Spans      int     `json:"spans"`
	Errors     int     `json:"errors"`
	SelfMS     float64 `json:"self_ms"`
	CriticalMS float64 `json:"critical_ms"`
	Share      float64 `json:"share"` // of the critical path, 0 to 1
}

type segmentRow struct {
	SpanID     string  `json:"span_id"`
	Service    string  `json:"service"`
	Name       string  `json:"name"`
	StartMS    float64 `json:"start_ms"`
	DurationMS float64 `json:"duration_ms"`
}

type spanRow struct {
	SpanID     string            `json:"span_id"`
	ParentID   string            `json:"parent_id"`
	Depth      int               `json:"depth"`
	Service    string            `json:"service"`
	Name       string            `json:"name"`
	Kind       fleet.SpanKind    `json:"kind"`
	StartMS    float64           `json:"start_ms"`
	DurationMS float64           `json:"duration_ms"`
	SelfMS     float64           `json:"self_ms"`
	CriticalMS float64           `json:"critical_ms"` // 0: not on the critical path
	Error      bool              `json:"error"`
	Message    string            `json:"message"`
	Marks      []waterfall.Mark  `json:"marks"`
	Attributes map[string]string `json:"attributes"`
	Resource   map[string]string `json:"resource"`
	Events     []spanEventRow    `json:"events"`
}

type spanEventRow struct {
	StartMS    float64           `json:"start_ms"`
	Name       string            `json:"name"`
	Attributes map[string]string `json:"attributes"`
}

// spanTable prints the spans for programs; people get a drawing.
var spanTable = output.Rows[spanRow]{Key: func(r spanRow) string { return r.SpanID }}

func newTraceDoc(l *waterfall.Layout) *traceDoc {
	d := &traceDoc{
		TraceID: l.ID, Start: l.Start.UTC(), DurationMS: ms(l.Duration), Errors: l.Errors, Truncated: l.Truncated,
		Services: shareRows(l), Path: []segmentRow{}, Spans: make([]spanRow, 0, len(l.Rows)),
	}
	for _, s := range l.Path {
		span := l.Rows[s.Row].Span
		d.Path = append(d.Path, segmentRow{span.ID, span.Service, span.Name, ms(s.Start), ms(s.End - s.Start)})
	}
	for i := range l.Rows {
		d.Spans = append(d.Spans, newSpanRow(l, &l.Rows[i]))
	}
	return d
}

func newSpanRow(l *waterfall.Layout, r *waterfall.Row) spanRow {
	s := r.Span
	row := spanRow{
		SpanID: s.ID, ParentID: s.Parent, Depth: r.Depth, Service: s.Service, Name: s.Name, Kind: s.Kind,
		StartMS: ms(r.Offset), DurationMS: ms(s.Duration), SelfMS: ms(r.Self), CriticalMS: ms(r.Critical),
		Error: s.Error, Message: s.Message, Marks: r.Marks, Attributes: s.Attributes, Resource: s.Resource, Events: []spanEventRow{},
	}
	if row.Marks == nil {
		row.Marks = []waterfall.Mark{}
	}
	for _, e := range s.Events {
		row.Events = append(row.Events, spanEventRow{ms(e.At.Sub(l.Start)), e.Name, e.Attributes})
	}
	return row
}

func shareRows(l *waterfall.Layout) []shareRow {
	rows := make([]shareRow, 0, len(l.Shares))
	for _, s := range l.Shares {
		rows = append(rows, shareRow{s.Service, s.Spans, s.Errors, ms(s.Self), ms(s.Critical), s.Ratio})
	}
	return rows
}
