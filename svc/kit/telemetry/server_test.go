package telemetry_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit/telemetry"
)

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceID + "-00f067aa0ba902b7-01"
)

func oneLine(t *testing.T, log *buffer, message string) map[string]any {
	t.Helper()
	var lines []map[string]any
	eventually(t, message, func() error {
		if lines = log.lines(t, message); len(lines) != 1 {
			return fmt.Errorf("%d lines, want 1", len(lines))
		}
		return nil
	})
	return lines[0]
}

func expect(t *testing.T, fields map[string]any, want map[string]any) {
	t.Helper()
	for key, value := range want {
		if fields[key] != value {
			t.Errorf("%s = %v, want %v", key, fields[key], value)
		}
	}
}

func TestTheLinesOfACallCarryItsTraceAndRequest(t *testing.T) {
	level := &slog.LevelVar{}
	level.Set(slog.LevelDebug)
	tel, log := start(t, telemetry.Options{Instance: "echo-1", Version: "v1", Level: level})
	addr := serve(t, func(ctx context.Context, text string) (string, error) {
		tel.Logger().InfoContext(ctx, "in the handler")
		return text, nil
	}, tel.ServerOptions()...)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", traceparent, "x-request-id", "my-request.1")
	var header metadata.MD
	if _, err := call(ctx, dial(t, addr), "hi", grpc.Header(&header)); err != nil {
		t.Fatal(err)
	}
	joined := map[string]any{"trace.id": traceID, "http.request.id": "my-request.1", "service.node.name": "echo-1", "service.name": "echo"}
	expect(t, oneLine(t, log, "in the handler"), joined)
	line := oneLine(t, log, "call")
	expect(t, line, joined)
	expect(t, line, map[string]any{
		"log.level": "debug", "rpc.method": "test.Echo/Say", "rpc.response.status_code": "OK", "event.outcome": "success",
	})
	if took, ok := line["duration_ms"].(float64); !ok || took < 0 || took > 10000 {
		t.Errorf("duration_ms = %v", line["duration_ms"])
	}
	if peer, _ := line["client.address"].(string); !strings.HasPrefix(peer, "127.0.0.1:") {
		t.Errorf("client.address = %v", line["client.address"])
	}
	if got := header.Get("x-request-id"); len(got) != 1 || got[0] != "my-request.1" {
		t.Errorf("x-request-id of the answer = %q", got)
	}
}

func TestTheAccessLogNamesTheCallerByItsCertificate(t *testing.T) {
	ca := testkit.NewCA(t)
	tel, log := start(t, telemetry.Options{})
	addr := serve(t, func(context.Context, string) (string, error) {
		return "", status.Error(codes.Internal, "disk full")
	}, append(tel.ServerOptions(), grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{ca.Cert(t, []string{"127.0.0.1"})},
		ClientCAs:    ca.Pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	})))...)
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		RootCAs: ca.Pool, Certificates: []tls.Certificate{ca.Cert(t, []string{"edge.example"})},
	})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := call(t.Context(), conn, ""); status.Code(err) != codes.Internal {
		t.Fatal(err)
	}
	expect(t, oneLine(t, log, "call"), map[string]any{"user.name": "edge.example", "rpc.response.status_code": "INTERNAL"})
}

func TestARequestIDThatIsNotSaneIsReplaced(t *testing.T) {
	tel, _ := start(t, telemetry.Options{})
	var handled string
	addr := serve(t, func(ctx context.Context, _ string) (string, error) {
		handled = telemetry.RequestID(ctx)
		return "", status.Error(codes.NotFound, "no such thing")
	}, tel.ServerOptions()...)
	conn := dial(t, addr)
	seen := map[string]bool{}
	for name, sent := range map[string]string{
		"none": "", "spaces": "a b", "quotes": `"`, "long": strings.Repeat("a", 129), "slashes": "../..",
	} {
		ctx := t.Context()
		if sent != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", sent)
		}
		var trailer metadata.MD
		if _, err := call(ctx, conn, "", grpc.Trailer(&trailer)); status.Code(err) != codes.NotFound {
			t.Fatal(err)
		}
		if len(handled) != 32 || handled == sent || seen[handled] {
			t.Errorf("%s: request id = %q", name, handled)
		}
		if answered := trailer.Get("x-request-id"); len(answered) != 1 || answered[0] != handled {
			t.Errorf("%s: answered %q, handled as %q", name, answered, handled)
		}
		seen[handled] = true
	}
	longest := strings.Repeat("aZ0._-", 21) + "xy" // 128
	var header, trailer metadata.MD
	_, _ = call(metadata.AppendToOutgoingContext(t.Context(), "x-request-id", longest), conn, "", grpc.Header(&header), grpc.Trailer(&trailer))
	if handled != longest || len(header.Get("x-request-id")) != 1 || len(trailer.Get("x-request-id")) != 0 {
		t.Errorf("request id = %q, header %v, trailer %v, want the caller's in the header", handled, header, trailer)
	}
}

