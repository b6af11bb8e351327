package spans

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// RefusedError is what a server said instead of spans, in the words of
// grpc-gateway.
type RefusedError struct {
	Code    int // of HTTP
	Message string
}

// Error returns what the server said.
func (e *RefusedError) Error() string { return e.Message }

// document is one of the documents of an answer, or an OTLP request.
type document struct {
	Result        *document       `json:"result"`
	ResourceSpans json.RawMessage `json:"resourceSpans"`
	Error         *refusal        `json:"error"`
}

type refusal struct {
	Code    word `json:"httpCode"`
	Message word `json:"message"`
}

type resourceSpans struct {
	Resource struct {
		Attributes attributes `json:"attributes"`
	} `json:"resource"`
	ScopeSpans json.RawMessage `json:"scopeSpans"`
	Older      json.RawMessage `json:"instrumentationLibrarySpans"`
}

type scopeSpans struct {
	Spans json.RawMessage `json:"spans"`
}

type jsonSpan struct {
	Trace      word        `json:"traceId"`
	ID         word        `json:"spanId"`
	Parent     word        `json:"parentSpanId"`
	Name       word        `json:"name"`
	Kind       word        `json:"kind"`
	Start      count       `json:"startTimeUnixNano"`
	End        count       `json:"endTimeUnixNano"`
	Attributes attributes  `json:"attributes"`
	Events     []jsonEvent `json:"events"`
	Status     struct {
		Message word `json:"message"`
		Code    word `json:"code"`
	} `json:"status"`
}

type jsonEvent struct {
	At         count      `json:"timeUnixNano"`
	Name       word       `json:"name"`
	Attributes attributes `json:"attributes"`
}

// FromJSON reads an OTLP request as JSON, or the answer of Jaeger's api_v3: one
// document or several. Spans beyond what is allowed, and those without IDs, are
// counted as left out. What is no such document is an error, and a *RefusedError
// where it says why there are no spans.
func FromJSON(data []byte) (list []Span, left int, err error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	r := jsonReader{budget: MaxSpans}
	for n := 0; ; n++ {
		var d document
		err := decoder.Decode(&d)
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return r.list, r.left, nil
		case errors.Is(err, io.EOF):
			return nil, 0, errors.New("an empty answer")
		case err != nil && !d.partly(err):
			return nil, 0, fmt.Errorf("no OTLP JSON: %w", err)
		}
		if d.Result != nil {
			d = *d.Result
		}
		if d.Error != nil {
			e := &RefusedError{Code: int(countOf(d.Error.Code)), Message: Text(string(d.Error.Message), MaxText)}
			return nil, 0, e
		}
		for part := range Elements(d.ResourceSpans) {
			r.resource(part)
		}
	}
}

// partly tells whether the error is about a field of another type, which has been
// skipped, in a document that is one all the same.
func (d *document) partly(err error) bool {
	var field *json.UnmarshalTypeError
	return errors.As(err, &field) && (d.Result != nil || d.ResourceSpans != nil || d.Error != nil)
}

// jsonReader reads part by part, so that what is left out costs no memory and
// next to no time: of an answer of 64 MiB that would be gigabytes.
type jsonReader struct {
	list   []Span
	left   int
	budget int // of resources, scopes and spans that are looked at
}

// take reads a part, unless too many have been: then what is in it is left out.
func (r *jsonReader) take(part []byte, into any) bool {
	if r.budget--; r.budget < 0 {
		r.left++
		return false
	}
	var field *json.UnmarshalTypeError
	err := json.Unmarshal(part, into)
	return err == nil || errors.As(err, &field)
}

func (r *jsonReader) resource(part []byte) {
	var resource resourceSpans
	if !r.take(part, &resource) {
		return
	}
	first := len(r.list)
	for _, scopes := range []json.RawMessage{resource.ScopeSpans, resource.Older} {
		for part := range Elements(scopes) {
			var scope scopeSpans
			if !r.take(part, &scope) {
				continue
			}
			for part := range Elements(scope.Spans) {
				r.span(part)
			}
		}
	}
	setResource(r.list[first:], resource.Resource.Attributes)
}

func (r *jsonReader) span(part []byte) {
	var j jsonSpan
	if !r.take(part, &j) {
		return
	}
	if s, ok := j.span(); ok {
		r.list = append(r.list, s)
	} else {
		r.left++
	}
}

