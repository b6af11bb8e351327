// Package ecs writes log records as JSON in the Elastic Common Schema
// (https://www.elastic.co/docs/reference/ecs), one line each, in the form that
// ECS loggers use: dotted keys at the top level.
//
// What a program says by slog keeps its key, except where ECS has another word
// for it ("error" is error.message) or an object of that name ("service", which
// becomes labels.service). Groups become dotted keys.
package ecs

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Version is the version of ECS that the lines follow.
const Version = "8.11.0"

// maxText is how many bytes of one text are kept.
const maxText = 32 << 10

// Options say whose lines they are. Empty fields are left out.
type Options struct {
	Service string       // service.name
	Version string       // service.version
	Node    string       // service.node.name, the instance
	Level   slog.Leveler // the least level that is written; slog.LevelInfo if nil
	// RequestID returns the ID of the request that a context belongs to, or "";
	// it becomes http.request.id. May be nil.
	RequestID func(context.Context) string
}

// Handler is a slog.Handler. Lines that are logged with the context of a call
// carry its trace.id, span.id and http.request.id.
type Handler struct {
	out       slog.Handler
	requestID func(context.Context) string
	prefix    string // of keys, from groups
}

// NewHandler returns a handler that writes each record to w in one call.
func NewHandler(w io.Writer, opts Options) *Handler {
	out := slog.NewJSONHandler(neutral{w}, &slog.HandlerOptions{Level: opts.Level, ReplaceAttr: builtin})
	attrs := []slog.Attr{slog.String("ecs.version", Version)}
	for _, a := range []slog.Attr{
		slog.String("service.name", opts.Service),
		slog.String("service.version", opts.Version),
		slog.String("service.node.name", opts.Node),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return &Handler{out: out.WithAttrs(attrs), requestID: opts.RequestID}
}

// builtin names the fields that slog writes itself.
func builtin(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.TimeKey:
		return slog.Time("@timestamp", a.Value.Time().UTC())
	case slog.LevelKey:
		return slog.String("log.level", strings.ToLower(a.Value.String()))
	case slog.MessageKey:
		return slog.String("message", cut(a.Value.String()))
	}
	return a
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.out.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	attrs := make([]slog.Attr, 0, r.NumAttrs()+3)
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		attrs = append(attrs, slog.String("trace.id", span.TraceID().String()), slog.String("span.id", span.SpanID().String()))
	}
	if h.requestID != nil {
		if id := h.requestID(ctx); id != "" {
			attrs = append(attrs, slog.String("http.request.id", id))
		}
	}
	r.Attrs(func(a slog.Attr) bool {
		attrs = flatten(attrs, h.prefix, a)
		return true
	})
	line := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	line.AddAttrs(attrs...)
	return h.out.Handle(ctx, line)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var flat []slog.Attr
	for _, a := range attrs {
		flat = flatten(flat, h.prefix, a)
	}
	return &Handler{out: h.out.WithAttrs(flat), requestID: h.requestID, prefix: h.prefix}
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Handler{out: h.out, requestID: h.requestID, prefix: h.prefix + name + "."}
}

// flatten adds an attribute to attrs with the name that ECS has for it; a group
// becomes dotted keys.
func flatten(attrs []slog.Attr, prefix string, a slog.Attr) []slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			attrs = flatten(attrs, prefix, member)
		}
		return attrs
	}
	if a.Equal(slog.Attr{}) {
		return attrs
	}
	return append(attrs, slog.Attr{Key: rename(prefix + a.Key), Value: text(v)})
}

// text makes errors and durations text, and cuts what is too long.
func text(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(cut(v.String()))
	case slog.KindDuration:
		return slog.StringValue(v.Duration().String())
	case slog.KindTime:
		return slog.StringValue(v.Time().UTC().Format(time.RFC3339Nano))
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return slog.StringValue(cut(err.Error()))
		}
	}
	return v
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}

// rename returns the name that ECS has for a key of the program.
func rename(key string) string {
	switch key {
	case "error", "err":
		return "error.message"
	case "stack":
		return "error.stack_trace"
	case "pid":
		return "process.pid"
	case "method":
		return "rpc.method" // OpenTelemetry's word, ECS has none
	case slog.TimeKey, slog.LevelKey, slog.MessageKey, slog.SourceKey, "message", "labels", "tags",
		// Objects of ECS: a plain value there breaks the index.
		"agent", "client", "cloud", "container", "data_stream", "destination", "dns", "ecs", "event", "file", "host",
		"http", "log", "network", "observer", "orchestrator", "organization", "process", "rpc", "server", "service", "span", "tls",
		"trace", "transaction", "url", "user", "user_agent":
		return "labels." + key
	}
	return key
}
