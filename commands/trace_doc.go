package commands

import (
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/ops/waterfall"
)

// spanTable prints the spans for programs; people get a drawing.
var spanTable = output.Rows[waterfall.SpanDoc]{Key: func(r waterfall.SpanDoc) string { return r.SpanID }}
