package dialect_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect"
)

var instances = []fleet.Instance{
	{ID: "user-1", Service: "user", Addr: "10.0.0.1:9090", Meta: map[string]string{"grpc_services": "user.v1.UserService"}},
	{ID: "user-2", Service: "user", Addr: "10.0.0.2:9090"},
	{ID: "edge-1", Service: "edge", Addr: "10.0.0.3:9090"},
}

func query(side fleet.Side, by ...fleet.Dimension) *fleet.REDQuery {
	id := fleet.NewIdentity(fleet.IdentityOptions{Instances: instances, Map: map[string]map[string]string{"user": {"prometheus": "user-api"}}})
	return &fleet.REDQuery{Side: side, By: by, Window: time.Minute, Identity: id, Instances: instances}
}

func TestWhatClientsDialIsJoined(t *testing.T) {
	source := detect(t, fleet.ClientSide, false, "grpc_client_attempt_duration_seconds_count")
	for target, want := range map[string]string{
		"fleet:///user": "user", "dns:///user:9090": "user", "user": "user", "dns://8.8.8.8/user.default.svc.cluster.local:50051": "user",
		"consul://agent/user?healthy=true": "user", "user.service.dc1.consul:9090": "user", "10.0.0.2:9090": "user",
		"passthrough:///10.0.0.3:9090": "edge", "user.example.com:443": "", "10.0.0.2:1": "", "": "", "dns:///usr": "",
		"fleet:///user-api": "user", // what the map calls it
	} {
		book := dialect.NewBook(query(fleet.ClientSide), "prometheus")
		labels := dialect.Labels{"grpc_method": "other", "grpc_target": target, "grpc_status": "OK"}
		book.Calls(source, labels, fleet.Match{Service: "edge"}, 1)
		var got string
		for _, r := range book.REDs() {
			got = r.Service
		}
		if got != want {
			t.Errorf("%q is %q, want %q", target, got, want)
		}
		if missing := book.Missing(); (len(missing) == 1) != (want == "" && target != "") {
			t.Errorf("%q: %+v", target, missing)
		}
	}
}

func TestAMethodSaysWhoServesItWhereNothingElseDoes(t *testing.T) {
	source := detect(t, fleet.ClientSide, false, "rpc_client_requests_code_total")
	book := dialect.NewBook(query(fleet.ClientSide), "prometheus")
	book.Calls(source, dialect.Labels{"method": "/user.v1.UserService/GetUser", "code": "14"}, fleet.Match{}, 2)
	if reds := book.REDs(); len(reds) != 1 || reds[0].Service != "user" || reds[0].Codes["UNAVAILABLE"] != 2 {
		t.Errorf("%+v", reds)
	}
}

func TestInstancesThatAnswered(t *testing.T) {
	source := detect(t, fleet.ClientSide, false, "grpc_client_instance_attempts_total")
	book := dialect.NewBook(query(fleet.ClientSide, fleet.ByInstance, fleet.ByCaller), "prometheus")
	for _, instance := range []string{"user-1", "10.0.0.2:9090", "gone-7"} {
		labels := dialect.Labels{"grpc_target": "user", "grpc_target_instance": instance, "grpc_status": "OK"}
		book.Calls(source, labels, fleet.Match{Service: "edge", Instance: "edge-1"}, 1)
	}
	var got []string
	for _, r := range book.REDs() {
		got = append(got, r.Caller+">"+r.Instance)
	}
	if strings.Join(got, " ") != "edge>gone-7 edge>user-1 edge>user-2" || len(book.Missing()) != 1 {
		t.Errorf("%v, %+v", got, book.Missing())
	}
}

