package spans_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
	"github.com/gctl-dev/gctl/internal/testkit"
)

const (
	traceID = "7555962f09b2657ad22b12783a3e1608"
	spanID  = "00768b256cd7ebf5"
)

func sample() fleet.Trace {
	start := time.Unix(1795574082, 195549310).UTC()
	resource := map[string]string{"service.name": "user", "service.instance.id": "user-1"}
	return fleet.Trace{ID: traceID, Spans: []fleet.Span{
		{
			ID: spanID, Parent: "e52cc614ddcc8f17", Service: "user", Name: "GetUser", Kind: fleet.SpanServer, Start: start, Duration: 1496917, Resource: resource,
			Attributes: map[string]string{"a": "1", "b": ""}, Error: true, Message: "no such user",
			Events: []fleet.SpanEvent{{At: start.Add(5), Name: "retry", Attributes: map[string]string{"n": "2"}}, {At: start, Name: "end"}},
		},
		{ID: "1d7d9140c4998e72", Service: "user", Name: "SELECT", Kind: fleet.SpanClient, Start: start, Resource: resource},
		{ID: "1d7d9140c4998e73", Service: "user", Name: "p", Kind: fleet.SpanProducer, Start: start, Resource: resource},
		{ID: "1d7d9140c4998e74", Service: "user", Name: "c", Kind: fleet.SpanConsumer, Start: start, Resource: resource},
		{ID: "1d7d9140c4998e75", Service: spans.UnknownService, Name: "i", Kind: fleet.SpanInternal, Start: start, Resource: map[string]string{"x": "y"}},
	}}
}

// group is the one trace of what was read.
func group(t *testing.T, list []spans.Span, left int, err error) fleet.Trace {
	t.Helper()
	traces := spans.Group(list, 0)
	if err != nil || left != 0 || len(traces) != 1 {
		t.Fatalf("%d traces, %d spans left out, %v", len(traces), left, err)
	}
	return traces[0]
}

// TestWhatTheGeneratedCodeWritesIsRead sends a trace by OTLP's own types.
func TestWhatTheGeneratedCodeWritesIsRead(t *testing.T) {
	want := sample()
	request := testkit.OTLP(want)
	for i := range want.Spans {
		if want.Spans[i].Service == spans.UnknownService { // it is what the lack of a name becomes
			request.GetResourceSpans()[i].GetResource().Attributes = []*common.KeyValue{{Key: "x", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "y"}}}}
		}
	}
	raw, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	list, left, err := spans.FromProto(raw)
	if got := group(t, list, left, err); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// What a trace lacks is a warning of its first span, which Jaeger's readers show.
