package edge

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/svc/kit"
)

// restPrefix is how the paths of the REST API begin.
const restPrefix = "/v1/"

// rules maps REST onto the unary methods of the user service, as google.api.http
// does (https://google.aip.dev/127). Streams have no such form: their clients
// speak Connect, gRPC-Web or gRPC.
func rules() []*annotations.HttpRule {
	return []*annotations.HttpRule{
		{
			Selector: "user.v1.UserService.GetUser",
			Pattern:  &annotations.HttpRule_Get{Get: "/v1/users/{id}"},
		},
		{
			Selector: "user.v1.UserService.ListUsers",
			Pattern:  &annotations.HttpRule_Get{Get: "/v1/users"},
		},
		{
			Selector: "user.v1.UserService.BatchGetUsers",
			Pattern:  &annotations.HttpRule_Get{Get: "/v1/users:batchGet"},
		},
		{
			Selector: "user.v1.UserService.CreateUser",
			Pattern:  &annotations.HttpRule_Post{Post: "/v1/users"}, Body: "user",
		},
		{
			Selector: "user.v1.UserService.UpdateUser",
			Pattern:  &annotations.HttpRule_Patch{Patch: "/v1/users/{user.id}"}, Body: "user",
		},
		{
			Selector: "user.v1.UserService.DeleteUser",
			Pattern:  &annotations.HttpRule_Delete{Delete: "/v1/users/{id}"},
		},
	}
}

// routes finds the rule of a request, to check beforehand what the transcoder
// would call an unknown error.
type routes struct {
	mux *http.ServeMux
	of  map[string]route // by pattern of mux
}

// route is a method and whether its REST form has a body.
type route struct {
	method protoreflect.MethodDescriptor
	body   bool
}

func newRoutes(methods map[string]protoreflect.MethodDescriptor) *routes {
	byName := map[string]protoreflect.MethodDescriptor{}
	for _, m := range methods {
		byName[string(m.FullName())] = m
	}
	all := &routes{mux: http.NewServeMux(), of: map[string]route{}}
	for _, rule := range rules() {
		pattern := patternOf(rule)
		all.mux.Handle(pattern, http.NotFoundHandler())
		all.of[pattern] = route{byName[rule.GetSelector()], rule.GetBody() != ""}
	}
	return all
}

// patternOf returns a rule as http.ServeMux has it, whose variables are Go names.
func patternOf(rule *annotations.HttpRule) string {
	verb, path := "", ""
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		verb, path = http.MethodGet, p.Get
	case *annotations.HttpRule_Post:
		verb, path = http.MethodPost, p.Post
	case *annotations.HttpRule_Patch:
		verb, path = http.MethodPatch, p.Patch
	case *annotations.HttpRule_Delete:
		verb, path = http.MethodDelete, p.Delete
	}
	return verb + " " + regexp.MustCompile(`{[^}]*}`).ReplaceAllString(path, "{v}")
}

// find returns the route of a request, or false.
func (r *routes) find(request *http.Request) (route, bool) {
	_, pattern := r.mux.Handler(request)
	found, ok := r.of[pattern]
	return found, ok
}

// check returns INVALID_ARGUMENT for query parameters that the request does not
// have: a name that is misspelt must not lose what it names.
func (r route) check(request *http.Request) error {
	input := r.method.Input()
	bad := &errdetails.BadRequest{}
	for name := range request.URL.Query() {
		if !hasField(input, name) && len(bad.GetFieldViolations()) < maxViolations {
			name = cut(name, maxName)
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
				Field: name, Description: fmt.Sprintf("%s has no field %q", input.Name(), name), Reason: "UNKNOWN_FIELD",
			})
		}
	}
	if len(bad.GetFieldViolations()) == 0 {
		return nil
	}
	slices.SortFunc(bad.GetFieldViolations(), func(a, b *errdetails.BadRequest_FieldViolation) int {
		return strings.Compare(a.GetField(), b.GetField())
	})
	return kit.Status(codes.InvalidArgument, "query: "+bad.GetFieldViolations()[0].GetDescription(),
		&errdetails.ErrorInfo{Reason: kit.ReasonInvalid, Domain: string(input.ParentFile().Package())}, bad)
}

// Bounds on what an error repeats of a query.
const (
	maxViolations = 20
	maxName       = 100 // bytes
)

// hasField tells whether a parameter, "page_size", "pageSize" or "user.email",
// is a field of a message.
func hasField(message protoreflect.MessageDescriptor, path string) bool {
	name, rest, deeper := strings.Cut(path, ".")
	field := message.Fields().ByJSONName(name)
	if field == nil {
		field = message.Fields().ByName(protoreflect.Name(name))
	}
	switch {
	case field == nil:
		return false
	case !deeper:
		return true
	default:
		return field.Message() != nil && !field.IsList() && !field.IsMap() && hasField(field.Message(), rest)
	}
}
