// Package spans reads and writes spans as OTLP has them, in protobuf and in
// JSON: what the sources of traces share.
//
// The formats are those of opentelemetry-proto (trace/v1/trace.proto,
// common/v1/common.proto and collector/trace/v1), JSON as the OTLP specification
// maps it, and as Jaeger's api_v3 wraps it: one or more documents
// {"result":{"resourceSpans":[...]}}. The few fields are read by hand: the
// generated code would cost every start of gctl.
//
// What is read comes from strangers. Sizes are bounded, text is valid UTF-8
// without control characters, and a span that lacks something is a span all the
// same: only one without IDs cannot be placed and is left out.
package spans

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gctl-dev/gctl/fleet"
)

// The limits on what is kept of an answer or a request.
const (
	MaxSpans      = 100_000 // of all traces together
	MaxAttributes = 128     // of a span, a process or an event
	MaxEvents     = 128     // of a span
	MaxText       = 8 << 10 // bytes of a value
	MaxName       = 512     // bytes of a name or a key
	maxNesting    = 8       // of lists and maps in a value
)

// Span is a span and the trace that it belongs to.
type Span struct {
	Trace string // hex, lower case
	fleet.Span
}

// UnknownService is the service of spans whose process does not say its own.
const UnknownService = "unknown_service"

// Text makes text from outside fit to be shown: valid UTF-8 without control
// characters but newline and tab, no longer than most bytes.
func Text(s string, most int) string {
	s = strings.ToValidUTF8(s[:min(len(s), most+utf8.UTFMax)], string(utf8.RuneError))
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	if !strings.ContainsFunc(s, order) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if order(r) {
			return -1
		}
		return r
	}, s)
}

// order tells whether a terminal could take r for an order.
func order(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}

// Kind returns the kind with a number of OTLP's SpanKind, or with its name.
func Kind(text string) fleet.SpanKind {
	switch strings.ToLower(strings.TrimPrefix(text, "SPAN_KIND_")) {
	case "2", "server":
		return fleet.SpanServer
	case "3", "client":
		return fleet.SpanClient
	case "4", "producer":
		return fleet.SpanProducer
	case "5", "consumer":
		return fleet.SpanConsumer
	default:
		return fleet.SpanInternal
	}
}

func kindNumber(k fleet.SpanKind) int {
	switch k {
	case fleet.SpanServer:
		return 2
	case fleet.SpanClient:
		return 3
	case fleet.SpanProducer:
		return 4
	case fleet.SpanConsumer:
		return 5
	default:
		return 1
	}
}

// maxNanos is the last time in nanoseconds that time.Time can tell apart from
// overflow: the year 2262.
const maxNanos = 1<<63 - 1

func nanos(n uint64) time.Time { return time.Unix(0, int64(min(n, maxNanos))).UTC() }

// between is the time from a start to an end, both in nanoseconds since 1970. A
// span that ends before it starts has taken no time.
func between(start, end uint64) time.Duration {
	if end <= start {
		return 0
	}
	return time.Duration(min(end, maxNanos) - min(start, maxNanos))
}

// put keeps an attribute unless there are too many.
func put(m *map[string]string, key, value string) {
	if *m == nil {
		*m = map[string]string{}
	}
	if len(*m) < MaxAttributes {
		(*m)[Text(key, MaxName)] = Text(value, MaxText)
	}
}

// number writes a double as JSON does.
func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// Group sorts spans into traces, in the order in which their first ones come. A
// trace keeps most spans and counts the others, and those that its source left out;
// 0 keeps all.
func Group(list []Span, most int) []fleet.Trace {
	var traces []fleet.Trace
	at := map[string]int{}
	for i := range list {
		n, known := at[list[i].Trace]
		if !known {
			n = len(traces)
			at[list[i].Trace] = n
			traces = append(traces, fleet.Trace{ID: list[i].Trace})
		}
		t := &traces[n]
		t.Truncated += takeWarning(&list[i].Span)
		if most > 0 && len(t.Spans) >= most {
			t.Truncated++
		} else {
			t.Spans = append(t.Spans, list[i].Span)
		}
	}
	return traces
}
