package fleet

import (
	"context"
	"time"
)

// SpanKind is the role of a span, as OpenTelemetry names it.
type SpanKind string

// The kinds.
const (
	SpanInternal SpanKind = "internal"
	SpanServer   SpanKind = "server"
	SpanClient   SpanKind = "client"
	SpanProducer SpanKind = "producer"
	SpanConsumer SpanKind = "consumer"
)

// Span is one operation of a trace, as OTLP has it.
type Span struct {
	ID, Parent string // hex; Parent is empty for a root
	Service    string // service.name of the resource
	Name       string
	Kind       SpanKind
	Start      time.Time
	Duration   time.Duration
	Error      bool   // its status is an error
	Message    string // of the status
	Attributes map[string]string
	Resource   map[string]string // attributes of the process
	Events     []SpanEvent
}

// SpanEvent is something that happened in a span.
type SpanEvent struct {
	At         time.Time
	Name       string
	Attributes map[string]string
}

// Trace is all that a source has of one trace: parents may be missing, spans
// may come twice or begin before their parents.
type Trace struct {
	ID         string // hex
	Spans      []Span
	Truncated  int // spans left out, since there were too many
	Provenance Provenance
}

// TraceSummary is a trace in a list.
type TraceSummary struct {
	ID       string
	Root     string // name of the root span, with its service in front: "edge GET /v1/users"
	Start    time.Time
	Duration time.Duration
	Spans    int
	Services []string // sorted
	Errors   int      // spans with an error

	// Took is how long those of its spans took that fit the query, where that names
	// an operation; nil otherwise.
	Took []time.Duration
}

// TraceQuery says which traces are meant: those with a span that is all of this
// at once; see Matches. Zero fields say nothing.
type TraceQuery struct {
	Service     string // as the source names it
	Operation   string
	Tags        map[string]string
	MinDuration time.Duration
	MaxDuration time.Duration
	ErrorsOnly  bool
	Start, End  time.Time
	Limit       int
}

// TraceList is the answer to a search. Each of its traces fits the query,
// whatever the source understood of it.
type TraceList struct {
	Traces     []TraceSummary // newest first
	More       bool           // there are, or may be, more than Limit
	Provenance Provenance
}

// TraceReader finds traces. A trace that is not there is ErrNotFound.
type TraceReader interface {
	TraceServices(ctx context.Context) ([]string, error)
	TraceOperations(ctx context.Context, service string) ([]string, error)
	SearchTraces(ctx context.Context, q TraceQuery) (TraceList, error)
	Trace(ctx context.Context, id string) (Trace, error)
}
