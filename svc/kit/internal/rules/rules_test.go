package rules

import (
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	hellov1 "github.com/gctl-dev/gctl/svc/kit/example/hello/api"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func TestBroken(t *testing.T) {
	for name, want := range map[string]string{
		"Ada":                    "",
		"":                       "name: must be at least 1 characters",
		strings.Repeat("x", 101): "name: must be at most 100 characters",
	} {
		fields, more, err := Broken(&hellov1.SayRequest{Name: name})
		if got := Text(fields, more); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestOnlyTheFirstOfManyAreNamed(t *testing.T) {
	r := &userv1.CreateUserRequest{User: &userv1.User{Email: "a@example.com", DisplayName: "Ada", Labels: map[string]string{}}}
	for i := range maxViolations + 3 {
		r.User.Labels[strings.Repeat("Ü", i+1)] = ""
	}
	fields, more, err := Broken(r)
	if len(fields) != maxViolations || more < 3 || err != nil {
		t.Errorf("%d fields and %d more, %v", len(fields), more, err)
	}
}

func TestText(t *testing.T) {
	fields := []*errdetails.BadRequest_FieldViolation{{Field: "a", Description: "is wrong"}, {Description: "all is wrong"}}
	if got, want := Text(fields, 3), "a: is wrong; all is wrong; and 3 more"; got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
}

// What callers wrote may stand in the name of a field and in its description.
func TestViolationsAreShortLines(t *testing.T) {
	long := strings.Repeat("ä\x1b\n", 100)
	v := violation(&validate.Violation{
		Field: &validate.FieldPath{Elements: []*validate.FieldPathElement{
			{FieldName: new("labels"), Subscript: &validate.FieldPathElement_StringKey{StringKey: long}},
		}},
		Message: new(long), RuleId: new("labels.short"),
	})
	for _, text := range []string{v.GetField(), v.GetDescription()} {
		if len(text) > maxText+len("…") || strings.ContainsAny(text, "\x1b\n") || !strings.HasSuffix(text, "…") || strings.ContainsRune(text, '\uFFFD') {
			t.Errorf("text = %q", text)
		}
	}
	whole := violation(&validate.Violation{Message: new("is missing"), RuleId: new("user.email.required")})
	if whole.GetField() != "user.email" {
		t.Errorf("field = %q", whole.GetField())
	}
}
