package edge

import (
	"strings"

	"connectrpc.com/vanguard"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/svc/kit"
)

// ReasonJSON is the reason in the ErrorInfo of a request whose JSON is none, or
// does not fit the schema.
const ReasonJSON = "INVALID_JSON"

// jsonCodec is proto3's JSON as its specification has it: fields with default
// values are left out, and a field that the schema does not have is an error: a
// name that is misspelt must not lose what it names.
type jsonCodec struct{ vanguard.JSONCodec }

func newJSONCodec(types vanguard.TypeResolver) vanguard.Codec {
	return jsonCodec{vanguard.JSONCodec{
		MarshalOptions:   protojson.MarshalOptions{Resolver: types},
		UnmarshalOptions: protojson.UnmarshalOptions{Resolver: types},
	}}
}

// Unmarshal implements vanguard.Codec. The error is INVALID_ARGUMENT with an
// ErrorInfo, whose domain is the message's package, and a BadRequest.
func (c jsonCodec) Unmarshal(data []byte, m proto.Message) error {
	err := c.JSONCodec.Unmarshal(data, m)
	if err == nil {
		return nil
	}
	// protojson mixes kinds of space into its texts, so that nobody relies on them.
	text := cut(strings.ReplaceAll(strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto: "), "\n", " "), maxJSONText)
	desc := m.ProtoReflect().Descriptor()
	return asConnect(kit.Status(codes.InvalidArgument, "the JSON is no "+string(desc.FullName())+": "+text,
		&errdetails.ErrorInfo{
			Reason: ReasonJSON, Domain: string(desc.ParentFile().Package()),
			Metadata: map[string]string{"message": string(desc.FullName())},
		},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Description: text, Reason: ReasonJSON}}},
	))
}

// maxJSONText bounds what an error repeats of a request, in bytes.
const maxJSONText = 300

// cut shortens a text of the caller's, and makes it UTF-8.
func cut(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "")
}
