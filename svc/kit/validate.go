package kit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// ReasonInvalid is the reason in the ErrorInfo of a request that breaks rules
// of its schema.
const ReasonInvalid = "INVALID_REQUEST"

// Bounds on what an error says about a request.
const (
	maxViolations    = 20
	maxViolationText = 160 // bytes of one field's name, or of its description
)

// Validate checks a message by the rules in its schema. The error is an
// INVALID_ARGUMENT status with an ErrorInfo, whose domain is the message's
// package, and a BadRequest that lists the violated fields: no more than the
// first 20, each cut, because they travel in a header. A rule over a whole
// message says the field by its ID, "user.email.required" for "user.email".
func Validate(message proto.Message) error {
	err := protovalidate.Validate(message)
	if err == nil {
		return nil
	}
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		return status.Error(codes.Internal, "the rules of the schema cannot be evaluated")
	}
	bad := &errdetails.BadRequest{}
	var text []string
	for _, v := range broken.Violations[:min(maxViolations, len(broken.Violations))] {
		f := violation(v.Proto)
		bad.FieldViolations = append(bad.FieldViolations, f)
		text = append(text, strings.TrimPrefix(f.GetField()+": "+f.GetDescription(), ": "))
	}
	if more := len(broken.Violations) - maxViolations; more > 0 {
		text = append(text, fmt.Sprintf("and %d more", more))
	}
	domain := string(message.ProtoReflect().Descriptor().ParentFile().Package())
	return Status(codes.InvalidArgument, strings.Join(text, "; "),
		&errdetails.ErrorInfo{Reason: ReasonInvalid, Domain: domain}, bad)
}

// violation says what is wrong with one field. Its name may hold the key of a
// map, which can be as long as the caller wants.
func violation(v *validate.Violation) *errdetails.BadRequest_FieldViolation {
	f := &errdetails.BadRequest_FieldViolation{
		Field:       cut(protovalidate.FieldPathString(v.GetField())),
		Description: cut(v.GetMessage()),
		Reason:      v.GetRuleId(),
	}
	if f.GetField() == "" {
		f.Field = v.GetRuleId()[:max(0, strings.LastIndex(v.GetRuleId(), "."))]
	}
	return f
}

func cut(s string) string {
	if len(s) <= maxViolationText {
		return s
	}
	return strings.ToValidUTF8(s[:maxViolationText], "") + "…"
}

func validateUnary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if m, ok := request.(proto.Message); ok {
		if err := Validate(m); err != nil {
			return nil, err
		}
	}
	return handler(ctx, request)
}

func validateStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return handler(srv, validatingStream{stream})
}

// validatingStream checks each message that comes in.
type validatingStream struct{ grpc.ServerStream }

func (s validatingStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if m, ok := m.(proto.Message); ok {
		return Validate(m)
	}
	return nil
}
