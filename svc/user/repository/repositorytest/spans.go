package repositorytest

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/gctl-dev/gctl/svc/user/repository"
)

// ExpectSpans creates the user u-1 and finds the spans of the store's
// statements, which have its kind and none of the user's values, below that of
// the call. It leaves spans empty.
func ExpectSpans(t *testing.T, r repository.Repository, provider trace.TracerProvider, spans *tracetest.InMemoryExporter, kind string) {
	t.Helper()
	call, span := provider.Tracer("test").Start(ctx(t), "call")
	secret := person("u-1")
	secret.DisplayName, secret.Labels = "s3cret", map[string]string{"s3cret": "s3cret"}
	if _, err := r.Create(call, secret, repository.Request{ID: "s3cret", Hash: []byte("s3cret")}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.List(call, repository.Query{Limit: 1, Where: []repository.Condition{
		{Field: repository.FieldDisplayName, Operator: repository.Equal, Text: "s3cret"},
	}}); err != nil {
		t.Fatal(err)
	}
	other := secret
	other.ID = "u-2"
	if _, err := r.Create(call, other, repository.Request{}); err == nil {
		t.Error("an e-mail was taken twice")
	}
	span.End()
	statements := 0
	for _, s := range spans.GetSpans() {
		if s.SpanContext.TraceID() != span.SpanContext().TraceID() {
			t.Errorf("span %s is of another trace", s.Name)
		}
		if s.Name == "call" {
			continue
		}
		if !s.Parent.IsValid() {
			t.Errorf("span %s has no parent", s.Name)
		}
		system := false
		for _, a := range s.Attributes {
			system = system || a.Key == "db.system.name" && a.Value.AsString() == kind
		}
		if strings.Contains(dump(s), "SELECT") { // of one statement, or of a batch of them
			statements++
		}
		if !system {
			t.Errorf("span %s does not say that it is of %s: %v", s.Name, kind, s.Attributes)
		}
		if text := strings.ToLower(s.Name + dump(s)); strings.Contains(text, "s3cret") || strings.Contains(text, "example.com") {
			t.Errorf("span %s has values: %s", s.Name, text)
		}
	}
	if statements < 2 {
		t.Errorf("%d spans have a statement: %v", statements, spans.GetSpans())
	}
	spans.Reset()
}

func dump(s tracetest.SpanStub) string {
	var b strings.Builder
	for _, a := range s.Attributes {
		b.WriteString(" " + a.Value.String())
	}
	for _, e := range s.Events {
		b.WriteString(" " + e.Name)
		for _, a := range e.Attributes {
			b.WriteString(" " + a.Value.String())
		}
	}
	return b.String() + s.Status.Description
}
