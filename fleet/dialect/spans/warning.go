package spans

import (
	"fmt"

	"github.com/gctl-dev/gctl/fleet"
)

// warnings is the attribute of a span in which Jaeger keeps what is to be said about
// it, a list of sentences (its package jptrace). OTLP has no place for what a trace as
// a whole lacks.
const warnings = "@jaeger@warnings"

// leftOut is the sentence that says how many spans of a trace are not there.
const leftOut = "%d spans left out: the trace has too many"

// mostLeftOut bounds what a sentence of a stranger can claim.
const mostLeftOut = 1_000_000_000

// warning is the attribute that says so.
func warning(left int) outAttribute {
	return outAttribute{warnings, outList{outValues{[]outValue{{fmt.Sprintf(leftOut, left)}}}}}
}

// takeWarning takes the sentence out of a span, and returns how many it names.
func takeWarning(s *fleet.Span) int {
	text, n := s.Attributes[warnings], 0
	if text == "" {
		return 0
	}
	if _, err := fmt.Sscanf(text, "["+leftOut+"]", &n); err != nil || n <= 0 || n > mostLeftOut || text != "["+fmt.Sprintf(leftOut, n)+"]" {
		return 0 // Jaeger's own stay where they are
	}
	delete(s.Attributes, warnings)
	return n
}
