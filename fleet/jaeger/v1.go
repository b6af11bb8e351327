package jaeger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
)

// The older API, which Jaeger calls internal to its web interface: model/json of
// github.com/jaegertracing/jaeger has its types, cmd/query/app/query_parser.go its
// parameters.
const tracesV1 = "/api/traces"

// answerV1 is the answer of the older API.
type answerV1 struct {
	Data   json.RawMessage `json:"data"`
	Errors []errorV1       `json:"errors"`
}

type errorV1 struct {
	Message string `json:"msg"`
}

type traceV1 struct {
	TraceID   string               `json:"traceID"`
	Spans     json.RawMessage      `json:"spans"`
	Processes map[string]processV1 `json:"processes"`
}

type processV1 struct {
	ServiceName string  `json:"serviceName"`
	Tags        []tagV1 `json:"tags"`
}

// spanV1 is a span; its times are microseconds, since 1970.
type spanV1 struct {
	SpanID        string          `json:"spanID"`
	ParentSpanID  string          `json:"parentSpanID"` // of Jaegers before references
	OperationName string          `json:"operationName"`
	References    []referenceV1   `json:"references"`
	StartTime     json.RawMessage `json:"startTime"`
	Duration      json.RawMessage `json:"duration"`
	Tags          []tagV1         `json:"tags"`
	Logs          []logV1         `json:"logs"`
	ProcessID     string          `json:"processID"`
	Process       *processV1      `json:"process"`
}

type referenceV1 struct {
	RefType string `json:"refType"`
	TraceID string `json:"traceID"`
	SpanID  string `json:"spanID"`
}

type logV1 struct {
	Timestamp json.RawMessage `json:"timestamp"`
	Fields    []tagV1         `json:"fields"`
}

type tagV1 struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func (t tagV1) text() string {
	var s string
	if json.Unmarshal(t.Value, &s) == nil {
		return s
	}
	return string(t.Value)
}

func (r *Reader) traceV1(ctx context.Context, id string) (fleet.Trace, error) {
	endpoint := tracesV1 + "/" + id
	traces, err := r.readV1(ctx, endpoint, nil)
	if err != nil {
		return fleet.Trace{}, err
	}
	return r.one(id, traces, endpoint)
}

func (r *Reader) searchV1(ctx context.Context, q *fleet.TraceQuery) (found, error) {
	start, end := r.window(q)
	n := depth(q, false)
	query := url.Values{
		"service": {q.Service},
		"start":   {strconv.FormatInt(start.UnixMicro(), 10)},
		"end":     {strconv.FormatInt(end.UnixMicro(), 10)},
		"limit":   {strconv.Itoa(n)},
	}
	if q.Operation != "" {
		query.Set("operation", q.Operation)
	}
	durations(query, "minDuration", "maxDuration", q)
	tags := map[string]string{}
	maps.Copy(tags, q.Tags)
	if q.ErrorsOnly {
		tags["error"] = "true"
	}
	if len(tags) > 0 {
		raw, err := json.Marshal(tags)
		if err != nil {
			return found{}, err
		}
		query.Set("tags", string(raw))
	}
	traces, err := r.readV1(ctx, tracesV1, query)
	return found{newest(traces, n), len(traces) >= n, r.provenance(tracesV1, query)}, err
}

func (r *Reader) readV1(ctx context.Context, endpoint string, query url.Values) ([]fleet.Trace, error) {
	body, status, err := r.get(ctx, endpoint, query)
	if err != nil {
		return nil, err
	}
	a, err := decodeV1(body)
	switch {
	case status == http.StatusNotFound && len(a.Errors) > 0:
		return nil, nil
	case err != nil || status != http.StatusOK:
		return nil, r.refused(endpoint, status, body, err)
	}
	return a.traces(), nil
}

// decodeV1 reads an answer.
func decodeV1(body []byte) (a answerV1, err error) {
	err = json.Unmarshal(body, &a)
	if list := bytes.TrimSpace(a.Data); err == nil && len(list) > 0 && list[0] != '[' && string(list) != "null" {
		err = errNoTraces
	}
	return a, err
}