func TestWhatATraceLacksIsWrittenAsAWarning(t *testing.T) {
	want := sample()
	want.Truncated = 7
	before := len(want.Spans[0].Attributes)
	raw, err := spans.ToJSON([]fleet.Trace{want})
	const warning = `{"key":"@jaeger@warnings","value":{"arrayValue":{"values":[{"stringValue":"7 spans left out: the trace has too many"}]}}}`
	if err != nil || bytes.Count(raw, []byte(warning)) != 1 || len(want.Spans[0].Attributes) != before {
		t.Fatalf("%s, %v", raw, err)
	}
	list, left, err := spans.FromJSON(raw)
	if err != nil || left != 0 {
		t.Fatal(left, err)
	}
	if got := spans.Group(list, 0); len(got) != 1 || got[0].Truncated != 7 || !reflect.DeepEqual(got[0].Spans, want.Spans) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// What others warn of is left to be shown, whatever it looks like.
func TestWarningsOfOthersStay(t *testing.T) {
	for _, text := range []string{
		"[clock skew]", "[-1 spans left out: the trace has too many]", "[7 spans left out: the trace has too many,clock skew]",
		"[99999999999 spans left out: the trace has too many]", "7 spans left out: the trace has too many", "",
	} {
		got := spans.Group([]spans.Span{{Trace: traceID, Span: fleet.Span{Attributes: map[string]string{"@jaeger@warnings": text}}}}, 0)
		if kept, ok := got[0].Spans[0].Attributes["@jaeger@warnings"]; got[0].Truncated != 0 || !ok || kept != text {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	want := sample()
	raw, err := spans.ToJSON([]fleet.Trace{want})
	if err != nil {
		t.Fatal(err)
	}
	list, left, err := spans.FromJSON(raw)
	if got := group(t, list, left, err); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestValuesOfEachKindBecomeTheSameText compares protobuf and JSON.
func TestValuesOfEachKindBecomeTheSameText(t *testing.T) {
	text := func(s string) *common.AnyValue {
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
	}
	for name, c := range map[string]struct {
		value *common.AnyValue
		json  string
		want  string
	}{
		"string": {text("x y"), `{"stringValue":"x y"}`, "x y"},
		"bool":   {&common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: true}}, `{"boolValue":true}`, "true"},
		"int":    {&common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: -3}}, `{"intValue":"-3"}`, "-3"},
		"double": {&common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: 1.5}}, `{"doubleValue":1.5}`, "1.5"},
		"bytes":  {&common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte("hi")}}, `{"bytesValue":"aGk="}`, "aGk="},
		"none":   {&common.AnyValue{}, `{}`, ""},
		"list": {
			&common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{text("a"), {Value: &common.AnyValue_IntValue{IntValue: 2}}}}}},
			`{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"2"}]}}`, "[a,2]",
		},
		"map": {
			&common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: []*common.KeyValue{{Key: "k", Value: text("v")}}}}},
			`{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}`, "{k:v}",
		},
		"terminal orders": {text("a\x1b[2Jb\u202e\r"), `{"stringValue":"a\u001b[2Jb\u202e\r"}`, "a[2Jb"},
	} {
		t.Run(name, func(t *testing.T) {
			request := testkit.OTLP(fleet.Trace{ID: traceID, Spans: []fleet.Span{{ID: spanID}}})
			request.ResourceSpans[0].ScopeSpans[0].Spans[0].Attributes = []*common.KeyValue{{Key: "key", Value: c.value}}
			raw, err := proto.Marshal(request)
			if err != nil {
				t.Fatal(err)
			}
			list, _, err := spans.FromProto(raw)
			if err != nil || list[0].Attributes["key"] != c.want {
				t.Errorf("protobuf: %q, %v, want %q", list[0].Attributes, err, c.want)
			}
			list, _, err = spans.FromJSON([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"` + traceID + `","spanId":"` + spanID + `","attributes":[{"key":"key","value":` + c.json + `}]}]}]}]}`))
			if err != nil || list[0].Attributes["key"] != c.want {
				t.Errorf("JSON: %q, %v, want %q", list[0].Attributes, err, c.want)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	for in, want := range map[string]string{
		traceID: traceID, strings.ToUpper(traceID): traceID, "dVWWLwmyZXrSKxJ4Oj4WCA==": traceID,
		"ff": strings.Repeat("0", 30) + "ff", "": "", "xyz": "", strings.Repeat("0", 32): "", traceID + "0": "", "AHaLJWzX6/U=": "",
	} {
		if got := spans.TraceID(in); got != want {
			t.Errorf("TraceID(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"AHaLJWzX6/U=": spanID, "1": "0000000000000001", "g": ""} {
		if got := spans.SpanID(in); got != want {
			t.Errorf("SpanID(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTextIsBounded(t *testing.T) {
	got := spans.Text(strings.Repeat("ü", 400), 101)
	if !utf8.ValidString(got) || len(got) > 101+len("…") || !strings.HasSuffix(got, "ü…") {
		t.Errorf("%q", got)
	}
	if got := spans.Text("a\xffb", 10); got != "a\ufffdb" {
		t.Errorf("%q", got)
	}
}

func TestATraceKeepsSoManySpans(t *testing.T) {
	list := make([]spans.Span, 5)
	for i := range list {
		list[i].Trace = traceID
	}
	if got := spans.Group(list, 3); len(got) != 1 || len(got[0].Spans) != 3 || got[0].Truncated != 2 {
		t.Errorf("%+v", got)
	}
}

func TestTooManyAttributesAndEventsAreLeftOut(t *testing.T) {
	s := fleet.Span{ID: spanID, Service: "x", Attributes: map[string]string{}}
	for i := range 1000 {
		s.Attributes[strings.Repeat("k", i+1)] = "v"
		s.Events = append(s.Events, fleet.SpanEvent{Name: "e"})
	}
	raw, err := proto.Marshal(testkit.OTLP(fleet.Trace{ID: traceID, Spans: []fleet.Span{s}}))
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() ([]spans.Span, int, error){
		"protobuf": func() ([]spans.Span, int, error) { return spans.FromProto(raw) },
		"JSON": func() ([]spans.Span, int, error) {
			asJSON, err := spans.ToJSON([]fleet.Trace{{ID: traceID, Spans: []fleet.Span{s}}})
			if err != nil {
				t.Fatal(err)
			}
			return spans.FromJSON(asJSON)
		},
	} {
		list, _, err := read()
		if err != nil || len(list) != 1 || len(list[0].Attributes) != spans.MaxAttributes || len(list[0].Events) != spans.MaxEvents {
			t.Errorf("%s: %d attributes, %d events, %v", name, len(list[0].Attributes), len(list[0].Events), err)
		}
	}
}

// FuzzProto reads whatever a sender sends.
func FuzzProto(f *testing.F) {
	raw, err := proto.Marshal(testkit.OTLP(sample()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Add([]byte{0x0a, 0x02, 0x12, 0x00})
	f.Fuzz(func(t *testing.T, message []byte) {
		list, left, err := spans.FromProto(message)
		if left < 0 {
			t.Error(left)
		}
		for i := range list {
			if s := &list[i]; len(s.Trace) != 32 || len(s.ID) != 16 || s.Duration < 0 || !utf8.ValidString(s.Name) {
				t.Errorf("%+v, %v", s, err)
			}
		}
		if _, err := spans.ToJSON(spans.Group(list, 0)); err != nil {
			t.Error(err)
		}
	})
}
