package otlp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
	"github.com/gctl-dev/gctl/fleet/otlp"
	"github.com/gctl-dev/gctl/internal/testkit"
)

// trace is one with n spans.
func trace(number, n int) fleet.Trace {
	t := fleet.Trace{ID: fmt.Sprintf("%032x", number+1)}
	for i := range n {
		t.Spans = append(t.Spans, fleet.Span{ID: fmt.Sprintf("%016x", i+1), Service: "user", Name: "GetUser", Kind: fleet.SpanServer, Start: time.Unix(1795574082, 0).UTC(), Duration: time.Millisecond})
	}
	return t
}

func send(t *testing.T, r *otlp.Receiver, traces ...fleet.Trace) *collector.ExportTraceServiceResponse {
	t.Helper()
	response, err := testkit.SendOTLP(t.Context(), r.GRPC, traces...)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// post sends a request to the HTTP port.
func post(t *testing.T, r *otlp.Receiver, kind, encoding string, body []byte) (code int, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.HTTP+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func zipped(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHTTPTakesProtobufAndJSON(t *testing.T) {
	r := start(t, otlp.Options{})
	for i, c := range []struct {
		kind, encoding string
		body           func(proto.Message) ([]byte, error)
	}{
		{"application/x-protobuf", "", proto.Marshal},
		{"application/x-protobuf", "gzip", proto.Marshal},
		{"application/json; charset=utf-8", "", protojson.Marshal}, // base64 IDs, which are not OTLP's JSON and are sent all the same
		{"application/json", "gzip", func(proto.Message) ([]byte, error) { return spans.ToJSON([]fleet.Trace{trace(3, 2)}) }},
	} {
		body, err := c.body(testkit.OTLP(trace(i, 2)))
		if err != nil {
			t.Fatal(err)
		}
		if c.encoding == "gzip" {
			body = zipped(t, body)
		}
		code, answer := post(t, r, c.kind, c.encoding, body)
		if code != http.StatusOK || strings.HasPrefix(c.kind, "application/json") != (string(answer) == "{}") {
			t.Errorf("%s %s: %d %q", c.kind, c.encoding, code, answer)
		}
		got, err := reader(t, r).Trace(t.Context(), trace(i, 2).ID)
		if err != nil || len(got.Spans) != 2 || got.Spans[0].Name != "GetUser" {
			t.Errorf("%s %s: %+v, %v", c.kind, c.encoding, got, err)
		}
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	r := start(t, otlp.Options{})
	for name, c := range map[string]struct {
		kind, encoding string
		body           []byte
		code           int
	}{
		"text":          {"text/plain", "", nil, http.StatusUnsupportedMediaType},
		"no protobuf":   {"application/x-protobuf", "", []byte{0xff}, http.StatusBadRequest},
		"no JSON":       {"application/json", "", []byte("{"), http.StatusBadRequest},
		"no gzip":       {"application/x-protobuf", "gzip", []byte("x"), http.StatusBadRequest},
		"odd encoding":  {"application/x-protobuf", "br", nil, http.StatusBadRequest},
		"a gzip bomb":   {"application/x-protobuf", "gzip", zipped(t, make([]byte, 17<<20)), http.StatusRequestEntityTooLarge},
		"a big request": {"application/json", "", make([]byte, 17<<20), http.StatusRequestEntityTooLarge},
	} {
		if code, answer := post(t, r, c.kind, c.encoding, c.body); code != c.code {
			t.Errorf("%s: %d %s, want %d", name, code, answer, c.code)
		}
	}
	conn, err := grpc.NewClient(r.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = metrics.NewMetricsServiceClient(conn).Export(t.Context(), &metrics.ExportMetricsServiceRequest{}, grpc.WaitForReady(true))
	if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "traces only") {
		t.Errorf("metrics: %v", err)
	}
	services, err := reader(t, r).TraceServices(t.Context())
	if err != nil || len(services) != 0 {
		t.Errorf("services = %v, %v", services, err)
	}
}

func TestTheLastTracesAreKept(t *testing.T) {
	r := start(t, otlp.Options{Traces: 3})
	for i := range 5 {
		send(t, r, trace(i, 1))
	}
	send(t, r, fleet.Trace{ID: trace(2, 0).ID, Spans: trace(0, 2).Spans[1:]}) // it is the newest again
	send(t, r, trace(5, 1))
	for i, kept := range []bool{false, false, true, false, true, true} {
		_, err := reader(t, r).Trace(t.Context(), trace(i, 1).ID)
		if kept != (err == nil) || !kept && !errors.Is(err, fleet.ErrNotFound) {
			t.Errorf("trace %d: %v, want kept: %v", i, err, kept)
		}
	}
}

// The one that fits is older than all that a search looks at.
func TestASearchForErrorsAndAttributesLooksAtAll(t *testing.T) {
	r := start(t, otlp.Options{})
	failed := trace(0, 1)
	failed.Spans[0].Error, failed.Spans[0].Attributes = true, map[string]string{"db.system.name": "sqlite"}
	send(t, r, failed)
	for i := range 50 {
		send(t, r, trace(i+1, 1))
	}
	for _, q := range []fleet.TraceQuery{
		{Service: "user", Limit: 1, ErrorsOnly: true},
		{Service: "user", Limit: 1, Tags: map[string]string{"db.system.name": "sqlite"}},
	} {
		list, err := reader(t, r).SearchTraces(t.Context(), q)
		if err != nil || len(list.Traces) != 1 || list.Traces[0].ID != failed.ID || list.More {
			t.Errorf("%+v: %+v, %v", q, list, err)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	r := start(t, otlp.Options{Bytes: 20_000})
	for i := range 10 {
		big := trace(i, 1)
		big.Spans[0].Attributes = map[string]string{"text": strings.Repeat("x", 8000)}
		send(t, r, big)
	}
	list, err := reader(t, r).SearchTraces(t.Context(), fleet.TraceQuery{Service: "user", Limit: 100})
	if err != nil || len(list.Traces) != 2 || list.Traces[0].ID < trace(8, 1).ID {
		t.Errorf("kept %+v, %v", list.Traces, err)
	}
}

func TestATraceThatIsTooLongIsCountedAndSaidSo(t *testing.T) {
	r := start(t, otlp.Options{Spans: 3})
	response := send(t, r, trace(0, 5))
	if n := response.GetPartialSuccess().GetRejectedSpans(); n != 2 || response.GetPartialSuccess().GetErrorMessage() == "" {
		t.Errorf("response = %v", response)
	}
	body, err := spans.ToJSON([]fleet.Trace{trace(0, 6)})
	if err != nil {
		t.Fatal(err)
	}
	if code, answer := post(t, r, "application/json", "", body); code != http.StatusOK || !strings.Contains(string(answer), `"rejectedSpans":"3"`) {
		t.Errorf("%d %s", code, answer)
	}
	got, err := reader(t, r).Trace(t.Context(), trace(0, 5).ID)
	if err != nil || len(got.Spans) != 3 || got.Truncated != 5 {
		t.Errorf("%d spans, %d left out, %v; want 3 and 2+3", len(got.Spans), got.Truncated, err)
	}
	list, err := reader(t, r).SearchTraces(t.Context(), fleet.TraceQuery{Limit: 10})
	if err != nil || len(list.Traces) != 1 || list.Traces[0].Spans != 8 {
		t.Errorf("%+v, %v; want a trace of 8 spans", list.Traces, err)
	}
}

func TestSpansAreToldOnce(t *testing.T) {
	var mu sync.Mutex
	var told []string
	r := start(t, otlp.Options{Notify: func(list []spans.Span) {
		mu.Lock()
		defer mu.Unlock()
		for i := range list {
			told = append(told, list[i].Trace+list[i].ID)
		}
	}})
	for range 3 { // a sender repeats what it does not know to have arrived
		send(t, r, trace(0, 2))
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 {
		t.Errorf("told %q", told)
	}
}

func TestSendersAndReadersAtOnce(t *testing.T) {
	r := start(t, otlp.Options{Traces: 10})
	from := reader(t, r)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 10 {
				if _, err := testkit.SendOTLP(t.Context(), r.GRPC, trace(i*10+n, 3)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 10 {
				list, err := from.SearchTraces(t.Context(), fleet.TraceQuery{Limit: 100})
				if err != nil || len(list.Traces) > 10 {
					t.Errorf("%d traces, %v", len(list.Traces), err)
				}
			}
		})
	}
	all.Wait()
}

func TestAnAddressThatIsTaken(t *testing.T) {
	r := start(t, otlp.Options{})
	for _, o := range []otlp.Options{{GRPC: r.GRPC, HTTP: "127.0.0.1:0"}, {GRPC: "127.0.0.1:0", HTTP: r.HTTP}, {GRPC: "nowhere.invalid:1", HTTP: r.HTTP}} {
		_, err := otlp.Start(context.Background(), o)
		var e *fleet.Error
		if !errors.As(err, &e) || e.Kind != fleet.Failed || !strings.Contains(e.Hint, "--grpc") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestSearchParametersThatAreNone(t *testing.T) {
	r := start(t, otlp.Options{})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, query := range []string{"query.start_time_min=yesterday", "query.duration_min=5", "query.search_depth=x", "gctl.attribute=x"} {
		resp, err := client.Get("http://" + r.HTTP + "/api/v3/traces?" + query)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "malformed parameter ") {
			t.Errorf("%s: %d %s, %v", query, resp.StatusCode, body, err)
		}
	}
}
