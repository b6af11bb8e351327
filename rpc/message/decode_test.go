package message_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	controlpb "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc/message"
)

var simple = (&testpb.SimpleRequest{}).ProtoReflect().Descriptor()

func decoder(input string, format message.Format) *message.Decoder {
	return message.NewDecoder(strings.NewReader(input), format, simple, protoregistry.GlobalTypes)
}

func size(m proto.Message) int64 {
	r := m.ProtoReflect()
	return r.Get(r.Descriptor().Fields().ByName("response_size")).Int()
}

func TestConcatenatedMessages(t *testing.T) {
	for format, input := range map[message.Format]string{
		message.JSON: "{\"responseSize\":1}{\"response_size\":2}\n\n {\n}\n{\"responseSize\":4}",
		message.Text: "response_size: 1\x1eresponse_size: 2\x1e\x1e\nresponse_size: 4\n",
	} {
		d := decoder(input, format)
		for _, want := range []int64{1, 2, 0, 4} {
			m, err := d.Next()
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			if got := size(m); got != want {
				t.Errorf("%s: size %d, want %d", format, got, want)
			}
		}
		if _, err := d.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v, want the end", format, err)
		}
	}
}

func TestMessagesAreDeliveredAsTheyCome(t *testing.T) {
	r, w := io.Pipe()
	d := message.NewDecoder(r, message.JSON, simple, protoregistry.GlobalTypes)
	go w.Write([]byte(`{"responseSize": 7}`)) // and no end
	m, err := d.Next()
	if err != nil || size(m) != 7 {
		t.Errorf("message %v, error %v", m, err)
	}
	w.Close()
}

func TestWhatIsWrongIsSaidWithPlaceAndNearestName(t *testing.T) {
	for name, c := range map[string]struct {
		format       message.Format
		input        string
		line, column int
		what, hint   string
		unknown      bool
	}{
		"syntax":                {message.JSON, "{\n  \"a\": }", 2, 8, "malformed JSON", "", false},
		"second value":          {message.JSON, "{}\n{}\n{]", 3, 2, "malformed JSON", "", false},
		"cut off":               {message.JSON, "{\n\"a\": 1", 2, 7, "ends in the middle", "", false},
		"unknown field":         {message.JSON, "{}\n {\"responsSize\": 1}", 2, 3, `unknown field "responsSize" in grpc.testing.SimpleRequest`, "did you mean responseSize", true},
		"nested":                {message.JSON, `{"payload": {"bodi": ""}}`, 1, 14, `unknown field "bodi" in grpc.testing.Payload`, "did you mean body", true},
		"nothing near":          {message.JSON, `{"payload": {"zzzzzzzz": ""}}`, 1, 14, "unknown field", "it has body, type", true},
		"enum":                  {message.JSON, `{"responseType": "COMPRESABLE"}`, 1, 18, `unknown value "COMPRESABLE" of grpc.testing.PayloadType`, "did you mean COMPRESSABLE", true},
		"wrong type":            {message.JSON, "{}\n{\n \"responseSize\": \"x\"}", 3, 18, "invalid value", "", false},
		"not an object":         {message.JSON, `[]`, 1, 1, "unexpected token", "", false},
		"text: unknown field":   {message.Text, "respons_size: 1", 1, 1, "unknown field: respons_size", "did you mean response_size", true},
		"text: in the second":   {message.Text, "\x1e\nresponse_size: x", 2, 16, "invalid value", "", false},
		"text: enum":            {message.Text, "response_type: COMPRESABLE", 1, 16, "COMPRESABLE", "did you mean COMPRESSABLE", true},
		"text: unknown, nested": {message.Text, "payload {\n bodi: \"\" }", 2, 2, "unknown field: bodi", "did you mean body", true},
	} {
		t.Run(name, func(t *testing.T) {
			d := decoder(c.input, c.format)
			var err error
			for err == nil {
				_, err = d.Next()
			}
			var bad *message.InputError
			if !errors.As(err, &bad) {
				t.Fatalf("error %v (%T)", err, err)
			}
			var fe *fleet.Error
			if !errors.As(err, &fe) || fe.Kind != fleet.Usage {
				t.Fatalf("%v must be a usage error", err)
			}
			if bad.Line != c.line || bad.Column != c.column {
				t.Errorf("at %d:%d, want %d:%d: %v", bad.Line, bad.Column, c.line, c.column, err)
			}
			if !strings.Contains(err.Error(), c.what) || !strings.HasPrefix(fe.Hint, c.hint) || bad.Unknown != c.unknown {
				t.Errorf("%v, hint %q, unknown %v", err, fe.Hint, bad.Unknown)
			}
		})
	}
}

func TestDurationsAndTimesSayHowTheyAreWritten(t *testing.T) {
	change := (&controlpb.Mutation{}).ProtoReflect().Descriptor()
	when := (&controlpb.Change{}).ProtoReflect().Descriptor()
	for input, hint := range map[string]string{
		`{"ttl": "300ms"}`:        `"0.3s"`,
		`{"ttl": "5m"}`:           `"300s"`,
		`{"ttl": 5}`:              `"5s"`,
		`{"ttl": "soon"}`:         `such as "0.3s"`,
		`{"setTime": "tomorrow"}`: "RFC 3339",
		`{"setTime": 1700000000}`: "RFC 3339",
	} {
		md := change
		if strings.Contains(input, "setTime") {
			md = when
		}
		d := message.NewDecoder(strings.NewReader(input), message.JSON, md, protoregistry.GlobalTypes)
		_, err := d.Next()
		var fe *fleet.Error
		if !errors.As(err, &fe) || !strings.Contains(fe.Hint, hint) {
			t.Errorf("%s: %v, hint %q, want %s", input, err, fe.Hint, hint)
		}
	}
	for _, input := range []string{`{"ttl": "-0.5s"}`, `{"ttl": "3s"}`, `{"ttl": null}`} {
		d := message.NewDecoder(strings.NewReader(input), message.JSON, change, protoregistry.GlobalTypes)
		d.AllowUnknown = true // everything is checked
		if _, err := d.Next(); err != nil {
			t.Errorf("%s: %v", input, err)
		}
	}
}

