package control

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc"
)

// maxNames bounds how many names an error lists.
const maxNames = 20

// notServed tells what is wrong with the method of a fault, which was checked, that
// no call would ever meet, and what could be meant; "" if there is one.
func notServed(pattern string, services map[string]grpc.ServiceInfo) string {
	service, method, one := strings.Cut(pattern, "/")
	if !one { // "*"
		return ""
	}
	info, known := services[service]
	switch {
	case !known:
		text := "no service " + strconv.Quote(service) + " is served here"
		if near := withMethod(method, services); len(near) > 0 {
			return text + "; did you mean " + list(near, " or ") + "?"
		}
		return text + thereAre(slices.Sorted(maps.Keys(services)))
	case method == "*" || len(info.Methods) == 0 || hasMethod(info, method):
		return ""
	}
	names := make([]string, 0, len(info.Methods))
	for _, m := range info.Methods {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return service + " has no method " + strconv.Quote(method) + thereAre(names)
}

// withMethod returns the methods of this name of any service.
func withMethod(method string, services map[string]grpc.ServiceInfo) []string {
	var found []string
	for _, service := range slices.Sorted(maps.Keys(services)) {
		if hasMethod(services[service], method) {
			found = append(found, service+"/"+method)
		}
	}
	return found
}

func hasMethod(info grpc.ServiceInfo, method string) bool {
	return slices.ContainsFunc(info.Methods, func(m grpc.MethodInfo) bool { return m.Name == method })
}

// thereAre ends a sentence about a name that is none with those that there are.
func thereAre(names []string) string {
	switch len(names) {
	case 0:
		return "; there is none"
	case 1:
		return "; there is " + names[0]
	default:
		return "; there are " + list(names, " and ")
	}
}

// list joins names, no more than can be read.
func list(names []string, last string) string {
	if more := len(names) - maxNames; more > 0 {
		names = append(slices.Clone(names[:maxNames]), strconv.Itoa(more)+" more")
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + last + names[len(names)-1]
}
