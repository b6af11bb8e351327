package jaeger

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
)

// The endpoints of the newer API:
// github.com/jaegertracing/jaeger-idl, proto/api_v3/query_service.proto.
const tracesV3 = "/api/v3/traces"

func (r *Reader) traceV3(ctx context.Context, id string) (fleet.Trace, error) {
	endpoint := tracesV3 + "/" + id
	traces, err := r.readV3(ctx, endpoint, nil)
	if err != nil {
		return fleet.Trace{}, err
	}
	return r.one(id, traces, endpoint)
}

// searchV3 asks for traces by service, operation, time and duration: the API
// ignores attributes.
func (r *Reader) searchV3(ctx context.Context, q *fleet.TraceQuery) (found, error) {
	start, end := r.window(q)
	n := depth(q, len(q.Tags) > 0 || q.ErrorsOnly)
	query := url.Values{
		"query.service_name":   {q.Service},
		"query.start_time_min": {start.UTC().Format(time.RFC3339Nano)},
		"query.start_time_max": {end.UTC().Format(time.RFC3339Nano)},
		// The one is what newer Jaegers call it, the other what 1.62 does.
		"query.search_depth": {strconv.Itoa(n)},
		"query.num_traces":   {strconv.Itoa(n)},
	}
	if q.Operation != "" {
		query.Set("query.operation_name", q.Operation)
	}
	durations(query, "query.duration_min", "query.duration_max", q)
	// Jaeger has no such parameters and ignores them; gctl's own receiver heeds them.
	if q.ErrorsOnly {
		query.Set("gctl.errors", "true")
	}
	for name, value := range q.Tags {
		query.Add("gctl.attribute", name+"="+value)
	}
	traces, err := r.readV3(ctx, tracesV3, query)
	return found{newest(traces, n), len(traces) >= n, r.provenance(tracesV3, query)}, err
}

func durations(query url.Values, least, most string, q *fleet.TraceQuery) {
	if q.MinDuration > 0 {
		query.Set(least, q.MinDuration.String())
	}
	if q.MaxDuration > 0 {
		query.Set(most, q.MaxDuration.String())
	}
}

// readV3 reads the traces of an answer. That there are none is 200 to some
// Jaegers and 404 to others.
func (r *Reader) readV3(ctx context.Context, endpoint string, query url.Values) ([]fleet.Trace, error) {
	body, status, err := r.get(ctx, endpoint, query)
	if err != nil {
		return nil, err
	}
	list, left, err := spans.FromJSON(body)
	var said *spans.RefusedError
	switch {
	case errors.As(err, &said) && (status == http.StatusNotFound || said.Code == http.StatusNotFound):
		return nil, nil
	case err == nil && status != http.StatusOK:
		return nil, r.refused(endpoint, status, body, errNoTraces)
	case err != nil:
		return nil, r.refused(endpoint, status, body, err)
	}
	traces := spans.Group(list, maxTraceSpans)
	if left > 0 && len(traces) == 1 {
		traces[0].Truncated += left
	}
	return traces, nil
}
