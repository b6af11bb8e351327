package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gctl-dev/gctl/svc/kit/telemetry"
)

// moody answers by what it is told.
func moody(_ context.Context, text string) (string, error) {
	if text == "missing" {
		return "", status.Error(codes.NotFound, "no such thing")
	}
	return text, nil
}

// sampled returns the context of somebody who works on a sampled trace.
func sampled(ctx context.Context) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// use makes one good and one bad unary call and one stream, all sampled, between
// a server and a client of the same telemetry.
func use(t *testing.T, tel *telemetry.Telemetry, c telemetry.Client) (addr string) {
	t.Helper()
	addr = serve(t, moody, tel.ServerOptions()...)
	conn := dial(t, addr, tel.DialOptions(c)...)
	ctx := sampled(t.Context())
	if _, err := call(ctx, conn, "hi"); err != nil {
		t.Fatal(err)
	}
	if _, err := call(ctx, conn, "missing"); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	if err := stream(ctx, conn, "hi"); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return addr
}

// contains checks that a line of the exposition matches each expression; labels
// are sorted. A server notes the end of a call after the caller got it, so it
// looks until they are there.
func contains(t *testing.T, tel *telemetry.Telemetry, lines ...string) {
	t.Helper()
	eventually(t, "/metrics", func() error {
		text := scrape(t, tel)
		for _, line := range lines {
			if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(text) {
				name, _, _ := strings.Cut(line, `\{`)
				return fmt.Errorf("no line matches %s; of this name:\n%s", line,
					strings.Join(regexp.MustCompile(`(?m)^`+name+`.*$`).FindAllString(text, 20), "\n"))
			}
		}
		return nil
	})
}

const exemplar = ` # \{[^}]*trace_id="` + traceID + `"[^}]*\} [0-9.e-]+ [0-9.e+]+`

func TestGRPCsOwnMetrics(t *testing.T) {
	tel, _ := start(t, telemetry.Options{Service: "echo", Version: "v3", Instance: "echo-1", Zone: "z"})
	addr := use(t, tel, telemetry.Client{Target: "echo"})
	contains(t, tel,
		`grpc_server_call_started_total\{grpc_method="test.Echo/Say"\} 2.0.*`,
		`grpc_server_call_duration_seconds_count\{grpc_method="test.Echo/Say",grpc_status="OK"\} 1`,
		`grpc_server_call_duration_seconds_count\{grpc_method="test.Echo/Say",grpc_status="NOT_FOUND"\} 1`,
		`grpc_server_call_duration_seconds_count\{grpc_method="test.Echo/Count",grpc_status="OK"\} 1`,
		`grpc_client_attempt_duration_seconds_count\{grpc_method="test.Echo/Say",grpc_status="OK",grpc_target="dns:///`+addr+`"\} 1`,
		`grpc_client_call_duration_seconds_count\{grpc_method="test.Echo/Say",grpc_status="NOT_FOUND",grpc_target="dns:///`+addr+`"\} 1`,
		`grpc_server_call_duration_seconds_bucket\{grpc_method="test.Echo/Say",grpc_status="OK",le="[0-9.e+-]+"\} 1`+exemplar,
		`target_info\{.*service_instance_id="echo-1",service_name="echo",service_version="v3".*\} 1.*`,
		`go_goroutines [0-9.e+]+`,
		`go_build_info\{.*\} 1.*`,
		`process_resident_memory_bytes [0-9.e+]+`,
	)
	for _, name := range []string{"grpc_server_handled_total", "message_size"} {
		if strings.Contains(scrape(t, tel), name) {
			t.Errorf("%s was not asked for", name)
		}
	}
}

func TestTheLegacyNamesWhereAsked(t *testing.T) {
	tel, _ := start(t, telemetry.Options{LegacyMetrics: true, MessageSizes: true})
	use(t, tel, telemetry.Client{})
	unary := `grpc_method="Say",grpc_service="test.Echo",grpc_type="unary"`
	streamed := `grpc_method="Count",grpc_service="test.Echo",grpc_type="server_stream"`
	var want []string
	for _, side := range []string{"server", "client"} {
		want = append(want,
			`grpc_`+side+`_started_total\{`+unary+`\} 2.0.*`,
			`grpc_`+side+`_handled_total\{grpc_code="OK",`+unary+`\} 1.0.*`,
			`grpc_`+side+`_handled_total\{grpc_code="NotFound",`+unary+`\} 1.0.*`,
			`grpc_`+side+`_handled_total\{grpc_code="OK",`+streamed+`\} 1.0.*`,
			`grpc_`+side+`_handling_seconds_count\{`+unary+`\} 2`,
			`grpc_`+side+`_handling_seconds_bucket\{`+unary+`,le="10.0"\} 2.*`,
		)
	}
	contains(t, tel, append(want,
		`grpc_server_call_rcvd_total_compressed_message_size_bytes_count\{grpc_method="test.Echo/Say",grpc_status="OK"\} 1`,
		`grpc_client_attempt_sent_total_compressed_message_size_bytes_count\{grpc_method="test.Echo/Say",grpc_status="OK",.*\} 1`,
		`grpc_server_msg_received_total\{`+unary+`\} 2.0.*`,
		`grpc_server_msg_sent_total\{`+unary+`\} 1.0.*`,
		`grpc_server_msg_sent_total\{`+streamed+`\} 2.0.*`,
		`grpc_client_msg_received_total\{`+streamed+`\} 2.0.*`,
		`grpc_client_msg_sent_total\{`+unary+`\} 2.0.*`,
		`grpc_server_handling_seconds_bucket\{`+unary+`,le="[0-9.]+"\} [0-9]+`+exemplar,
	)...)
}

