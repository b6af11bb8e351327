package control

import (
	"context"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit/internal/rules"
)

// check applies the rules of the schema: alone in somebody's server nobody else
// does.
func (s *Server) check(ctx context.Context, request proto.Message) error {
	fields, more, err := rules.Broken(request)
	switch {
	case err != nil:
		s.options.Log.ErrorContext(ctx, "a request cannot be checked", "request", string(request.ProtoReflect().Descriptor().FullName()), "error", err)
		return fail(codes.Internal, ReasonFailed, rules.ErrRules.Error(), nil)
	case len(fields) == 0:
		return nil
	}
	return badRequest(fields, more)
}

func badRequest(fields []*errdetails.BadRequest_FieldViolation, more int) error {
	return fail(codes.InvalidArgument, ReasonInvalid, rules.Text(fields, more), nil, &errdetails.BadRequest{FieldViolations: fields})
}

// checkSettings applies what the schema only says in words: which settings a
// kind of limit has, and that they let calls in.
func checkSettings(kind controlv1.LimitKind, s *controlv1.LimitSettings) error {
	var fields []*errdetails.BadRequest_FieldViolation
	broken := func(is bool, field, description string) {
		if is {
			fields = append(fields, &errdetails.BadRequest_FieldViolation{Field: "settings." + field, Description: description})
		}
	}
	low, high := s.GetMinConcurrency(), s.GetMaxConcurrency()
	if kind == controlv1.LimitKind_LIMIT_KIND_CONCURRENCY {
		broken(s.GetRate() != 0, "rate", "not a setting of a concurrency")
		broken(s.GetBurst() != 0, "burst", "not a setting of a concurrency")
		broken(low < 1, "min_concurrency", "must be at least 1")
		broken(high < max(low, 1), "max_concurrency", "must be at least 1 and min_concurrency")
	} else {
		broken(low != 0, "min_concurrency", "not a setting of a rate")
		broken(high != 0, "max_concurrency", "not a setting of a rate")
		broken(s.GetRate() > 0 && s.GetBurst() < 1, "burst", "must be at least 1 for any call to get in")
	}
	if len(fields) > 0 {
		return badRequest(fields, 0)
	}
	return nil
}