// Elements yields the elements of a JSON list, none for what is no list. The text
// must be JSON; it is not read but cut.
func Elements(list []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		list = bytes.TrimSpace(list)
		if len(list) < 2 || list[0] != '[' || len(bytes.TrimSpace(list[1:len(list)-1])) == 0 {
			return
		}
		list = list[1 : len(list)-1]
		depth, begin, quoted := 0, 0, false
		for i := 0; i < len(list); i++ {
			switch c := list[i]; {
			case quoted && c == '\\':
				i++
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '[' || c == '{':
				depth++
			case c == ']' || c == '}':
				depth--
			case c == ',' && depth == 0:
				if !yield(list[begin:i]) {
					return
				}
				begin = i + 1
			}
		}
		yield(list[begin:])
	}
}

func (j *jsonSpan) span() (Span, bool) {
	s := Span{Trace: TraceID(string(j.Trace)), Span: fleet.Span{
		ID: SpanID(string(j.ID)), Parent: SpanID(string(j.Parent)), Name: Text(string(j.Name), MaxName), Kind: Kind(string(j.Kind)),
		Start: nanos(uint64(j.Start)), Duration: between(uint64(j.Start), uint64(j.End)), Attributes: j.Attributes,
		Error: j.Status.Code == "2" || j.Status.Code == "STATUS_CODE_ERROR", Message: Text(string(j.Status.Message), MaxText),
	}}
	for _, e := range j.Events[:min(len(j.Events), MaxEvents)] {
		s.Events = append(s.Events, fleet.SpanEvent{At: nanos(uint64(e.At)), Name: Text(string(e.Name), MaxName), Attributes: e.Attributes})
	}
	return s, s.Trace != "" && s.ID != ""
}

// attributes are read from a list of keys and values.
type attributes map[string]string

// UnmarshalJSON reads what it can; a value of an unknown kind is its JSON.
func (a *attributes) UnmarshalJSON(raw []byte) error {
	var list []struct {
		Key   word    `json:"key"`
		Value anyJSON `json:"value"`
	}
	_ = json.Unmarshal(raw, &list) // what is no list has none
	for _, kv := range list {
		if kv.Key != "" {
			put((*map[string]string)(a), string(kv.Key), string(kv.Value))
		}
	}
	return nil
}

// anyJSON is an AnyValue as text.
type anyJSON string

// UnmarshalJSON reads {"stringValue":"x"} and its siblings.
func (v *anyJSON) UnmarshalJSON(raw []byte) error {
	var kinds map[string]json.RawMessage
	if json.Unmarshal(raw, &kinds) != nil {
		*v = anyJSON(raw)
	}
	for kind, value := range kinds {
		switch kind {
		case "arrayValue", "kvlistValue":
			*v = anyJSON(nested(value, kind, 1))
		default:
			*v = anyJSON(wordOf(value))
		}
	}
	return nil
}

// nested reads a list or a map in a value as FromProto does.
func nested(raw json.RawMessage, kind string, depth int) string {
	var list struct {
		Values []json.RawMessage `json:"values"`
	}
	if depth > maxNesting || json.Unmarshal(raw, &list) != nil {
		return "…"
	}
	parts := make([]string, 0, len(list.Values))
	for _, value := range list.Values[:min(len(list.Values), MaxAttributes)] {
		var kv struct {
			Key   word            `json:"key"`
			Value json.RawMessage `json:"value"`
		}
		prefix := ""
		if kind == "kvlistValue" && json.Unmarshal(value, &kv) == nil {
			prefix, value = string(kv.Key)+":", kv.Value
		}
		parts = append(parts, prefix+element(value, depth))
	}
	if kind == "kvlistValue" {
		return "{" + strings.Join(parts, ",") + "}"
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func element(raw json.RawMessage, depth int) string {
	var kinds map[string]json.RawMessage
	if json.Unmarshal(raw, &kinds) != nil {
		return wordOf(raw)
	}
	for kind, value := range kinds {
		if kind == "arrayValue" || kind == "kvlistValue" {
			return nested(value, kind, depth+1)
		}
		return wordOf(value)
	}
	return ""
}
