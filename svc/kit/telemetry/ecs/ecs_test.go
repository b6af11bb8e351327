package ecs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/gctl-dev/gctl/svc/kit/telemetry/ecs"
)

// line logs once and returns what was written, raw and decoded.
func line(t *testing.T, opts ecs.Options, log func(*slog.Logger)) (raw string, fields map[string]any) {
	t.Helper()
	var out bytes.Buffer
	log(slog.New(ecs.NewHandler(&out, opts)))
	if strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("log = %q, want one line", out.String())
	}
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	return out.String(), fields
}

func expect(t *testing.T, fields map[string]any, want map[string]any) {
	t.Helper()
	for key, value := range want {
		if fields[key] != value {
			t.Errorf("%s = %v (%T), want %v", key, fields[key], fields[key], value)
		}
	}
}

func TestALineIsECS(t *testing.T) {
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3},
	}))
	before := time.Now()
	opts := ecs.Options{Service: "user", Version: "v2", Node: "user-1", RequestID: func(context.Context) string { return "r-1" }}
	_, fields := line(t, opts, func(l *slog.Logger) {
		l.WarnContext(ctx, "it broke", "error", errors.New("disk full"), "method", "/a.B/C", "address", "127.0.0.1:1", "took", 1500*time.Millisecond)
	})
	expect(t, fields, map[string]any{
		"log.level": "warn", "message": "it broke", "ecs.version": ecs.Version,
		"service.name": "user", "service.version": "v2", "service.node.name": "user-1",
		"trace.id": "01020000000000000000000000000000", "span.id": "0300000000000000", "http.request.id": "r-1",
		"error.message": "disk full", "rpc.method": "/a.B/C", "address": "127.0.0.1:1", "took": "1.5s",
	})
	at, err := time.Parse(time.RFC3339Nano, fields["@timestamp"].(string))
	if err != nil || at.Before(before.Truncate(0)) || at.Location() != time.UTC {
		t.Errorf("@timestamp = %v, %v", fields["@timestamp"], err)
	}
}

func TestAnEventTellsHowLongAndHowItEnded(t *testing.T) {
	for success, outcome := range map[bool]string{true: "success", false: "failure"} {
		_, fields := line(t, ecs.Options{}, func(l *slog.Logger) {
			l.LogAttrs(t.Context(), slog.LevelInfo, "done", ecs.Event("call", 1500*time.Microsecond, success)...)
		})
		expect(t, fields, map[string]any{
			"event.kind": "event", "event.action": "call", "event.duration": 1.5e6, "event.outcome": outcome,
		})
	}
}

func TestWhatIsNotKnownIsLeftOut(t *testing.T) {
	raw, _ := line(t, ecs.Options{}, func(l *slog.Logger) { l.Info("hello") })
	for _, key := range []string{"trace.id", "span.id", "http.request.id", "service."} {
		if strings.Contains(raw, key) {
			t.Errorf("%q in %s", key, raw)
		}
	}
}

func TestKeysDoNotBreakTheSchema(t *testing.T) {
	_, fields := line(t, ecs.Options{Service: "user"}, func(l *slog.Logger) {
		l.With("service", "billing").WithGroup("http").With("proto", "2").Info("hello",
			"port", 80, slog.Group("tls", "version", "1.3"), slog.Group("", "inline", true))
	})
	expect(t, fields, map[string]any{
		"service.name": "user", "labels.service": "billing",
		"http.proto": "2", "http.port": 80.0, "http.tls.version": "1.3", "http.inline": true,
	})
	_, fields = line(t, ecs.Options{}, func(l *slog.Logger) {
		l.Info("hello", "time", "noon", "level", "sea", "msg", "other", "message", "another", "tls", true)
	})
	expect(t, fields, map[string]any{
		"message": "hello", "log.level": "info", "labels.time": "noon", "labels.level": "sea",
		"labels.msg": "other", "labels.message": "another", "labels.tls": true,
	})
}

func TestValuesCannotForgeLinesOrReachTheTerminal(t *testing.T) {
	evil := "a\n{\"message\":\"forged\"}\x1b[2J\x7f\u009b31m\u202ertl\xff"
	raw, fields := line(t, ecs.Options{}, func(l *slog.Logger) {
		l.Info(evil, "text", evil, "error", errors.New(evil), "any", map[string]string{"k": evil}, evil, 1)
	})
	for _, r := range strings.TrimSuffix(raw, "\n") {
		if r < 0x20 || r >= 0x7f && r <= 0x9f || r == 0x202e {
			t.Errorf("%U is in %q", r, raw)
		}
	}
	// It is escaped, not lost.
	want := strings.ToValidUTF8(evil, "\ufffd")
	expect(t, fields, map[string]any{"message": want, "text": want, "error.message": want})
}

func TestALongValueIsCut(t *testing.T) {
	raw, _ := line(t, ecs.Options{}, func(l *slog.Logger) {
		l.Info(strings.Repeat("m", 1<<20), "error", errors.New(strings.Repeat("é", 1<<20)))
	})
	if len(raw) > 70<<10 {
		t.Errorf("the line has %d bytes", len(raw))
	}
}

func TestTheLevelChangesAtRunTime(t *testing.T) {
	var out bytes.Buffer
	var level slog.LevelVar
	l := slog.New(ecs.NewHandler(&out, ecs.Options{Level: &level})).With("a", 1)
	l.Debug("before")
	level.Set(slog.LevelDebug)
	l.Debug("during")
	level.Set(slog.LevelError)
	l.Warn("after")
	if s := out.String(); strings.Contains(s, "before") || !strings.Contains(s, "during") || strings.Contains(s, "after") {
		t.Errorf("log = %s", s)
	}
}

func FuzzALineIsOneJSONObject(f *testing.F) {
	f.Add("key", "value")
	f.Add("error", "\x1b[0m\u009b\n")
	f.Fuzz(func(t *testing.T, key, value string) {
		var out bytes.Buffer
		slog.New(ecs.NewHandler(&out, ecs.Options{})).Info(value, key, value)
		var fields map[string]any
		if err := json.Unmarshal(out.Bytes(), &fields); err != nil || strings.Count(out.String(), "\n") != 1 {
			t.Fatalf("%q: %v", out.String(), err)
		}
		for _, r := range strings.TrimSuffix(out.String(), "\n") {
			if r < 0x20 || r >= 0x7f && r <= 0x9f {
				t.Fatalf("%U is in %q", r, out.String())
			}
		}
	})
}
