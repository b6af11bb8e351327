package fleet

import (
	"cmp"
	"slices"
	"time"
)

// Matches tells whether a trace is meant by the query: whether it has a span that
// is all that the query says at once. A span is of the service, has the name, the
// attributes, the duration and the error, and began in the time.
func (q *TraceQuery) Matches(t *Trace) bool {
	for i := range t.Spans {
		if q.matches(&t.Spans[i]) {
			return true
		}
	}
	return false
}

func (q *TraceQuery) matches(s *Span) bool {
	switch {
	case q.Service != "" && s.Service != q.Service,
		q.Operation != "" && s.Name != q.Operation,
		s.Duration < q.MinDuration,
		q.MaxDuration > 0 && s.Duration > q.MaxDuration,
		q.ErrorsOnly && !s.Error,
		!q.Start.IsZero() && s.Start.Before(q.Start),
		!q.End.IsZero() && s.Start.After(q.End):
		return false
	}
	for key, value := range q.Tags {
		if !s.has(key, value) {
			return false
		}
	}
	return true
}

// has tells whether a span says so of itself, its process or an event in it. What
// OpenTelemetry has fields for are attributes in Jaeger.
func (s *Span) has(key, value string) bool {
	switch {
	case (key == "error" && value == "true" || key == "otel.status_code" && value == "ERROR") && s.Error,
		key == "otel.status_description" && value == s.Message && value != "",
		key == "span.kind" && value == string(s.Kind),
		is(s.Attributes, key, value), is(s.Resource, key, value):
		return true
	}
	return slices.ContainsFunc(s.Events, func(e SpanEvent) bool { return is(e.Attributes, key, value) })
}

func is(m map[string]string, key, value string) bool {
	got, ok := m[key]
	return ok && got == value
}

// End is when the span ended.
func (s *Span) End() time.Time { return s.Start.Add(s.Duration) }

// Summary is the trace as a list has it. Its root is the first span without a
// parent, or the first of all where each has one.
func (t *Trace) Summary() TraceSummary {
	sum := TraceSummary{ID: t.ID, Spans: len(t.Spans) + t.Truncated}
	var root *Span
	var end time.Time
	for i := range t.Spans {
		s := &t.Spans[i]
		if root == nil || before(s, root) {
			root = s
		}
		if i == 0 || s.Start.Before(sum.Start) {
			sum.Start = s.Start
		}
		if s.End().After(end) {
			end = s.End()
		}
		if s.Error {
			sum.Errors++
		}
		if !slices.Contains(sum.Services, s.Service) {
			sum.Services = append(sum.Services, s.Service)
		}
	}
	if root != nil {
		sum.Root, sum.Duration = root.Service+" "+root.Name, end.Sub(sum.Start)
	}
	slices.Sort(sum.Services)
	return sum
}

// before tells which of two spans is rather the root.
func before(a, b *Span) bool {
	if (a.Parent == "") != (b.Parent == "") {
		return a.Parent == ""
	}
	return a.Start.Before(b.Start)
}

// took is how long the spans took that a search for an operation means.
func (q *TraceQuery) took(t *Trace) []time.Duration {
	if q.Operation == "" {
		return nil
	}
	var list []time.Duration
	for i := range t.Spans {
		if q.matches(&t.Spans[i]) {
			list = append(list, t.Spans[i].Duration)
		}
	}
	return list
}

// SummarizeTraces lists those of the traces that fit the query, newest first, as
// many as it allows.
func SummarizeTraces(q *TraceQuery, traces []Trace) TraceList {
	var list TraceList
	for i := range traces {
		if q.Matches(&traces[i]) {
			sum := traces[i].Summary()
			sum.Took = q.took(&traces[i])
			list.Traces = append(list.Traces, sum)
		}
	}
	slices.SortFunc(list.Traces, func(a, b TraceSummary) int {
		return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(a.ID, b.ID))
	})
	if q.Limit > 0 && len(list.Traces) > q.Limit {
		list.Traces, list.More = list.Traces[:q.Limit], true
	}
	return list
}
