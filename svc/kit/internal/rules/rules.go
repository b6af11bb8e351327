// Package rules checks messages by the rules in their schema, and says what is
// broken in words that fit into an error.
package rules

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
)

// Bounds on what is said of one message: errors travel in headers.
const (
	maxViolations = 20
	maxText       = 160 // bytes of one field's name, or of its description
)

// ErrRules says that the rules themselves are of no use. The cause behind it in a
// chain is for the log: it tells of the schema, not of the request.
var ErrRules = errors.New("the rules of the schema cannot be evaluated")

// Broken returns the fields of a message that break rules, the first 20, and how
// many more there are. A rule over a whole message says the field by its ID,
// "user.email.required" for "user.email". The error is ErrRules with its cause.
func Broken(message proto.Message) (fields []*errdetails.BadRequest_FieldViolation, more int, err error) {
	err = protovalidate.Validate(message)
	if err == nil {
		return nil, 0, nil
	}
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		return nil, 0, fmt.Errorf("%w: %w", ErrRules, err)
	}
	shown := broken.Violations[:min(maxViolations, len(broken.Violations))]
	for _, v := range shown {
		fields = append(fields, violation(v.Proto))
	}
	return fields, len(broken.Violations) - len(shown), nil
}

// Text says in a line what is broken.
func Text(fields []*errdetails.BadRequest_FieldViolation, more int) string {
	text := make([]string, 0, len(fields)+1)
	for _, f := range fields {
		text = append(text, strings.TrimPrefix(f.GetField()+": "+f.GetDescription(), ": "))
	}
	if more > 0 {
		text = append(text, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(text, "; ")
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

// cut makes a short line of a text.
func cut(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
