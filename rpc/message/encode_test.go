package message_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/gctl-dev/gctl/rpc/message"
)

func encode(t *testing.T, e message.Encoder, m proto.Message) string {
	t.Helper()
	out, err := e.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestEncodings(t *testing.T) {
	m := &testpb.SimpleResponse{Username: "ann", Payload: &testpb.Payload{Body: []byte("hi")}}
	for _, c := range []struct {
		e    message.Encoder
		want string
	}{
		{message.Encoder{}, "{\n  \"payload\": {\n    \"body\": \"aGk=\"\n  },\n  \"username\": \"ann\"\n}"},
		{message.Encoder{Compact: true}, `{"payload":{"body":"aGk="},"username":"ann"}`},
		{message.Encoder{Format: message.Text}, "payload: {\n  body: \"hi\"\n}\nusername: \"ann\""},
	} {
		if got := encode(t, c.e, m); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
	got := encode(t, message.Encoder{Compact: true, EmitDefaults: true}, &testpb.Payload{})
	if want := `{"type":"COMPRESSABLE","body":""}`; got != want {
		t.Errorf("defaults: %s, want %s", got, want)
	}
}

func detail(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnAnyThatNobodyKnowsIsShownAsItsBytes(t *testing.T) {
	m := &spb.Status{Code: 1, Details: []*anypb.Any{
		{TypeUrl: "x/no.Such", Value: []byte{0xff, 0xff}},
		detail(t, &testpb.Payload{Body: []byte("hi")}),
	}}
	want := `{"code":1,"details":[{"@type":"x/no.Such","value":"//8="},{"@type":"type.googleapis.com/grpc.testing.Payload","body":"aGk="}]}`
	if got := encode(t, message.Encoder{Compact: true}, m); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDetailsAreReadable(t *testing.T) {
	details := []*anypb.Any{
		detail(t, &errdetails.ErrorInfo{Reason: "USER_NOT_FOUND", Domain: "user.v1", Metadata: map[string]string{"id": "u-9", "a": "b"}}),
		detail(t, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "email", Description: "must be an address"}}}),
		detail(t, &errdetails.RetryInfo{RetryDelay: durationpb.New(2 * time.Second)}),
		detail(t, &errdetails.LocalizedMessage{Locale: "de", Message: "Kein solcher Nutzer"}),
		detail(t, &errdetails.Help{Links: []*errdetails.Help_Link{{Url: "https://example.org", Description: "docs"}}}),
		detail(t, &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: "project", Description: "too many"}}}),
		detail(t, &errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: "TOS", Subject: "ann", Description: "not accepted"}}}),
		detail(t, &errdetails.DebugInfo{Detail: "boom", StackEntries: []string{"main.go:1"}}),
		detail(t, &testpb.Payload{Body: []byte("hi")}),
		{TypeUrl: "x/no.Such", Value: []byte{1}},
		{TypeUrl: "type.googleapis.com/google.rpc.ErrorInfo", Value: []byte{0xff}},
	}
	want := []string{
		"reason USER_NOT_FOUND (user.v1): a=b, id=u-9",
		"email: must be an address",
		"retry in 2s",
		"Kein solcher Nutzer (de)",
		"see https://example.org (docs)",
		"quota of project: too many",
		"precondition TOS of ann: not accepted",
		"debug: boom",
		"  main.go:1",
		`{"@type":"type.googleapis.com/grpc.testing.Payload","body":"aGk="}`,
		`{"@type":"x/no.Such","value":"AQ=="}`,
		"type.googleapis.com/google.rpc.ErrorInfo: 1 bytes that are no such message",
	}
	if got := message.DetailLines(details, nil); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := message.DetailJSON(details, nil); len(got) != len(details) {
		t.Errorf("%d details as JSON, want %d: %q", len(got), len(details), got)
	}
}

func TestBytesOfAnUnknownTypeGoBothWaysUnchanged(t *testing.T) {
	for _, raw := range [][]byte{nil, {1, 2, 3}, []byte("\x0a\x01a")} {
		m := message.OpaqueType().New().Interface()
		if err := proto.Unmarshal(raw, m); err != nil {
			t.Fatal(err)
		}
		back, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil || !bytes.Equal(back, raw) {
			t.Errorf("%x came back as %x, %v", raw, back, err)
		}
	}
}
