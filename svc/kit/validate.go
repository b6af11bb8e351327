package kit

import (
	"context"
	"errors"
	"strings"

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

// Validate checks a message by the rules in its schema. The error is an
// INVALID_ARGUMENT status with an ErrorInfo, whose domain is the message's
// package, and a BadRequest that lists every violated field. A rule over a
// whole message says the field by its ID, "user.email.required" for
// "user.email".
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
	text := make([]string, 0, len(broken.Violations))
	for _, v := range broken.Violations {
		f := &errdetails.BadRequest_FieldViolation{
			Field:       protovalidate.FieldPathString(v.Proto.GetField()),
			Description: v.Proto.GetMessage(),
			Reason:      v.Proto.GetRuleId(),
		}
		if f.GetField() == "" {
			f.Field = v.Proto.GetRuleId()[:max(0, strings.LastIndex(v.Proto.GetRuleId(), "."))]
		}
		bad.FieldViolations = append(bad.FieldViolations, f)
		text = append(text, strings.TrimPrefix(f.GetField()+": "+f.GetDescription(), ": "))
	}
	domain := string(message.ProtoReflect().Descriptor().ParentFile().Package())
	return Status(codes.InvalidArgument, strings.Join(text, "; "),
		&errdetails.ErrorInfo{Reason: ReasonInvalid, Domain: domain}, bad)
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
