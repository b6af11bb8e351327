package otlp

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
)

func (r *Receiver) serveServices(w http.ResponseWriter, _ *http.Request) {
	names := map[string]bool{}
	for _, t := range r.store.all() {
		for i := range t.Spans {
			names[t.Spans[i].Service] = true
		}
	}
	list := slices.AppendSeq([]string{}, maps.Keys(names))
	slices.Sort(list)
	answer(w, http.StatusOK, map[string]any{"services": list})
}

func (r *Receiver) serveOperations(w http.ResponseWriter, req *http.Request) {
	type operation struct {
		Name string         `json:"name"`
		Kind fleet.SpanKind `json:"spanKind"`
	}
	service := req.URL.Query().Get("service")
	known := map[operation]bool{}
	list := []operation{}
	for _, t := range r.store.all() {
		for i := range t.Spans {
			s := &t.Spans[i]
			o := operation{s.Name, s.Kind}
			if s.Service == service && !known[o] {
				known[o] = true
				list = append(list, o)
			}
		}
	}
	answer(w, http.StatusOK, map[string]any{"operations": list})
}

func (r *Receiver) serveTrace(w http.ResponseWriter, req *http.Request) {
	t, ok := r.store.trace(spans.TraceID(req.PathValue("id")))
	if !ok {
		refuse(w, http.StatusNotFound, "trace not found")
		return
	}
	write(w, []fleet.Trace{t})
}

// serveSearch answers with the traces that fit, the one with the newest span
// first.
func (r *Receiver) serveSearch(w http.ResponseWriter, req *http.Request) {
	q, err := parse(req.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	var fit []fleet.Trace
	for _, t := range r.store.all() {
		if len(fit) == q.Limit {
			break
		}
		if q.Matches(&t) {
			fit = append(fit, t)
		}
	}
	write(w, fit)
}

func write(w http.ResponseWriter, traces []fleet.Trace) {
	raw, err := spans.ToJSON(traces)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(raw)
}

// defaultLimit is how many traces a search returns that does not say.
const defaultLimit = 100

// parse reads the parameters of a search: those of Jaeger's API, and gctl.errors
// and gctl.attribute (name=value) for what that has none for.
func parse(query url.Values) (fleet.TraceQuery, error) {
	q := fleet.TraceQuery{
		Service: query.Get("query.service_name"), Operation: query.Get("query.operation_name"), Limit: defaultLimit,
	}
	for name, read := range map[string]func(string) error{
		"query.start_time_min": instant(&q.Start), "query.start_time_max": instant(&q.End),
		"query.duration_min": duration(&q.MinDuration), "query.duration_max": duration(&q.MaxDuration),
		"query.search_depth": whole(&q.Limit),
	} {
		value := query.Get(name)
		if value == "" {
			continue
		}
		if err := read(value); err != nil {
			return q, fmt.Errorf("malformed parameter %s: %w", name, err)
		}
	}
	q.ErrorsOnly = query.Get("gctl.errors") == "true"
	for _, pair := range query["gctl.attribute"] {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return q, fmt.Errorf("malformed parameter gctl.attribute: %q is not name=value", pair)
		}
		if q.Tags == nil {
			q.Tags = map[string]string{}
		}
		q.Tags[name] = value
	}
	return q, nil
}

func instant(into *time.Time) func(string) error {
	return func(text string) (err error) { *into, err = time.Parse(time.RFC3339Nano, text); return err }
}

func duration(into *time.Duration) func(string) error {
	return func(text string) (err error) { *into, err = time.ParseDuration(text); return err }
}

func whole(into *int) func(string) error {
	return func(text string) (err error) { *into, err = strconv.Atoi(text); return err }
}
