// Package jaeger reads traces from a Jaeger, or from whatever serves its HTTP
// API, such as gctl's own receiver.
//
// Jaeger has two such APIs. The newer, /api/v3, answers in OTLP's JSON and is the
// only one of newer Jaegers. The older, /api/traces, is the one that filters by
// tags: Jaeger 1.62 ignores tags in v3 without a word, and so do those after it.
// So searches by tags, errors included, ask the older one first, everything else
// asks the newer first, and each asks the other where the first is not served.
// Whatever a Jaeger understood of a search, each of its results is checked again.
package jaeger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
)

// Options say how a Jaeger is asked.
type Options struct {
	Client *backend.Client
	Now    func() time.Time // nil: time.Now
}

// Reader is a fleet.TraceReader over a Jaeger.
type Reader struct {
	client *backend.Client
	now    func() time.Time
}

// New returns a reader; nobody is asked.
func New(o Options) *Reader {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Reader{client: o.Client, now: o.Now}
}

// The limits of a search.
const (
	defaultLimit = 20
	// sieve is how many times more traces are asked for where they are filtered
	// here, and maxDepth how many at most: Jaeger refuses 1500 and more.
	sieve    = 20
	maxDepth = 1499
	// maxServices is how many services a search without a service asks about.
	maxServices = 64
	atOnce      = 8
	// maxTraceSpans is how many spans of one trace are kept.
	maxTraceSpans = 50_000
	// maxNames is how many services or operations are read.
	maxNames = 50_000
)

// either asks the first API, and the second where the first is not served.
func either[T any](first, second func() (T, error)) (T, error) {
	got, err := first()
	if !errors.Is(err, backend.ErrNotServed) {
		return got, err
	}
	other, otherErr := second()
	if errors.Is(otherErr, backend.ErrNotServed) { // neither: it is no Jaeger
		return got, err
	}
	return other, otherErr
}

// TraceServices lists the services that have sent spans, sorted.
func (r *Reader) TraceServices(ctx context.Context) ([]string, error) {
	names, err := either(
		func() ([]string, error) { return r.names(ctx, "/api/v3/services", nil) },
		func() ([]string, error) { return r.names(ctx, "/api/services", nil) })
	return names, err
}

// TraceOperations lists the names of a service's spans, sorted.
func (r *Reader) TraceOperations(ctx context.Context, service string) ([]string, error) {
	query := url.Values{"service": {service}}
	return either(
		func() ([]string, error) { return r.names(ctx, "/api/v3/operations", query) },
		func() ([]string, error) { return r.names(ctx, "/api/operations", query) })
}

// names reads a list of names in any of the forms in which the APIs have them.
func (r *Reader) names(ctx context.Context, endpoint string, query url.Values) ([]string, error) {
	body, status, err := r.get(ctx, endpoint, query)
	if err != nil {
		return nil, err
	}
	var list struct {
		Services   json.RawMessage `json:"services"`
		Operations json.RawMessage `json:"operations"`
		Data       json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil || status != http.StatusOK {
		return nil, r.refused(endpoint, status, body, err)
	}
	var names []string
	for _, parts := range []json.RawMessage{list.Services, list.Operations, list.Data} {
		looked := 0
		for part := range spans.Elements(parts) {
			if looked++; looked > maxNames {
				break
			}
			if text := spans.Text(nameOf(part), spans.MaxName); text != "" {
				names = append(names, text)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// nameOf reads "name" or {"name":"name","spanKind":"server"}.
func nameOf(raw []byte) string {
	var operation struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(raw, &operation.Name) != nil {
		_ = json.Unmarshal(raw, &operation) // what is neither has no name
	}
	return operation.Name
}

// Trace returns the trace with an ID in hex, with leading zeros or without.
func (r *Reader) Trace(ctx context.Context, id string) (fleet.Trace, error) {
	asked := spans.TraceID(strings.TrimSpace(id))
	if asked == "" {
		return fleet.Trace{}, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("%q is no trace ID", id), Hint: "it has up to 32 hex digits"}
	}
	t, err := either(
		func() (fleet.Trace, error) { return r.traceV3(ctx, asked) },
		func() (fleet.Trace, error) { return r.traceV1(ctx, asked) })
	if err == nil && len(t.Spans) == 0 {
		err = r.notFound(asked)
	}
	return t, err
}

func (r *Reader) notFound(id string) error {
	return &fleet.Error{What: r.client.Source() + " has no trace " + id, Err: fleet.ErrNotFound}
}

// one is the trace that was asked for, out of an answer.
func (r *Reader) one(id string, traces []fleet.Trace, endpoint string) (fleet.Trace, error) {
	for _, t := range traces {
		if t.ID == id {
			t.Provenance = r.provenance(endpoint, nil)
			return t, nil
		}
	}
	return fleet.Trace{}, r.notFound(id)
}

func (r *Reader) provenance(endpoint string, query url.Values) fleet.Provenance {
	asked := "GET " + endpoint
	if len(query) > 0 {
		asked += "?" + query.Encode()
	}
	return fleet.Provenance{Source: r.client.Source(), Query: asked, At: r.now()}
}

// get asks an endpoint. Answers of all the statuses that the API itself gives
// are returned.
func (r *Reader) get(ctx context.Context, endpoint string, query url.Values) (body []byte, status int, err error) {
	u := r.client.URL(endpoint, nil)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	resp, body, err := r.client.Do(ctx, req) //nolint:bodyclose // Do has read and closed it
	if err != nil {
		return nil, 0, err
	}
	return body, resp.StatusCode, nil
}

// refused is an answer that is not what was asked for.
func (r *Reader) refused(endpoint string, status int, body []byte, err error) error {
	e := &fleet.Error{
		What: fmt.Sprintf("ask %s: GET %s", r.client.Source(), endpoint), Err: err,
		Hint: "is this the address of a Jaeger's query service? gctl doctor looks at all backends",
	}
	if status >= http.StatusInternalServerError {
		e.Hint = "it is in trouble itself, or its storage is, and its own log says why; gctl doctor looks at all backends"
	}
	switch said := said(body); {
	case said != "":
		e.Err = fmt.Errorf("it answered %d: %s", status, said)
	case status != http.StatusOK:
		e.Err = fmt.Errorf("it answered %d %s", status, http.StatusText(status))
	}
	return e
}

// said finds the words of an error in either API's form.
func said(body []byte) string {
	var e struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
		Errors []struct {
			Msg string `json:"msg"`
		} `json:"errors"`
	}
	_ = json.Unmarshal(body, &e) // what it is not, it does not say
	if len(e.Errors) > 0 {
		e.Error.Message = e.Errors[0].Msg
	}
	return strings.ReplaceAll(spans.Text(e.Error.Message, 200), "\n", " ")
}