func TestUnknownFieldsMayBeAllowedUnknownEnumValuesNot(t *testing.T) {
	d := decoder(`{"nope": {"a": [1]}, "responseSize": 3} {"responseType": "NOPE"}`, message.JSON)
	d.AllowUnknown = true
	m, err := d.Next()
	if err != nil || size(m) != 3 {
		t.Errorf("message %v, error %v", m, err)
	}
	if _, err := d.Next(); fleet.KindOf(err) != fleet.Usage || err == nil {
		t.Errorf("error %v, want one about the enum", err)
	}
}

func TestAStaleSchemaIsRefreshedOnce(t *testing.T) {
	asked := 0
	d := message.NewDecoder(strings.NewReader(`{"responseSize": 1} {"nope": 1}`), message.JSON,
		(&testpb.Empty{}).ProtoReflect().Descriptor(), protoregistry.GlobalTypes)
	d.Refresh = func() (protoreflect.MessageDescriptor, message.Types, error) {
		asked++
		return simple, protoregistry.GlobalTypes, nil
	}
	m, err := d.Next()
	if err != nil || size(m) != 1 {
		t.Fatalf("message %v, error %v", m, err)
	}
	if _, err := d.Next(); fleet.KindOf(err) != fleet.Usage || asked != 1 {
		t.Errorf("error %v after %d refreshes", err, asked)
	}
}

func TestAnyIsCheckedByTheTypeItNames(t *testing.T) {
	md, err := protoregistry.GlobalFiles.FindDescriptorByName("google.rpc.Status")
	if err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string]string{
		`{"details":[{"@type":"type.googleapis.com/grpc.testing.Payload","bodi":""}]}`:                             "did you mean body",
		`{"details":[{"@type":"type.googleapis.com/no.Such"}]}`:                                                    "the schema of the service does not have it",
		`{"details":[{"@type":"a/google.protobuf.Any","value":{"@type":"a/grpc.testing.Payload","bodi":""}}]}`:     "did you mean body",
		`{"details":[{"@type":"a/google.protobuf.Any"},{"@type":"a/google.protobuf.Any","value":{}}],"mesage":""}`: "did you mean message",
		`{"details":[{"@type":"a/google.protobuf.Duration","value":"300ms"}]}`:                                     `write seconds with an "s": "0.3s"`,
	} {
		d := message.NewDecoder(strings.NewReader(input), message.JSON, md.(protoreflect.MessageDescriptor), protoregistry.GlobalTypes)
		_, err = d.Next()
		var fe *fleet.Error
		if !errors.As(err, &fe) || !strings.HasPrefix(fe.Hint, want) {
			t.Errorf("%s: error %v", input, err)
		}
	}
}

func TestRequiredFieldsMayBeMissingWhereThatIsAllowed(t *testing.T) {
	part := (&descriptorpb.UninterpretedOption_NamePart{}).ProtoReflect().Descriptor()
	for _, format := range []message.Format{message.JSON, message.Text} {
		for _, allow := range []bool{false, true} {
			input := map[message.Format]string{message.JSON: `{"namePart":"a"}`, message.Text: `name_part:"a"`}[format]
			d := message.NewDecoder(strings.NewReader(input), format, part, protoregistry.GlobalTypes)
			d.AllowPartial = allow
			if _, err := d.Next(); (err == nil) != allow {
				t.Errorf("%s, allowed: %v: %v", format, allow, err)
			}
			e := message.Encoder{Format: format, AllowPartial: allow}
			if _, err := e.Encode(&descriptorpb.UninterpretedOption_NamePart{NamePart: new("a")}); (err == nil) != allow {
				t.Errorf("%s, allowed: %v: %v", format, allow, err)
			}
		}
	}
}

func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{`{"responseSize":1}{`, `{"payload":{"body":"aGk=","x":[{}]}}`, "{\n]", `{"responseType":"X"}`, "a: 1\x1eb", `{"[a.b]":null}`} {
		f.Add(seed, true, false)
		f.Add(seed, false, true)
	}
	f.Fuzz(func(t *testing.T, input string, isJSON, allow bool) {
		format := message.Text
		if isJSON {
			format = message.JSON
		}
		d := decoder(input, format)
		d.AllowUnknown = allow
		for range len(input) + 2 {
			_, err := d.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			var bad *message.InputError
			if err != nil {
				if !errors.As(err, &bad) {
					t.Fatalf("error %v (%T)", err, err)
				}
				if bad.Line < 1 || bad.Column < 1 || bad.Line > 1+strings.Count(input, "\n") {
					t.Fatalf("no such place: %v in %q", err, input)
				}
				if utf8.ValidString(input) && !utf8.ValidString(err.Error()) {
					t.Fatalf("garbled: %q", err)
				}
				return
			}
		}
		t.Fatal("more messages than input")
	})
}
