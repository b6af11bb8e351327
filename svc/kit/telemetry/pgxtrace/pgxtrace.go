// Package pgxtrace makes the statements of pgx spans in the trace of the call
// that runs them.
//
//	config, err := pgxpool.ParseConfig(url)
//	config.ConnConfig.Tracer = pgxtrace.New(t.TracerProvider())
package pgxtrace

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Tracer is a tracer for pgx.ConnConfig. Statements are recorded with their
// placeholders, never with the values, and only in sampled calls.
type Tracer struct{ tracer trace.Tracer }

var (
	_ pgx.QueryTracer    = (*Tracer)(nil)
	_ pgx.BatchTracer    = (*Tracer)(nil)
	_ pgx.CopyFromTracer = (*Tracer)(nil)
	_ pgx.ConnectTracer  = (*Tracer)(nil)
)

// New returns a tracer that makes its spans with provider.
func New(provider trace.TracerProvider) *Tracer {
	return &Tracer{provider.Tracer("github.com/gctl-dev/gctl/svc/kit/telemetry/pgxtrace")}
}

type spanKey struct{}

// start begins a span if the call is sampled. The span is kept under a key of
// this package, so that an end never ends a span that is not its own.
func (t *Tracer) start(ctx context.Context, name string, conn *pgx.Conn, attrs ...attribute.KeyValue) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	attrs = append(attrs, attribute.String("db.system.name", "postgresql"))
	if conn != nil {
		attrs = append(attrs, server(conn.Config())...)
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...)) //nolint:spancheck // ended by end
	return context.WithValue(ctx, spanKey{}, span)                                                                   //nolint:spancheck // ended by end
}

func end(ctx context.Context, err error) {
	span, ok := ctx.Value(spanKey{}).(trace.Span)
	if !ok {
		return
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		span.SetStatus(codes.Error, err.Error())
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
			span.SetAttributes(attribute.String("db.response.status_code", pg.Code))
		}
	}
	span.End()
}

// TraceQueryStart implements pgx.QueryTracer.
func (t *Tracer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return t.start(ctx, verb(data.SQL), conn, attribute.String("db.query.text", data.SQL))
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*Tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	end(ctx, data.Err)
}

// TraceBatchStart implements pgx.BatchTracer.
func (t *Tracer) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	return t.start(ctx, "BATCH", conn, attribute.Int("db.operation.batch.size", data.Batch.Len()))
}

// TraceBatchQuery implements pgx.BatchTracer.
func (*Tracer) TraceBatchQuery(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	if span, ok := ctx.Value(spanKey{}).(trace.Span); ok {
		span.AddEvent(verb(data.SQL), trace.WithAttributes(attribute.String("db.query.text", data.SQL)))
	}
}

// TraceBatchEnd implements pgx.BatchTracer.
func (*Tracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	end(ctx, data.Err)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (t *Tracer) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	return t.start(ctx, "COPY", conn, attribute.String("db.collection.name", strings.Join(data.TableName, ".")))
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (*Tracer) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromEndData) {
	end(ctx, data.Err)
}

// TraceConnectStart implements pgx.ConnectTracer.
func (t *Tracer) TraceConnectStart(ctx context.Context, data pgx.TraceConnectStartData) context.Context {
	return t.start(ctx, "CONNECT", nil, server(data.ConnConfig)...)
}

// TraceConnectEnd implements pgx.ConnectTracer.
func (*Tracer) TraceConnectEnd(ctx context.Context, data pgx.TraceConnectEndData) {
	end(ctx, data.Err)
}

// server says which database it is.
func server(config *pgx.ConnConfig) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("db.namespace", config.Database),
		attribute.String("server.address", config.Host),
		attribute.Int("server.port", int(config.Port)),
	}
}

// verb is what a statement does, "SELECT".
func verb(sql string) string {
	sql = strings.TrimSpace(sql)
	if end := strings.IndexFunc(sql, unicode.IsSpace); end > 0 {
		sql = sql[:end]
	}
	if sql == "" || len(sql) > 16 {
		return "QUERY"
	}
	return strings.ToUpper(sql)
}
