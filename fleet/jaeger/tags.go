package jaeger

import (
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
)

// fromTags takes out of the attributes what OTLP has fields for, and Jaeger tags.
func fromTags(s *fleet.Span) {
	a := s.Attributes
	s.Kind = spans.Kind(a["span.kind"])
	s.Error = a["error"] == "true" || a["otel.status_code"] == "ERROR"
	s.Message = a["otel.status_description"]
	for _, key := range []string{"span.kind", "error", "otel.status_code", "otel.status_description"} {
		delete(a, key)
	}
}
