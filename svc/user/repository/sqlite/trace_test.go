package sqlite_test

import (
	"path/filepath"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/gctl-dev/gctl/svc/user/repository"
	"github.com/gctl-dev/gctl/svc/user/repository/repositorytest"
	"github.com/gctl-dev/gctl/svc/user/repository/sqlite"
)

func TestSpansHaveStatementsAndNoValues(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	s, err := sqlite.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "users.db"), sqlite.Options{TracerProvider: provider})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	repositorytest.ExpectSpans(t, s, provider, spans, "sqlite")
	if _, err := s.Get(t.Context(), "u-1"); err != nil {
		t.Fatal(err)
	}
	if more := spans.GetSpans(); len(more) > 0 {
		t.Errorf("a call without a trace made %d spans", len(more))
	}
	var _ repository.Repository = s
}