// traces reads one after the other, so that what is beyond the limits costs no
// memory.
func (a *answerV1) traces() []fleet.Trace {
	var traces []fleet.Trace
	budget := spans.MaxSpans
	for part := range spans.Elements(a.Data) {
		var t traceV1
		if budget--; budget < 0 || !decodes(part, &t) {
			continue
		}
		if trace := t.trace(&budget); trace.ID != "" {
			traces = append(traces, trace)
		}
	}
	return traces
}

// decodes reads a part; fields of another type are skipped.
func decodes(part []byte, into any) bool {
	err := json.Unmarshal(part, into)
	var field *json.UnmarshalTypeError
	return err == nil || errors.As(err, &field)
}

// trace is the trace as the model has it, as far as the budget of spans allows.
func (t *traceV1) trace(budget *int) fleet.Trace {
	out := fleet.Trace{ID: spans.TraceID(t.TraceID)}
	for part := range spans.Elements(t.Spans) {
		var j spanV1
		if *budget--; *budget < 0 || len(out.Spans) >= maxTraceSpans || !decodes(part, &j) {
			out.Truncated++
			continue
		}
		if s, ok := t.span(&j); ok {
			out.Spans = append(out.Spans, s)
		} else {
			out.Truncated++
		}
	}
	return out
}

func (t *traceV1) span(j *spanV1) (fleet.Span, bool) {
	process := t.Processes[j.ProcessID]
	if j.Process != nil {
		process = *j.Process
	}
	s := fleet.Span{
		ID: spans.SpanID(j.SpanID), Parent: t.parent(j), Name: spans.Text(j.OperationName, spans.MaxName),
		Service: spans.Text(process.ServiceName, spans.MaxName), Kind: fleet.SpanInternal,
		Start: micros(j.StartTime), Duration: max(0, time.Duration(count(j.Duration))*time.Microsecond),
		Resource: attributes(process.Tags), Attributes: attributes(j.Tags),
	}
	if s.Service == "" {
		s.Service = spans.UnknownService
	}
	fromTags(&s)
	for _, log := range j.Logs[:min(len(j.Logs), spans.MaxEvents)] {
		e := fleet.SpanEvent{At: micros(log.Timestamp), Attributes: attributes(log.Fields)}
		// OpenTelemetry's name of an event is a field here, OpenTracing's is "event" too.
		e.Name = e.Attributes["event"]
		delete(e.Attributes, "event")
		s.Events = append(s.Events, e)
	}
	return s, s.ID != ""
}

// parent is the span that this one is a child of, and where there is none the one
// that it follows from.
func (t *traceV1) parent(j *spanV1) string {
	parent := spans.SpanID(j.ParentSpanID)
	for _, ref := range j.References {
		if !strings.EqualFold(ref.TraceID, t.TraceID) && ref.TraceID != "" {
			continue // a link to another trace
		}
		if id := spans.SpanID(ref.SpanID); id != "" && (parent == "" || ref.RefType == "CHILD_OF") {
			parent = id
			if ref.RefType == "CHILD_OF" {
				break
			}
		}
	}
	return parent
}

func attributes(tags []tagV1) map[string]string {
	m := map[string]string{}
	for _, tag := range tags[:min(len(tags), spans.MaxAttributes)] {
		m[spans.Text(tag.Key, spans.MaxName)] = spans.Text(tag.text(), spans.MaxText)
	}
	return m
}

// count reads a number of microseconds, quoted or not, as far as a time in
// nanoseconds goes.
func count(raw json.RawMessage) int64 {
	const most = int64(1<<63-1) / int64(time.Microsecond)
	text := strings.Trim(string(raw), `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !(f >= 0 && f < float64(most)) { // NaN is neither
			f = 0
		}
		n = int64(f)
	}
	return max(0, min(n, most))
}

func micros(raw json.RawMessage) time.Time { return time.UnixMicro(count(raw)).UTC() }
