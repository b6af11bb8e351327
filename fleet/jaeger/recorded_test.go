package jaeger_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/jaeger"
)

const (
	known   = "7555962f09b2657ad22b12783a3e1608"
	missing = "0123456789abcdef0123456789abcdef"
)

func recorded(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// replay serves the recorded answers of one of the APIs, "v1" or "v3", and the web
// interface for the other.
func replay(t *testing.T, api string) *jaeger.Reader {
	t.Helper()
	root := map[string]string{"v1": "/api", "v3": "/api/v3"}[api]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		files := map[string]string{
			root + "/services": "services", root + "/operations": "operations",
			root + "/traces": "search", root + "/traces/" + known: "trace", root + "/traces/" + missing: "missing",
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		file := files[r.URL.Path]
		switch file {
		case "":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, page)
			return
		case "missing":
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, recorded(t, api+"_"+file+".json"))
	}))
	t.Cleanup(s.Close)
	return reader(t, s.URL)
}

func TestRecordedAnswers(t *testing.T) {
	for _, api := range []string{"v1", "v3"} {
		t.Run(api, func(t *testing.T) {
			r := replay(t, api)
			services, err := r.TraceServices(t.Context())
			if err != nil || !slices.Equal(services, []string{"edge", "user"}) {
				t.Errorf("services = %v, %v", services, err)
			}
			operations, err := r.TraceOperations(t.Context(), "user")
			if err != nil || !slices.Contains(operations, "SELECT") || !slices.Contains(operations, "user.v1.UserService/GetUser") {
				t.Errorf("operations = %v, %v", operations, err)
			}
			got, err := r.Trace(t.Context(), known)
			if err != nil || len(got.Spans) != 4 {
				t.Fatalf("trace = %+v, %v", got, err)
			}
			failed := got.Spans[slices.IndexFunc(got.Spans, func(s fleet.Span) bool { return s.Error })]
			if failed.ID != "e52cc614ddcc8f17" || failed.Parent != "00768b256cd7ebf5" || failed.Message != "user nobody does not exist" ||
				failed.Service != "edge" || failed.Kind != fleet.SpanClient || failed.Attributes["server.port"] != "29090" ||
				failed.Resource["service.instance.id"] != "edge-1" || failed.Duration.Truncate(time.Microsecond) != 1307*time.Microsecond {
				t.Errorf("the span that failed: %+v", failed)
			}
			if _, err := r.Trace(t.Context(), missing); !errors.Is(err, fleet.ErrNotFound) {
				t.Errorf("a trace that is not there: %v", err)
			}
			list, err := r.SearchTraces(t.Context(), fleet.TraceQuery{Service: "user", Limit: 1})
			if err != nil || len(list.Traces) != 1 || !list.More || !slices.Equal(list.Traces[0].Services, []string{"edge", "user"}) {
				t.Errorf("search = %+v, %v", list, err)
			}
		})
	}
}

// TestWhatASourceIgnoresIsStillAppliedToItsAnswers asks for what no recorded trace
// is.
func TestWhatASourceIgnoresIsStillAppliedToItsAnswers(t *testing.T) {
	for _, api := range []string{"v1", "v3"} {
		for name, q := range map[string]fleet.TraceQuery{
			"operation": {Operation: "DeleteEverything"}, "tags": {Tags: map[string]string{"a": "b"}}, "at least": {MinDuration: time.Hour},
			"at most": {MaxDuration: time.Nanosecond}, "after": {Start: time.Now().AddDate(100, 0, 0)}, "before": {End: time.Unix(1, 0)},
		} {
			q.Service = "user"
			list, err := replay(t, api).SearchTraces(t.Context(), q)
			if err != nil || len(list.Traces) != 0 {
				t.Errorf("%s, %s: %+v, %v", api, name, list.Traces, err)
			}
		}
	}
}

// answering is a reader of a server that always answers the same.
func answering(t *testing.T, code int, kind, body string) *jaeger.Reader {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return reader(t, s.URL)
}

func TestFaultsAreToldAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		code             int
		kind, body, want string
	}{
		"garbage":            {200, "application/json", `{"result":[[[`, "no OTLP JSON"},
		"another's JSON":     {200, "application/json", `["up"]`, "no OTLP JSON"},
		"nothing":            {200, "application/json", "", "empty"},
		"HTML":               {200, "text/html", "<html>", "web page"},
		"401":                {401, "text/plain", "", "401"},
		"403":                {403, "application/json", "{}", "403"},
		"404 of a proxy":     {404, "text/plain", "404 page not found", "404"},
		"429":                {429, "text/plain", "", "429"},
		"500":                {500, "application/json", `{"error":{"httpCode":500,"message":"storage \u001b[2J is down"}}`, "storage [2J is down"},
		"500 without a word": {500, "text/plain", "boom", "500"},
		"503":                {503, "application/json", `{}`, "503"},
		"more than allowed":  {200, "application/json", `{"result":{"resourceSpans":[]}}` + strings.Repeat(" ", 9<<20), "longer than 8 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			r := answering(t, c.code, c.kind, c.body)
			_, one := r.Trace(t.Context(), known)
			_, search := r.SearchTraces(t.Context(), fleet.TraceQuery{Service: "user"})
			_, filtered := r.SearchTraces(t.Context(), fleet.TraceQuery{Service: "user", ErrorsOnly: true})
			for what, err := range map[string]error{"trace": one, "search": search, "search for errors": filtered} {
				if err == nil || fleet.KindOf(err) != fleet.Failed || errors.Is(err, fleet.ErrNotFound) {
					t.Errorf("%s: %v", what, err)
				}
				if what != "search for errors" && err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v, want %q in it", what, err, c.want)
				}
			}
		})
	}
}

func TestOddAnswersAreReadAsFarAsTheyGo(t *testing.T) {
	for name, body := range map[string]string{
		"several documents, base64 IDs": `{"result":{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"dVWWLwmyZXrSKxJ4Oj4WCA==","spanId":"AHaLJWzX6/U=","name":"a"}]}]}]}}
			{"result":{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"7555962F09B2657AD22B12783A3E1608","spanId":"1"}]}]}]}}`,
		"fields of other types": `{"resourceSpans":[{"resource":7,"scopeSpans":[{"spans":[{"traceId":"` + known + `","spanId":"1","kind":{},"startTimeUnixNano":"x","endTimeUnixNano":1e300,"attributes":3,"events":"no","status":[]},{"traceId":"` + known + `","spanId":"2"}]}]}]}`,
		"spans without IDs":     `{"resourceSpans":[{"scopeSpans":[{"spans":[{},{"traceId":"` + known + `"},{"traceId":"` + known + `","spanId":"0000000000000001"},{"traceId":"` + known + `","spanId":"2"}]}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, 200, "application/json", body).Trace(t.Context(), known)
			if err != nil || len(got.Spans) != 2 || got.Spans[0].Service != "unknown_service" || got.Spans[0].Kind != fleet.SpanInternal || got.Spans[0].Duration < 0 {
				t.Errorf("trace = %+v, %v", got, err)
			}
		})
	}
}

func TestTheOlderAPIsOddAnswers(t *testing.T) {
	body := `{"data":[{"traceID":"7555962f09b2657","spans":[
		{"spanID":"a","operationName":"o\u001b[31m\u202ep","startTime":"1700000000000000","duration":-5,"processID":"p9","references":"none",
		 "tags":[{"key":"http.status","value":{"x":1}},{"key":"error","value":true},{"key":"span.kind","value":"client"}],
		 "logs":[{"timestamp":1700000000000001,"fields":[{"key":"event","value":"e"},{"key":"n","value":1.5}]}]},
		{"spanID":"b","references":[{"refType":"FOLLOWS_FROM","spanID":"c"},{"refType":"CHILD_OF","traceID":"0000000000000ff1","spanID":"d"},{"refType":"CHILD_OF","spanID":"a"}],"startTime":null},
		{"operationName":"without an ID"}],
		"processes":{"p1":{"serviceName":"user"}}}]}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isV3(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	got, err := reader(t, s.URL).Trace(t.Context(), "7555962f09b2657")
	if err != nil || got.ID != "000000000000000007555962f09b2657" || got.Truncated != 1 || len(got.Spans) != 2 {
		t.Fatalf("trace = %+v, %v", got, err)
	}
	a, b := got.Spans[0], got.Spans[1]
	if a.ID != "000000000000000a" || a.Name != "o[31mp" || a.Duration != 0 || !a.Error || a.Kind != fleet.SpanClient || a.Service != "unknown_service" ||
		a.Attributes["http.status"] != `{"x":1}` || a.Start.Unix() != 1700000000 || len(a.Events) != 1 || a.Events[0].Name != "e" || a.Events[0].Attributes["n"] != "1.5" {
		t.Errorf("span = %+v", a)
	}
	if b.Parent != a.ID {
		t.Errorf("parent = %q, want %q", b.Parent, a.ID)
	}
}

func TestAServiceIsAskedAboutAtTheSourceAndEachIsAsked(t *testing.T) {
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v3/services" {
			_, _ = io.WriteString(w, `{"services":["a"]}`)
			return
		}
		asked = append(asked, r.URL.Query().Get("query.service_name"))
		_, _ = io.WriteString(w, `{"result":{"resourceSpans":[]}}`)
	}))
	t.Cleanup(s.Close)
	if _, err := reader(t, s.URL).SearchTraces(t.Context(), fleet.TraceQuery{}); err != nil || !slices.Equal(asked, []string{"a"}) {
		t.Errorf("asked about %q: %v", asked, err)
	}
}
