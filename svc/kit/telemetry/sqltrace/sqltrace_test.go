package sqltrace_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // the database under test

	"github.com/gctl-dev/gctl/svc/kit/telemetry/sqltrace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOnlyStatementsOfSampledCallsAreSpans(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	db, err := sqltrace.Open("sqlite", filepath.Join(t.TempDir(), "t.db"), "sqlite", provider)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	work := func(ctx context.Context) {
		t.Helper()
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS u\n(name TEXT)"); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(ctx, "insert into u values (?)", "secret"); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(ctx, "SELECT name FROM nowhere"); err == nil {
			t.Fatal("a table that is not there")
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	work(t.Context())
	if spans := recorder.Ended(); len(spans) != 0 {
		t.Errorf("%d spans without a call", len(spans))
	}
	ctx, call := provider.Tracer("test").Start(t.Context(), "call")
	work(ctx)
	call.End()
	var names []string
	for _, span := range recorder.Ended() {
		names = append(names, span.Name())
		if span.SpanContext().TraceID() != call.SpanContext().TraceID() {
			t.Errorf("%s is in another trace", span.Name())
		}
		if failed := span.Status().Code == codes.Error; failed != (span.Name() == "SELECT") {
			t.Errorf("%s: status %v", span.Name(), span.Status())
		}
		for _, a := range span.Attributes() {
			if fmt.Sprint(a.Value.AsString()) == "secret" {
				t.Errorf("%s tells a value in %s", span.Name(), a.Key)
			}
		}
	}
	if want := []string{"sql.conn.begin_tx", "CREATE", "INSERT", "SELECT", "sql.tx.commit", "call"}; !slices.Equal(names, want) {
		t.Errorf("spans = %q, want %q", names, want)
	}
}
