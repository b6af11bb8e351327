package waterfall

import (
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Doc is a laid out trace as -o json has it. Times are in milliseconds from its start.
type Doc struct {
	TraceID    string       `json:"trace_id"`
	Start      time.Time    `json:"start"`
	DurationMS float64      `json:"duration_ms"`
	Errors     int          `json:"errors"`
	Truncated  int          `json:"truncated"`
	Services   []ShareDoc   `json:"services"`
	Path       []SegmentDoc `json:"critical_path"`
	Spans      []SpanDoc    `json:"spans"` // parents before their children
}

// ShareDoc is a Share as JSON.
type ShareDoc struct {
	Service    string  `json:"service"`
	Spans      int     `json:"spans"`
	Errors     int     `json:"errors"`
	SelfMS     float64 `json:"self_ms"`
	CriticalMS float64 `json:"critical_ms"`
	Share      float64 `json:"share"` // of the critical path, 0 to 1
}

// SegmentDoc is a Segment as JSON.
type SegmentDoc struct {
	SpanID     string  `json:"span_id"`
	Service    string  `json:"service"`
	Name       string  `json:"name"`
	StartMS    float64 `json:"start_ms"`
	DurationMS float64 `json:"duration_ms"`
}

// SpanDoc is a Row as JSON.
type SpanDoc struct {
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
	Marks      []Mark            `json:"marks"`
	Attributes map[string]string `json:"attributes"`
	Resource   map[string]string `json:"resource"`
	Events     []EventDoc        `json:"events"`
}

// EventDoc is an event of a span as JSON.
type EventDoc struct {
	StartMS    float64           `json:"start_ms"`
	Name       string            `json:"name"`
	Attributes map[string]string `json:"attributes"`
}

// NewDoc returns a trace as JSON.
func NewDoc(l *Layout) *Doc {
	d := &Doc{
		TraceID: l.ID, Start: l.Start.UTC(), DurationMS: ms(l.Duration), Errors: l.Errors, Truncated: l.Truncated,
		Services: ShareDocs(l), Path: []SegmentDoc{}, Spans: make([]SpanDoc, 0, len(l.Rows)),
	}
	for _, s := range l.Path {
		span := l.Rows[s.Row].Span
		d.Path = append(d.Path, SegmentDoc{span.ID, span.Service, span.Name, ms(s.Start), ms(s.End - s.Start)})
	}
	for i := range l.Rows {
		d.Spans = append(d.Spans, NewSpanDoc(l, &l.Rows[i]))
	}
	return d
}

// NewSpanDoc returns a row of a trace as JSON.
func NewSpanDoc(l *Layout, r *Row) SpanDoc {
	s := r.Span
	row := SpanDoc{
		SpanID: s.ID, ParentID: s.Parent, Depth: r.Depth, Service: s.Service, Name: s.Name, Kind: s.Kind,
		StartMS: ms(r.Offset), DurationMS: ms(s.Duration), SelfMS: ms(r.Self), CriticalMS: ms(r.Critical),
		Error: s.Error, Message: s.Message, Marks: r.Marks, Attributes: s.Attributes, Resource: s.Resource, Events: []EventDoc{},
	}
	if row.Marks == nil {
		row.Marks = []Mark{}
	}
	for _, e := range s.Events {
		row.Events = append(row.Events, EventDoc{ms(e.At.Sub(l.Start)), e.Name, e.Attributes})
	}
	return row
}

// ShareDocs returns the shares of a trace as JSON.
func ShareDocs(l *Layout) []ShareDoc {
	rows := make([]ShareDoc, 0, len(l.Shares))
	for _, s := range l.Shares {
		rows = append(rows, ShareDoc{s.Service, s.Spans, s.Errors, ms(s.Self), ms(s.Critical), s.Ratio})
	}
	return rows
}

// ms is a duration in milliseconds, to the microsecond.
func ms(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
