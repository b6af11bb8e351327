package edge

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/svc/kit"
)

// Bounds on what an error repeats of a query.
const (
	maxViolations = 20
	maxName       = 100 // bytes
)

// unreadableQuery says what is wrong with a query that is none.
const unreadableQuery = "the query cannot be read: in a value, % is written %25, & is %26 and ; is %3B"

// check returns INVALID_ARGUMENT for what a request says besides its body that
// cannot be meant. A parameter whose name is misspelt must not lose what it names,
// and none may change what the path or the body say: a query has the fields that
// neither of them has (google/api/http.proto).
func (m *matched) check(request *http.Request) error {
	query, err := url.ParseQuery(request.URL.RawQuery)
	if err != nil { // some of it would be left out
		return m.refusal(unreadableQuery)
	}
	var bad []*errdetails.BadRequest_FieldViolation
	add := func(name, reason, text string, args ...any) {
		if len(bad) < maxViolations {
			bad = append(bad, &errdetails.BadRequest_FieldViolation{Field: cut(name, maxName), Reason: reason, Description: fmt.Sprintf(text, args...)})
		}
	}
	for field, value := range m.values {
		if !utf8.ValidString(value) {
			add(field, "NOT_UTF8", "%s in the path is no UTF-8", field)
			return m.refusal(bad[0].GetDescription(), bad...)
		}
	}
	input, seen := m.method.Input(), map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		shown := cut(name, maxName)
		field, path := fieldOf(input, name)
		by := m.boundBy(path)
		switch {
		case field == nil:
			add(name, "UNKNOWN_FIELD", "%s has no field %q", input.Name(), shown)
		case by != "":
			add(name, "NOT_A_PARAMETER", "%q cannot be a parameter, it is for the %s to say", shown, by)
		case !field.IsList() && (len(query[name]) > 1 || seen[path]):
			add(name, "GIVEN_TWICE", "%q is given more than once", shown)
		case slices.ContainsFunc(query[name], func(v string) bool { return !utf8.ValidString(v) }):
			add(name, "NOT_UTF8", "%q is no UTF-8", shown)
		}
		seen[path] = true
	}
	if len(bad) == 0 {
		return nil
	}
	return m.refusal("query: "+bad[0].GetDescription(), bad...)
}

func (m *matched) refusal(text string, bad ...*errdetails.BadRequest_FieldViolation) error {
	return kit.Status(codes.InvalidArgument, text,
		&errdetails.ErrorInfo{Reason: kit.ReasonInvalid, Domain: string(m.method.ParentFile().Package())},
		&errdetails.BadRequest{FieldViolations: bad})
}

// boundBy returns what has the say about a field, by its path: "path", "body", or
// "" where a parameter may.
func (m *matched) boundBy(path string) string {
	for variable := range m.values {
		if within(path, variable) || within(variable, path) {
			return "path"
		}
	}
	if m.body == wholeBody || m.body != "" && within(path, m.body) {
		return "body"
	}
	return ""
}

// within tells whether a field is another one or below it.
func within(path, other string) bool { return path == other || strings.HasPrefix(path, other+".") }

// fieldOf returns the field that a parameter, "page_size", "pageSize" or
// "user.email", names, and its path by the names of the schema; nil if there is
// none.
func fieldOf(message protoreflect.MessageDescriptor, name string) (field protoreflect.FieldDescriptor, path string) {
	first, rest, deeper := strings.Cut(name, ".")
	field = message.Fields().ByJSONName(first)
	if field == nil {
		field = message.Fields().ByName(protoreflect.Name(first))
	}
	switch {
	case field == nil:
		return nil, ""
	case !deeper:
		return field, string(field.Name())
	case field.Message() == nil || field.IsList() || field.IsMap():
		return nil, ""
	}
	below, path := fieldOf(field.Message(), rest)
	return below, string(field.Name()) + "." + path
}
