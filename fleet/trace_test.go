package fleet_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

var traceStart = time.Unix(1_700_000_000, 0)

func testTrace() *fleet.Trace {
	return &fleet.Trace{ID: "t", Spans: []fleet.Span{
		{ID: "2", Parent: "1", Service: "user", Name: "GetUser", Kind: fleet.SpanServer, Start: traceStart.Add(time.Millisecond), Duration: 5 * time.Millisecond, Error: true, Message: "no", Attributes: map[string]string{"a": "1"}, Resource: map[string]string{"zone": "b"}, Events: []fleet.SpanEvent{{Attributes: map[string]string{"retry": "2"}}}},
		{ID: "1", Service: "edge", Name: "GET /", Start: traceStart, Duration: 10 * time.Millisecond},
		{ID: "3", Parent: "9", Service: "edge", Name: "late", Start: traceStart.Add(-time.Second), Duration: time.Millisecond},
	}}
}

func TestATraceFitsIfOneSpanIsAllThatWasAskedFor(t *testing.T) {
	ms := time.Millisecond
	for name, c := range map[string]struct {
		q    fleet.TraceQuery
		want bool
	}{
		"nothing asked":            {fleet.TraceQuery{}, true},
		"service":                  {fleet.TraceQuery{Service: "user"}, true},
		"another service":          {fleet.TraceQuery{Service: "db"}, false},
		"operation":                {fleet.TraceQuery{Operation: "GET /"}, true},
		"operation of another":     {fleet.TraceQuery{Service: "user", Operation: "GET /"}, false},
		"error":                    {fleet.TraceQuery{ErrorsOnly: true}, true},
		"error of another":         {fleet.TraceQuery{Service: "edge", ErrorsOnly: true}, false},
		"at least":                 {fleet.TraceQuery{Service: "user", MinDuration: 5 * ms}, true},
		"longer":                   {fleet.TraceQuery{Service: "user", MinDuration: 6 * ms}, false},
		"at most":                  {fleet.TraceQuery{Service: "user", MaxDuration: 5 * ms}, true},
		"shorter":                  {fleet.TraceQuery{Service: "user", MaxDuration: 4 * ms}, false},
		"since":                    {fleet.TraceQuery{Service: "user", Start: traceStart}, true},
		"later":                    {fleet.TraceQuery{Start: traceStart.Add(time.Second)}, false},
		"until":                    {fleet.TraceQuery{Service: "user", End: traceStart}, false},
		"attribute":                {fleet.TraceQuery{Tags: map[string]string{"a": "1"}}, true},
		"attribute of the process": {fleet.TraceQuery{Tags: map[string]string{"zone": "b"}}, true},
		"attribute of an event":    {fleet.TraceQuery{Tags: map[string]string{"retry": "2"}}, true},
		"another value":            {fleet.TraceQuery{Tags: map[string]string{"a": "2"}}, false},
		"an empty value":           {fleet.TraceQuery{Tags: map[string]string{"b": ""}}, false},
		"what Jaeger calls tags":   {fleet.TraceQuery{Tags: map[string]string{"error": "true", "span.kind": "server", "otel.status_code": "ERROR", "otel.status_description": "no"}}, true},
	} {
		if got := c.q.Matches(testTrace()); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestASummary(t *testing.T) {
	trace := testTrace()
	trace.Truncated = 4
	got := trace.Summary()
	if got.Root != "edge GET /" || got.Spans != 7 || got.Errors != 1 || !slices.Equal(got.Services, []string{"edge", "user"}) ||
		!got.Start.Equal(traceStart.Add(-time.Second)) || got.Duration != time.Second+10*time.Millisecond {
		t.Errorf("%+v", got)
	}
	if got := (&fleet.Trace{ID: "t"}).Summary(); got.ID != "t" || got.Root != "" || got.Duration != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestAListIsCheckedSortedAndCut(t *testing.T) {
	var traces []fleet.Trace
	for i, service := range []string{"user", "user", "other", "user"} {
		traces = append(traces, fleet.Trace{ID: string(rune('a' + i)), Spans: []fleet.Span{{Service: service, Start: traceStart.Add(time.Duration(i) * time.Second)}}})
	}
	list := fleet.SummarizeTraces(&fleet.TraceQuery{Service: "user", Limit: 2}, traces)
	if len(list.Traces) != 2 || list.Traces[0].ID != "d" || list.Traces[1].ID != "b" || !list.More {
		t.Errorf("%+v", list)
	}
}

// How long others of its kind took is what tells whether a span was slow.
func TestASearchForAnOperationTellsHowLongItsSpansTook(t *testing.T) {
	get := func(kind fleet.SpanKind, took time.Duration) fleet.Span {
		return fleet.Span{Service: "user", Name: "Get", Kind: kind, Start: traceStart, Duration: took}
	}
	traces := []fleet.Trace{{ID: "a", Spans: []fleet.Span{get(fleet.SpanServer, 3), get(fleet.SpanClient, 2), get(fleet.SpanServer, 5)}}}
	q := fleet.TraceQuery{Service: "user", Operation: "Get", Tags: map[string]string{"span.kind": "server"}}
	if got := fleet.SummarizeTraces(&q, traces).Traces[0].Took; !slices.Equal(got, []time.Duration{3, 5}) {
		t.Errorf("%v", got)
	}
	if got := fleet.SummarizeTraces(&fleet.TraceQuery{Service: "user"}, traces).Traces[0].Took; got != nil {
		t.Errorf("of no operation: %v", got)
	}
}