func TestMethodsThatNobodyKnowsAreOneLabel(t *testing.T) {
	tel, _ := start(t, telemetry.Options{LegacyMetrics: true})
	unknown := func(any, grpc.ServerStream) error { return status.Error(codes.Unimplemented, "unknown") }
	addr := serve(t, moody, append(tel.ServerOptions(), grpc.UnknownServiceHandler(unknown))...)
	conn := dial(t, addr, tel.DialOptions(telemetry.Client{})...)
	for _, method := range []string{"/test.Echo/Made", "/made.Up/Method", "/x/y"} {
		err := conn.Invoke(t.Context(), method, wrapperspb.String(""), &wrapperspb.StringValue{})
		if status.Code(err) != codes.Unimplemented {
			t.Fatal(err)
		}
	}
	contains(t, tel,
		`grpc_server_call_started_total\{grpc_method="other"\} 3.0.*`,
		`grpc_client_call_duration_seconds_count\{grpc_method="other",grpc_status="UNIMPLEMENTED",.*\} 3`,
		`grpc_client_handled_total\{grpc_code="Unimplemented",grpc_method="other",grpc_service="other",grpc_type="unary"\} 3.0.*`,
		`grpc_server_handled_total\{grpc_code="Unimplemented",grpc_method="other",grpc_service="other",grpc_type="bidi_stream"\} 3.0.*`,
	)
	text := scrape(t, tel)
	for _, made := range []string{"Made", "made.Up", `"x`} {
		if strings.Contains(text, made) {
			t.Errorf("%s is in the metrics", made)
		}
	}
}

func TestClientMetricsNameTheInstance(t *testing.T) {
	tel, _ := start(t, telemetry.Options{})
	var asked string
	use(t, tel, telemetry.Client{Target: "echo", Instance: func(addr string) string {
		asked = addr
		return "echo-7"
	}})
	addr := use(t, tel, telemetry.Client{Target: "unknown", Instance: func(string) string { return "" }})
	if !strings.HasPrefix(asked, "127.0.0.1:") {
		t.Errorf("asked for %q", asked)
	}
	gone := dial(t, "127.0.0.1:1", tel.DialOptions(telemetry.Client{Target: "gone"})...)
	if _, err := call(t.Context(), gone, ""); status.Code(err) != codes.Unavailable {
		t.Fatal(err)
	}
	contains(t, tel,
		`grpc_client_instance_attempts_total\{grpc_status="OK",grpc_target="echo",grpc_target_instance="echo-7"\} 2.0`,
		`grpc_client_instance_attempts_total\{grpc_status="NOT_FOUND",grpc_target="echo",grpc_target_instance="echo-7"\} 1.0`,
		`grpc_client_instance_attempt_duration_seconds_count\{grpc_target="echo",grpc_target_instance="echo-7"\} 2`,
		`grpc_client_instance_attempts_total\{grpc_status="OK",grpc_target="unknown",grpc_target_instance="`+addr+`"\} 2.0`,
	)
	if strings.Contains(scrape(t, tel), `grpc_target="gone",grpc_target_instance`) {
		t.Error("a call that reached no instance is counted for one")
	}
}

func TestTheHTTPServer(t *testing.T) {
	tel, _ := start(t, telemetry.Options{})
	notReady := errors.New("the store is away")
	server := httptest.NewServer(tel.Server(nil, func(ctx context.Context) error {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the probe is not bounded")
		}
		return notReady
	}).Handler)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]struct {
		code int
		body string
	}{
		"/livez":   {200, "ok\n"},
		"/readyz":  {503, "the store is away\n"},
		"/metrics": {200, "go_goroutines"},
		"/":        {404, ""},
	} {
		resp, err := client.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want.code || !strings.Contains(string(body), want.body) {
			t.Errorf("%s = %d %.80q, %v", path, resp.StatusCode, body, err)
		}
	}
}

func TestTwoServicesInOneProcessShareNothing(t *testing.T) {
	one, _ := start(t, telemetry.Options{Service: "one"})
	two, _ := start(t, telemetry.Options{Service: "two"})
	use(t, one, telemetry.Client{})
	if text := scrape(t, two); strings.Contains(text, "grpc_server_call") || !strings.Contains(text, `service_name="two"`) {
		t.Errorf("the metrics of two:\n%s", text)
	}
	if _, err := telemetry.New(t.Context(), telemetry.Options{}); err == nil {
		t.Error("a service without a name")
	}
}