func TestTraceAndRequestAreForwarded(t *testing.T) {
	tel, _ := start(t, telemetry.Options{})
	var seen metadata.MD
	last := serve(t, func(ctx context.Context, _ string) (string, error) {
		seen, _ = metadata.FromIncomingContext(ctx)
		return "", nil
	})
	next := dial(t, last, tel.DialOptions(telemetry.Client{Target: "last"})...)
	first := serve(t, func(ctx context.Context, text string) (string, error) {
		return call(ctx, next, text)
	}, tel.ServerOptions()...)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", traceparent, "tracestate", "a=b", "x-request-id", "r-7", "other", "not forwarded")
	if _, err := call(ctx, dial(t, first), ""); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"traceparent": traceparent, "tracestate": "a=b", "x-request-id": "r-7", "other": ""} {
		if got := strings.Join(seen.Get(key), " "); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	// What the program itself asks for stands.
	ctx = metadata.AppendToOutgoingContext(telemetry.WithRequestID(t.Context(), "mine"), "x-request-id", "other")
	if _, err := call(ctx, next, ""); err != nil || strings.Join(seen.Get("x-request-id"), " ") != "other" {
		t.Errorf("x-request-id = %q, %v", seen.Get("x-request-id"), err)
	}
	ctx = telemetry.WithRequestID(t.Context(), "mine")
	if _, err := call(ctx, next, ""); err != nil || strings.Join(seen.Get("x-request-id"), " ") != "mine" {
		t.Errorf("x-request-id = %q, %v", seen.Get("x-request-id"), err)
	}
}

func TestTheAccessLogTellsFaultsOfTheServerOnly(t *testing.T) {
	tel, log := start(t, telemetry.Options{})
	addr := serve(t, func(_ context.Context, text string) (string, error) {
		switch text {
		case "fault":
			return "", status.Error(codes.Internal, "disk full")
		case "panic":
			panic("secret")
		case "missing":
			return "", status.Error(codes.NotFound, "no such thing")
		}
		return "", nil
	}, append(tel.ServerOptions(), grpc.ChainUnaryInterceptor(recovered))...)
	conn := dial(t, addr)
	for _, text := range []string{"fine", "missing"} {
		_, _ = call(t.Context(), conn, text)
	}
	for i, test := range []struct {
		do   func() error
		want map[string]any
	}{
		{func() error { _, err := call(t.Context(), conn, "panic"); return err }, map[string]any{"error.message": "recovered", "rpc.method": "test.Echo/Say"}},
		{func() error { _, err := call(t.Context(), conn, "fault"); return err }, map[string]any{"error.message": "disk full", "rpc.method": "test.Echo/Say"}},
		{func() error { return stream(t.Context(), conn, "fault") }, map[string]any{"error.message": "disk full", "rpc.method": "test.Echo/Count"}},
	} {
		if err := test.do(); status.Code(err) != codes.Internal {
			t.Fatal(err)
		}
		var lines []map[string]any
		eventually(t, "the access log", func() error {
			if lines = log.lines(t, "call"); len(lines) != i+1 {
				return fmt.Errorf("%d lines, want %d", len(lines), i+1)
			}
			return nil
		})
		expect(t, lines[i], test.want)
		expect(t, lines[i], map[string]any{"log.level": "info", "rpc.response.status_code": "INTERNAL", "event.outcome": "failure"})
	}
}

// recovered makes a panic an error, as the kit does.
func recovered(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (_ any, err error) {
	defer func() {
		if recover() != nil {
			err = status.Error(codes.Internal, "recovered")
		}
	}()
	return handler(ctx, request)
}

func TestTheLevelOfTheAccessLogChangesAtRunTime(t *testing.T) {
	tel, log := start(t, telemetry.Options{})
	addr := serve(t, func(context.Context, string) (string, error) { return "", nil }, tel.ServerOptions()...)
	conn := dial(t, addr)
	asked := 0
	ask := func(id string) {
		t.Helper()
		if _, err := call(metadata.AppendToOutgoingContext(t.Context(), "x-request-id", id), conn, ""); err != nil {
			t.Fatal(err)
		}
		asked++
		// The call is logged before it is counted.
		contains(t, tel, fmt.Sprintf(`grpc_server_call_duration_seconds_count\{grpc_method="test.Echo/Say",grpc_status="OK"\} %d`, asked))
	}
	ask("before")
	tel.Level().Set(slog.LevelDebug)
	ask("during")
	if line := oneLine(t, log, "call"); line["http.request.id"] != "during" {
		t.Errorf("line = %v", line)
	}
	tel.Level().Set(slog.LevelInfo)
	ask("after")
	if err := stream(t.Context(), conn, ""); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	oneLine(t, log, "call")
}

func TestAFloodOfFaultsDoesNotFloodTheLog(t *testing.T) {
	tel, log := start(t, telemetry.Options{})
	addr := serve(t, func(context.Context, string) (string, error) {
		return "", status.Error(codes.Unavailable, "no")
	}, tel.ServerOptions()...)
	conn := dial(t, addr)
	begin := time.Now()
	for range 600 {
		if _, err := call(t.Context(), conn, ""); status.Code(err) != codes.Unavailable {
			t.Fatal(err)
		}
	}
	lines := len(log.lines(t, "call"))
	if most := 101 + int(100*time.Since(begin).Seconds()); lines < 90 || lines > most {
		t.Errorf("%d lines in %s, want at least 90 and at most %d", lines, time.Since(begin), most)
	}
}
