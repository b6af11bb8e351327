package edge

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/reflect/protoreflect"
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

// wholeBody is the body of a rule whose request is the body.
const wholeBody = "*"

// route is a method in its REST form.
type route struct {
	method   protoreflect.MethodDescriptor
	verb     string
	segments []string // of the path, variables in braces
	body     string   // the field that the body is, wholeBody, or "" for none
}

// routes decide which method a request is for, and nothing else does: the
// transcoder gets only what they know, with a path that it reads as they did.
type routes []route

func newRoutes(methods map[string]protoreflect.MethodDescriptor, rules []*annotations.HttpRule) routes {
	byName := map[string]protoreflect.MethodDescriptor{}
	for _, m := range methods {
		byName[string(m.FullName())] = m
	}
	var all routes
	for _, rule := range rules {
		verb, path := patternOf(rule)
		all = append(all, route{byName[rule.GetSelector()], verb, strings.Split(path, "/"), rule.GetBody()})
	}
	return all
}

func patternOf(rule *annotations.HttpRule) (verb, path string) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, p.Patch
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete
	}
	return "", ""
}

// matched is a route that a request takes.
type matched struct {
	route

	path   string            // for the transcoder: it reads every segment as what is escaped in it
	values map[string]string // of the variables
}

// find returns the route of a request, or nil and the sorted HTTP methods that its
// path has instead, none if there is nothing at the path.
func (r routes) find(request *http.Request) (found *matched, allowed []string) {
	segments := strings.Split(request.URL.EscapedPath(), "/")
	for _, route := range r {
		m, ok := route.match(segments)
		switch {
		case !ok:
		case route.verb == request.Method:
			return m, nil
		default:
			allowed = append(allowed, route.verb)
		}
	}
	slices.Sort(allowed)
	return nil, allowed
}

// match reads the segments of an escaped path. A variable takes one that is not
// empty; a colon in the last one begins a custom verb unless it is escaped.
func (r route) match(segments []string) (*matched, bool) {
	if len(segments) != len(r.segments) {
		return nil, false
	}
	m := &matched{route: r, values: map[string]string{}}
	path := make([]string, len(segments))
	for i, wanted := range r.segments {
		value, err := url.PathUnescape(segments[i])
		name, variable := variableOf(wanted)
		switch {
		case err != nil, !variable && value != wanted:
			return nil, false
		case !variable:
			path[i] = wanted
		case value == "", i == len(segments)-1 && strings.Contains(segments[i], ":"):
			return nil, false
		default:
			m.values[name] = value
			path[i] = strings.ReplaceAll(url.PathEscape(value), ":", "%3A")
		}
	}
	m.path = strings.Join(path, "/")
	return m, true
}

// variableOf returns the field that a segment of a rule stands for, or false.
func variableOf(segment string) (field string, ok bool) {
	field, ok = strings.CutPrefix(segment, "{")
	return strings.TrimSuffix(field, "}"), ok
}
