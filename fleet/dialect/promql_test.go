package dialect_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect"
)

func detect(t *testing.T, side fleet.Side, mesh bool, series ...string) *dialect.Source {
	t.Helper()
	found := dialect.Detect(side, mesh, func(name string) bool { return slices.Contains(series, name) })
	if len(found) == 0 {
		t.Fatalf("nothing in %v", series)
	}
	return &found[0]
}

func TestQueriesOfTheDialects(t *testing.T) {
	method, instance, caller := []fleet.Dimension{fleet.ByMethod}, []fleet.Dimension{fleet.ByInstance}, []fleet.Dimension{fleet.ByCaller}
	for _, c := range []struct {
		source         *dialect.Source
		by             []fleet.Dimension
		calls, buckets string
	}{
		{
			detect(t, fleet.ServerSide, false, "grpc_server_handled_total", "grpc_server_handling_seconds_count"), method,
			`sum by (grpc_method, grpc_service, grpc_code) (rate(grpc_server_handled_total{job="user"}[5m]))`,
			`sum by (grpc_method, grpc_service, le) (rate(grpc_server_handling_seconds_bucket{job="user"}[5m]))`,
		},
		{ // without a histogram, which is an option there
			detect(t, fleet.ServerSide, false, "grpc_server_handled_total"), nil,
			`sum by (grpc_code) (rate(grpc_server_handled_total{job="user"}[5m]))`, ``,
		},
		{
			detect(t, fleet.ServerSide, false, "grpc_server_call_duration_seconds_count"), instance,
			`sum by (instance, job, grpc_status) (rate(grpc_server_call_duration_seconds_count{job="user"}[5m]))`,
			`sum by (instance, job, le) (rate(grpc_server_call_duration_seconds_bucket{job="user"}[5m]))`,
		},
		{ // UTF-8
			detect(t, fleet.ServerSide, false, "grpc.server.call.duration_count"), method,
			`sum by ("grpc.method", "grpc.status") (rate({"grpc.server.call.duration_count",job="user"}[5m]))`,
			`sum by ("grpc.method", le) (rate({"grpc.server.call.duration_bucket",job="user"}[5m]))`,
		},
		{ // native
			detect(t, fleet.ServerSide, false, "grpc_server_call_duration_seconds"), nil,
			`sum by (grpc_status) (histogram_count(rate(grpc_server_call_duration_seconds{job="user"}[5m])))`,
			`sum by () (rate(grpc_server_call_duration_seconds{job="user"}[5m]))`,
		},
		{
			detect(t, fleet.ClientSide, false, "grpc_client_attempt_duration_seconds_count"), caller,
			`sum by (grpc_method, grpc_target, instance, job, grpc_status) (rate(grpc_client_attempt_duration_seconds_count{job="user"}[5m]))`,
			`sum by (grpc_method, grpc_target, instance, job, le) (rate(grpc_client_attempt_duration_seconds_bucket{job="user"}[5m]))`,
		},
		{
			detect(t, fleet.ServerSide, true, "istio_requests_total"), nil,
			`sum by (destination_canonical_service, destination_service_name, destination_workload, grpc_response_status) ` +
				`(rate(istio_requests_total{reporter="destination",request_protocol="grpc",job="user"}[5m]))`, ``,
		},
	} {
		if got := c.source.CallsQuery(`job="user"`, c.by, 5*time.Minute); got != c.calls {
			t.Errorf("%s\ngot  %s\nwant %s", c.source.Dialect, got, c.calls)
		}
		if got := c.source.BucketsQuery(`job="user"`, c.by, 5*time.Minute); got != c.buckets {
			t.Errorf("%s\ngot  %s\nwant %s", c.source.Dialect, got, c.buckets)
		}
	}
}

func TestMatchersAreQuoted(t *testing.T) {
	if got := dialect.Matcher("job", "a\"b\\\n"); got != `job="a\"b\\\n"` {
		t.Error(got)
	}
	if got := dialect.OneOf("k8s.job", []string{"a.b", "c|d"}); got != `"k8s.job"=~"a\\.b|c\\|d"` {
		t.Error(got)
	}
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5m", 90 * time.Second: "90s", 30 * 24 * time.Hour: "720h", 1500 * time.Millisecond: "1500ms", 1: "1ms",
	} {
		if got := dialect.PromDuration(d); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
	if known := strings.Join(dialect.Known(), ";"); !strings.Contains(known, "kratos") {
		t.Error(known)
	}
}
