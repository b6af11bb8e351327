package traces

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/tui/screen"
)

// empty says why there is nothing, and what to do.
func (s *Screen) empty(look *screen.Look, lines []string) []string {
	t := look.Theme
	a := s.table.Arranged()
	switch {
	case s.got == nil || s.got.err != nil && s.jobs.Busy(searching):
		return screen.Message(look, lines, t.Dim, "Searching for traces"+s.of()+" "+t.Glyphs.More, "")
	case s.got.err != nil:
		return screen.Message(look, lines, t.Bad, t.Glyphs.Bad+" No traces: "+screen.Sentence(s.got.err), screen.HintOf(s.got.err))
	case len(s.got.list.Traces) > 0 && a != nil && len(a.Rows) > 0:
		what := fmt.Sprintf("0 of %d match %q.", len(a.Rows), s.spec.Filter.Text)
		if s.jobs.Busy(narrowing) {
			return screen.Message(look, lines, t.Warn, what, "Looking for older ones "+t.Glyphs.More)
		}
		switch {
		case s.besides == nil:
		case s.besides.err != nil:
			what += " Older ones could not be asked for: " + screen.Sentence(s.besides.err)
		case len(s.besides.list.Traces) == 0:
			what += " Nor does any other" + s.of() + " in " + screen.Span(look.Window) + "."
		}
		return screen.Message(look, lines, t.Warn, what, screen.Unfilter(look))
	case len(s.got.list.Traces) > 0: // not yet in order
		return lines
	}
	what := fmt.Sprintf("No traces%s in %s.", s.of(), screen.Span(look.Window))
	switch {
	case s.got.asked != nil:
		return screen.Message(look, lines, t.Warn, what+" Which services Jaeger knows it did not say: "+screen.Sentence(s.got.asked), screen.HintOf(s.got.asked))
	case len(s.got.known) == 0:
		return screen.Message(look, lines, t.Warn, what+" Jaeger has no traces at all.", "Do the services send any? OTEL_EXPORTER_OTLP_ENDPOINT; gctl traces listen receives them too")
	case s.service == "" || slices.Contains(s.got.known, s.service):
		return screen.Message(look, lines, t.Warn, what+" Jaeger knows: "+some(s.got.known)+".", "Look further back: 1 to 9, or :window 24h; or move the time cursor: , and .")
	default:
		return screen.Message(look, lines, t.Warn, what+" Jaeger knows: "+some(s.got.known)+".", "Where it has another name there: map with map."+s.service+".jaeger in the context")
	}
}

func (s *Screen) of() string {
	if s.service == "" {
		return ""
	}
	return " of " + s.service
}

// some names as many as one can read.
func some(names []string) string {
	const few = 12
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:few], ", ") + fmt.Sprintf(" and %d more", len(names)-few)
}
