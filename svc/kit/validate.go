package kit

import (
	"context"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/svc/kit/internal/rules"
)

// ReasonInvalid is the reason in the ErrorInfo of a request that breaks rules
// of its schema.
const ReasonInvalid = "INVALID_REQUEST"

// Validate checks a message by the rules in its schema. The error is an
// INVALID_ARGUMENT status with an ErrorInfo, whose domain is the message's
// package, and a BadRequest that lists the violated fields: no more than the
// first 20, each cut, because they travel in a header. A rule over a whole
// message says the field by its ID, "user.email.required" for "user.email". Rules
// that cannot be evaluated are INTERNAL; the text of that error has the cause, its
// status has not.
func Validate(message proto.Message) error {
	fields, more, err := rules.Broken(message)
	switch {
	case err != nil:
		return rulesError{err}
	case len(fields) == 0:
		return nil
	}
	domain := string(message.ProtoReflect().Descriptor().ParentFile().Package())
	return Status(codes.InvalidArgument, rules.Text(fields, more),
		&errdetails.ErrorInfo{Reason: ReasonInvalid, Domain: domain}, &errdetails.BadRequest{FieldViolations: fields})
}

// rulesError is INTERNAL to callers, who learn no more. Its text, which the guard
// writes to the log, says what is wrong with the rules.
type rulesError struct{ error }

// Unwrap returns the cause.
func (e rulesError) Unwrap() error { return e.error }

// GRPCStatus implements the interface by which gRPC asks an error for its status.
func (rulesError) GRPCStatus() *status.Status {
	return status.New(codes.Internal, rules.ErrRules.Error())
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