func TestCodesOfEveryDialect(t *testing.T) {
	for _, c := range []struct{ series, label, value, want string }{
		{"grpc_server_handled_total", "grpc_code", "NotFound", "NOT_FOUND"},
		{"grpc_server_handled_total", "grpc_code", "Canceled", "CANCELLED"},
		{"grpc_server_handled_total", "grpc_code", "OK", "OK"},
		{"grpc_server_handled_total", "grpc_code", "Code(99)", "UNKNOWN"},
		{"grpc_server_call_duration_seconds_count", "grpc_status", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"},
		{"rpc_server_duration_milliseconds_count", "rpc_grpc_status_code", "8", "RESOURCE_EXHAUSTED"},
		{"rpc_server_duration_milliseconds_count", "rpc_grpc_status_code", "-1", "UNKNOWN"},
		{"rpc_server_requests_code_total", "code", "16", "UNAUTHENTICATED"},
		{"server_requests_code_total", "code", "0", "OK"},
		{"server_requests_code_total", "code", "404", "NOT_FOUND"},
		{"server_requests_code_total", "code", "504", "DEADLINE_EXCEEDED"},
		{"server_requests_code_total", "code", "418", "UNKNOWN"},
	} {
		book := dialect.NewBook(query(fleet.ServerSide), "prometheus")
		book.Calls(detect(t, fleet.ServerSide, false, c.series), dialect.Labels{c.label: c.value}, fleet.Match{Service: "user"}, 1)
		if reds := book.REDs(); len(reds) != 1 || reds[0].Codes[c.want] != 1 {
			t.Errorf("%s %s=%q: %+v, want %s", c.series, c.label, c.value, reds, c.want)
		}
	}
}

func TestWhatIsNotKnownIsSaid(t *testing.T) {
	handled := detect(t, fleet.ServerSide, false, "grpc_server_handled_total")
	user := fleet.Match{Service: "user"}
	for name, c := range map[string]struct {
		fill func(b *dialect.Book)
		want string
	}{
		"no calls":      {func(b *dialect.Book) { b.Calls(handled, dialect.Labels{"grpc_code": "OK"}, user, 0) }, "error_ratio: there were no calls"},
		"no code":       {func(b *dialect.Book) { b.Calls(handled, dialect.Labels{}, user, 1) }, "error_ratio: not all calls have a status code"},
		"no histogram":  {func(b *dialect.Book) { b.Calls(handled, dialect.Labels{"grpc_code": "OK"}, user, 1) }, "p50, p95, p99: there is no histogram"},
		"nothing sane":  {func(b *dialect.Book) { b.Calls(handled, dialect.Labels{"grpc_code": "OK"}, user, math.NaN()) }, "rate, error_ratio"},
		"buckets alone": {func(b *dialect.Book) { bucket(b, t, "0.1", 1); bucket(b, t, "+Inf", 1) }, "rate, error_ratio: there is a histogram, but no counter"},
		"no +Inf":       {func(b *dialect.Book) { bucket(b, t, "0.1", 1); bucket(b, t, "1", 2) }, "p50, p95, p99: the histogram has no usable +Inf bucket"},
		"NaN in +Inf":   {func(b *dialect.Book) { bucket(b, t, "0.1", 1); bucket(b, t, "+Inf", math.NaN()) }, "p50, p95, p99: the histogram has no usable +Inf bucket"},
		"all NaN":       {func(b *dialect.Book) { bucket(b, t, "0.1", math.NaN()); bucket(b, t, "+Inf", math.NaN()) }, "p50, p95, p99: the histogram has no usable +Inf bucket"},
		"falling +Inf":  {func(b *dialect.Book) { bucket(b, t, "0.1", 1); bucket(b, t, "+Inf", -2) }, "p50, p95, p99: the histogram has no usable +Inf bucket"},
		"above":         {func(b *dialect.Book) { bucket(b, t, "0.1", 1); bucket(b, t, "+Inf", 9) }, "p50, p95, p99: above the largest bucket, 100ms"},
		"one bucket":    {func(b *dialect.Book) { bucket(b, t, "+Inf", 9) }, "the histogram has no buckets"},
	} {
		book := dialect.NewBook(query(fleet.ServerSide), "prometheus")
		c.fill(book)
		reds := book.REDs()
		if len(reds) != 1 || !strings.Contains(strings.Join(reds[0].Unknown, ";"), c.want) {
			t.Errorf("%s: %+v", name, reds)
			continue
		}
		if r := reds[0]; r.ErrorRatio == 0 && name != "no histogram" || r.P50 == 0 {
			t.Errorf("%s is shown as 0: %+v", name, r)
		}
	}
}

func bucket(b *dialect.Book, t *testing.T, le string, rate float64) {
	t.Helper()
	s := detect(t, fleet.ServerSide, false, "grpc_server_handling_seconds_count")
	b.Bucket(s, dialect.Labels{"le": le}, fleet.Match{Service: "user"}, rate)
}

func TestMillisecondsInSeconds(t *testing.T) {
	s := detect(t, fleet.ServerSide, false, "rpc_server_call_duration_seconds_count")
	for version, want := range map[string]float64{"0.65.0": .0125, "0.66.0": 12.5} {
		book := dialect.NewBook(query(fleet.ServerSide), "prometheus")
		labels := dialect.Labels{"otel_scope_name": "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc", "otel_scope_version": version, "le": "25"}
		book.Bucket(s, labels, fleet.Match{Service: "user"}, 1)
		labels["le"] = "+Inf"
		book.Bucket(s, labels, fleet.Match{Service: "user"}, 1)
		r := book.REDs()[0]
		if math.Abs(r.P50-want) > 1e-9 || (len(r.Notes) == 1) != (version == "0.65.0") {
			t.Errorf("%s: %+v", version, r)
		}
	}
	book := dialect.NewBook(query(fleet.ServerSide), "prometheus")
	book.Bucket(s, dialect.Labels{"otel_scope_name": "another.library", "otel_scope_version": "0.65.0", "le": "1"}, fleet.Match{Service: "user"}, 1)
	book.Bucket(s, dialect.Labels{"otel_scope_name": "another.library", "otel_scope_version": "0.65.0", "le": "+Inf"}, fleet.Match{Service: "user"}, 1)
	if r := book.REDs()[0]; r.P50 != .5 {
		t.Errorf("%+v", r)
	}
}

// What is left out of a histogram widens an interval or makes its quantiles
// unknown; it never moves calls into another bucket.
func TestAHistogramWithAHole(t *testing.T) {
	book := dialect.NewBook(query(fleet.ServerSide), "prometheus")
	for _, b := range []struct {
		le   string
		rate float64
	}{{"0.1", 0}, {"0.2", math.NaN()}, {"0.3", math.Inf(1)}, {"0.4", -1}, {"0.5", 8}, {"NaN", 3}, {"x", 3}, {"+Inf", 8}} {
		bucket(book, t, b.le, b.rate)
	}
	r := book.REDs()[0]
	if math.Abs(r.P50-.3) > 1e-9 || !strings.Contains(strings.Join(r.Notes, ";"), "5 values that are no counts") {
		t.Errorf("%+v", r)
	}
}
