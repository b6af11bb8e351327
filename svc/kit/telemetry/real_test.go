package telemetry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	_ "modernc.org/sqlite" // the database of the traced calls

	"github.com/gctl-dev/gctl/internal/stack"
	"github.com/gctl-dev/gctl/svc/kit/telemetry"
	"github.com/gctl-dev/gctl/svc/kit/telemetry/sqltrace"
)

// get decodes the JSON at a URL.
func get(ctx context.Context, address string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	return json.Unmarshal(body, into)
}

// promQL returns the value of each series by its label, and where there are none an
// error.
func promQL(ctx context.Context, addr, query, label string) (map[string]string, error) {
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
				Value  [2]any            `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := get(ctx, "http://"+addr+"/api/v1/query?query="+url.QueryEscape(query), &answer); err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, r := range answer.Data.Result {
		values[r.Metric[label]], _ = r.Value[1].(string)
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("no answer yet to %s", query)
	}
	return values, nil
}

func TestPrometheusSeesRatesErrorsInstancesAndExemplars(t *testing.T) {
	stack.Need(t, "prometheus")
	tel, _ := start(t, telemetry.Options{Service: "echo", Instance: "echo-1", LegacyMetrics: true})
	server := httptest.NewServer(tel.Server(nil, nil).Handler)
	defer server.Close()
	prom := stack.PrometheusFor(t, stack.PrometheusOptions{
		Targets: map[string][]string{"echo": {strings.TrimPrefix(server.URL, "http://")}},
	})
	addr := serve(t, moody, tel.ServerOptions()...)
	conn := dial(t, addr, tel.DialOptions(telemetry.Client{Target: "echo", Instance: func(string) string { return "echo-1" }})...)
	// load makes one failing call of three, and a stream.
	load := func() error {
		for _, text := range []string{"a", "b", "missing"} {
			if _, err := call(sampled(t.Context()), conn, text); err != nil && status.Code(err) != codes.NotFound {
				return err
			}
		}
		if err := stream(sampled(t.Context()), conn, ""); !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	}
	for name, test := range map[string]struct{ query, label, series string }{
		"rate by method":            {`sum by (grpc_method) (rate(grpc_server_call_duration_seconds_count[10s])) > 0`, "grpc_method", "test.Echo/Say"},
		"rate of streams":           {`sum by (grpc_method) (rate(grpc_server_call_duration_seconds_count[10s])) > 0`, "grpc_method", "test.Echo/Count"},
		"error ratio by method":     {`0.2 < sum by (grpc_method) (rate(grpc_server_call_duration_seconds_count{grpc_status!="OK"}[10s])) / sum by (grpc_method) (rate(grpc_server_call_duration_seconds_count[10s])) < 0.5`, "grpc_method", "test.Echo/Say"},
		"the same by legacy names":  {`0.2 < sum by (grpc_method) (rate(grpc_server_handled_total{grpc_code!="OK"}[10s])) / sum by (grpc_method) (rate(grpc_server_handled_total[10s])) < 0.5`, "grpc_method", "Say"},
		"p99 by method":             {`histogram_quantile(0.99, sum by (le, grpc_method) (rate(grpc_server_call_duration_seconds_bucket[10s]))) > 0`, "grpc_method", "test.Echo/Say"},
		"attempts by instance":      {`sum by (grpc_target_instance) (rate(grpc_client_instance_attempts_total{grpc_target="echo"}[10s])) > 0`, "grpc_target_instance", "echo-1"},
		"the client's own":          {`sum by (grpc_method) (rate(grpc_client_attempt_duration_seconds_count[10s])) > 0`, "grpc_method", "test.Echo/Say"},
		"the instance of the job":   {`target_info{job="echo"}`, "service_instance_id", "echo-1"},
		"the runtime":               {`go_goroutines > 0`, "job", "echo"},
		"the version of the binary": {`go_build_info`, "job", "echo"},
	} {
		t.Run(name, func(t *testing.T) {
			eventually(t, test.query, func() error {
				if err := load(); err != nil {
					return err
				}
				values, err := promQL(t.Context(), prom.Addr, test.query, test.label)
				if err == nil && values[test.series] == "" {
					err = fmt.Errorf("answer = %v, want %s in it", values, test.series)
				}
				return err
			})
		})
	}
	for _, metric := range []string{"grpc_server_call_duration_seconds_bucket", "grpc_server_handling_seconds_bucket", "grpc_client_instance_attempt_duration_seconds_bucket"} {
		t.Run("exemplars of "+metric, func(t *testing.T) {
			eventually(t, metric, func() error { return hasExemplar(t.Context(), prom.Addr, metric) })
		})
	}
}

// hasExemplar tells whether Prometheus keeps the trace of the calls.
func hasExemplar(ctx context.Context, addr, metric string) error {
	var answer struct {
		Data []struct {
			Exemplars []struct {
				Labels map[string]string `json:"labels"`
			} `json:"exemplars"`
		} `json:"data"`
	}
	err := get(ctx, "http://"+addr+"/api/v1/query_exemplars?start=0&end=9999999999&query="+metric, &answer)
	for _, series := range answer.Data {
		for _, e := range series.Exemplars {
			if e.Labels["trace_id"] == traceID {
				return nil
			}
		}
	}
	return errors.Join(err, fmt.Errorf("no exemplar with the trace in %v", answer.Data))
}

// jaegerTrace is what Jaeger's older API says of a trace.
type jaegerTrace struct {
	TraceID string `json:"traceID"`
	Spans   []struct {
		SpanID     string `json:"spanID"`
		Operation  string `json:"operationName"`
		References []struct {
			SpanID string `json:"spanID"`
		} `json:"references"`
		Tags []struct {
			Key   string `json:"key"`
			Value any    `json:"value"`
		} `json:"tags"`
	} `json:"spans"`
}

// at returns the operation, the ID, the parent's and the tags of the only span
// of a kind, where a span without a kind is of the database.
func (j jaegerTrace) at(kind string) (operation, id, parent string, tags map[string]any) {
	for _, span := range j.Spans {
		found := map[string]any{}
		for _, tag := range span.Tags {
			found[tag.Key] = tag.Value
		}
		_, database := found["db.system.name"]
		if database == (kind == "database") && (database || found["span.kind"] == kind) {
			for _, r := range span.References {
				parent = r.SpanID
			}
			return span.Operation, span.SpanID, parent, found
		}
	}
	return "", "", "", nil
}

func TestJaegerShowsACallFromTheClientToTheDatabase(t *testing.T) {
	stack.Need(t, "jaeger")
	jaeger := stack.JaegerFor(t)
	edge, _ := start(t, telemetry.Options{Service: "edge", OTLP: jaeger.OTLP})
	user, _ := start(t, telemetry.Options{Service: "user", Instance: "user-1", OTLP: jaeger.OTLP})
	db, err := sqltrace.Open("sqlite", filepath.Join(t.TempDir(), "t.db"), "sqlite", user.TracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE users (name TEXT)"); err != nil {
		t.Fatal(err)
	}
	addr := serve(t, func(ctx context.Context, name string) (string, error) {
		var n int
		err := db.QueryRowContext(ctx, "SELECT count(*) FROM users WHERE name = ?", name).Scan(&n)
		return fmt.Sprint(n), err
	}, user.ServerOptions()...)
	conn := dial(t, addr, edge.DialOptions(telemetry.Client{Target: "user"})...)
	ctx := telemetry.WithRequestID(t.Context(), "request-1")
	if _, err := call(ctx, conn, "a secret name"); err != nil {
		t.Fatal(err)
	}
	var found struct {
		Data []jaegerTrace `json:"data"`
	}
	eventually(t, "the trace", func() error {
		if err := get(t.Context(), "http://"+jaeger.Query+"/api/traces?service=user", &found); err != nil {
			return err
		}
		if len(found.Data) != 1 || len(found.Data[0].Spans) != 3 {
			return fmt.Errorf("traces: %+v, want one with three spans", found.Data)
		}
		return nil
	})
	trace := found.Data[0] // one trace ID for all
	clientName, client, root, _ := trace.at("client")
	serverName, server, below, tags := trace.at("server")
	query, _, lowest, database := trace.at("database")
	if root != "" || below != client || lowest != server || client == "" || server == "" {
		t.Errorf("the spans are not client, server, database, one below the other: %+v", trace)
	}
	if clientName != "test.Echo/Say" || serverName != "test.Echo/Say" || query != "SELECT" {
		t.Errorf("operations: %s, %s, %s", clientName, serverName, query)
	}
	if tags["http.request.id"] != "request-1" || tags["rpc.response.status_code"] != "OK" {
		t.Errorf("tags of the server: %v", tags)
	}
	if text := fmt.Sprint(database["db.query.text"]); text != "SELECT count(*) FROM users WHERE name = ?" {
		t.Errorf("tags of the database: %v", database)
	}
	if strings.Contains(fmt.Sprint(trace), "secret") {
		t.Errorf("a value is in the trace: %+v", trace)
	}
}
