package pgxtrace_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/svc/kit/telemetry/pgxtrace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// work does with the tracer what pgx does with it.
func work(ctx context.Context, tracer *pgxtrace.Tracer) {
	query := func(sql string, err error) {
		ctx := tracer.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{SQL: sql, Args: []any{"secret"}})
		tracer.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{Err: err})
	}
	query("select name\nfrom u where name = $1", nil)
	query("SELECT 1", pgx.ErrNoRows)
	query("INSERT INTO u VALUES ($1)", fmt.Errorf("insert: %w", &pgconn.PgError{Code: "23505", Message: "duplicate key"}))
	query("", context.Canceled)

	batch := &pgx.Batch{}
	batch.Queue("DELETE FROM u WHERE name = $1", "secret")
	during := tracer.TraceBatchStart(ctx, nil, pgx.TraceBatchStartData{Batch: batch})
	tracer.TraceBatchQuery(during, nil, pgx.TraceBatchQueryData{SQL: "DELETE FROM u WHERE name = $1", Args: []any{"secret"}})
	tracer.TraceBatchEnd(during, nil, pgx.TraceBatchEndData{})

	during = tracer.TraceCopyFromStart(ctx, nil, pgx.TraceCopyFromStartData{TableName: pgx.Identifier{"public", "u"}})
	tracer.TraceCopyFromEnd(during, nil, pgx.TraceCopyFromEndData{})

	config := &pgx.ConnConfig{Config: pgconn.Config{Host: "db.example", Port: 5432, Database: "users", Password: "secret"}}
	during = tracer.TraceConnectStart(ctx, pgx.TraceConnectStartData{ConnConfig: config})
	tracer.TraceConnectEnd(during, pgx.TraceConnectEndData{Err: errors.New("refused")})
}

func TestOnlyStatementsOfSampledCallsAreSpans(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	tracer := pgxtrace.New(provider)
	work(t.Context(), tracer)
	if spans := recorder.Started(); len(spans) != 0 {
		t.Errorf("%d spans without a call", len(spans))
	}
	ctx, call := provider.Tracer("test").Start(t.Context(), "call")
	work(ctx, tracer)
	if !call.IsRecording() {
		t.Error("the end of a statement ended the call")
	}
	call.End()
	var names []string
	for _, span := range recorder.Ended() {
		words := []string{span.Name()}
		if span.Status().Code == codes.Error {
			words = append(words, "failed")
		}
		for _, a := range span.Attributes() {
			if a.Value.String() == "secret" {
				t.Errorf("%s tells a value in %s", span.Name(), a.Key)
			}
			switch a.Key {
			case "db.response.status_code", "db.collection.name", "db.operation.batch.size", "db.namespace":
				words = append(words, a.Value.String())
			}
		}
		for _, e := range span.Events() {
			words = append(words, "+"+e.Name)
		}
		names = append(names, strings.Join(words, " "))
		if span.SpanContext().TraceID() != call.SpanContext().TraceID() {
			t.Errorf("%s is in another trace", span.Name())
		}
	}
	want := []string{
		"SELECT", "SELECT", "INSERT failed 23505", "QUERY failed",
		"BATCH 1 +DELETE", "COPY public.u", "CONNECT failed users", "call",
	}
	if !slices.Equal(names, want) {
		t.Errorf("spans = %q, want %q", names, want)
	}
}
