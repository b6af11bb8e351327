package control

import (
	"errors"
	"fmt"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// Bounds on what an error says about a request.
const (
	maxViolations    = 20
	maxViolationText = 160 // bytes
)

// check applies the rules of the schema: alone in somebody's server nobody else
// does.
func check(request proto.Message) error {
	err := protovalidate.Validate(request)
	if err == nil {
		return nil
	}
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		return fail(codes.Internal, ReasonFailed, "the rules of the schema cannot be evaluated", nil)
	}
	shown := broken.Violations[:min(maxViolations, len(broken.Violations))]
	fields := make([]*errdetails.BadRequest_FieldViolation, 0, len(shown))
	for _, v := range shown {
		fields = append(fields, fieldViolation(v.Proto))
	}
	return badRequest(fields, len(broken.Violations)-len(shown))
}

func fieldViolation(v *validate.Violation) *errdetails.BadRequest_FieldViolation {
	return &errdetails.BadRequest_FieldViolation{
		Field:       protovalidate.FieldPathString(v.GetField()),
		Description: clean(v.GetMessage(), maxViolationText),
		Reason:      v.GetRuleId(),
	}
}

func badRequest(fields []*errdetails.BadRequest_FieldViolation, more int) error {
	text := make([]string, 0, len(fields)+1)
	for _, f := range fields {
		text = append(text, f.GetField()+": "+f.GetDescription())
	}
	if more > 0 {
		text = append(text, fmt.Sprintf("and %d more", more))
	}
	return fail(codes.InvalidArgument, ReasonInvalid, strings.Join(text, "; "), nil, &errdetails.BadRequest{FieldViolations: fields})
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
