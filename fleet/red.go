package fleet

import (
	"context"
	"time"
)

// Side says where calls were counted.
type Side string

// The sides.
const (
	ServerSide Side = "server"
	ClientSide Side = "client"
)

// RED is rate, errors and duration of the calls of a service, a method, an
// instance or a caller, over a window. What is not known is NaN, never 0, and
// Unknown says why.
type RED struct {
	Service  string // of the catalog, as joined; of the callee
	Method   string // full name without slash in front, "user.v1.UserService/GetUser"; empty: all
	Instance string // ID of the instance of Service: that counted, or on the client's side that answered; empty: all
	Caller   string // service that calls, where the source says; empty: all
	Side     Side

	Rate       float64            // calls a second
	ErrorRatio float64            // of the calls that the server or the way to it failed, 0 to 1; see IsFailure
	Codes      map[string]float64 // rate by gRPC code, "OK", "UNAVAILABLE", ...
	P50        float64            // seconds
	P95, P99   float64
	Bound      float64 // seconds: a quantile that is +Inf lies above it, the largest bucket
	Window     time.Duration

	Dialect    string   // whose names the series have: "go-grpc-middleware"
	Notes      []string // corrections that were made, and what they rest on
	Unknown    []string // what is NaN, and why
	Provenance Provenance
}

// IsFailure tells whether a gRPC code counts as the server's failure in an error
// ratio: those that a caller can do nothing about. The rest (NOT_FOUND,
// INVALID_ARGUMENT, CANCELLED, ...) are answers.
func IsFailure(code string) bool {
	switch code {
	case "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "RESOURCE_EXHAUSTED":
		return true
	default:
		return false
	}
}

// Point is a value at a time; NaN where there is none.
type Point struct {
	At    time.Time
	Value float64
}

// REDSeries is a RED over time. Its points are those of the range asked for, at
// equal steps; what is missing is NaN.
type REDSeries struct {
	RED             // labels, and the values at the end of the range
	RateOverTime    []Point
	ErrorsOverTime  []Point // ratio
	LatencyOverTime []Point // p99 in seconds
	P50OverTime     []Point // seconds
	P95OverTime     []Point
}

// Dimension is what a RED can be split by.
type Dimension string

// The dimensions.
const (
	ByMethod   Dimension = "method"
	ByInstance Dimension = "instance"
	ByCaller   Dimension = "caller"
)

// REDQuery says which calls are meant.
type REDQuery struct {
	Service   string     // of the catalog; empty: each of Instances' services
	Instances []Instance // those of the services, to scrape and to join
	By        []Dimension
	Side      Side
	Window    time.Duration
	At        time.Time // zero: now
	Identity  *Identity
	CallsOnly bool // no durations, which cost most over long windows
}

// REDList is what is known, and what is not.
type REDList struct {
	REDs    []RED
	Missing []Missing
}

// MetricsReader tells how calls went. A service of which nothing is known has
// no RED and a Missing that says why.
type MetricsReader interface {
	RED(ctx context.Context, q REDQuery) (REDList, error)
	// REDRange is RED from start to end in equal steps. A source without a
	// memory fails with ErrNoHistory.
	REDRange(ctx context.Context, q REDQuery, start, end time.Time, step time.Duration) ([]REDSeries, error)
}

// SplitReader is a MetricsReader to which several splits of the same calls cost
// no more than one.
type SplitReader interface {
	// REDSplits is RED by each of the splits in turn, whatever q.By says. The
	// Missing are those of the first.
	REDSplits(ctx context.Context, q REDQuery, splits [][]Dimension) (REDList, error)
}

// REDSplits asks a reader for several splits of the same calls, at once if it can.
// The Missing are those of the first.
func REDSplits(ctx context.Context, r MetricsReader, q REDQuery, splits [][]Dimension) (REDList, error) {
	if s, ok := r.(SplitReader); ok {
		return s.REDSplits(ctx, q, splits)
	}
	var all REDList
	for i, by := range splits {
		q.By = by
		list, err := r.RED(ctx, q)
		if err != nil {
			return REDList{}, err
		}
		all.REDs = append(all.REDs, list.REDs...)
		if i == 0 {
			all.Missing = list.Missing
		}
	}
	return all, nil
}

// Series is one series of an answer to a query: its labels and its points, one
// in an instant query.
type Series struct {
	Labels map[string]string
	Points []Point
}

// QueryResult is the answer to a query in the source's own language.
type QueryResult struct {
	Series     []Series
	Warnings   []string
	Provenance Provenance
}

// Querier answers PromQL.
type Querier interface {
	Query(ctx context.Context, promql string, at time.Time) (QueryResult, error)
	QueryRange(ctx context.Context, promql string, start, end time.Time, step time.Duration) (QueryResult, error)
}
