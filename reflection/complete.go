package reflection

import (
	"slices"
	"strings"
)

// CompleteMethods returns the names of methods that begin with prefix, of all
// that were seen in the scope, sorted. It reads the cache and asks nobody.
//
// A prefix of a full name gets full names (user.v1.UserService/GetUser), others
// the short ones (UserService.GetUser) and, where only one service has it, the
// method alone. Reflection and health are offered to who asks for them.
func CompleteMethods(cache Cache, scope, prefix string) []string {
	var methods []MethodName
	for _, e := range loadIndex(cache, scope).entries {
		methods = append(methods, e.methods...)
	}
	return completeMethods(methods, prefix)
}

func completeMethods(methods []MethodName, prefix string) []string {
	lead := prefix[:len(prefix)-len(strings.TrimLeft(prefix, "/."))]
	prefix = prefix[len(lead):]
	owners := map[string]map[string]bool{} // short forms to the services that they may mean
	own := func(form, service string) {
		if owners[form] == nil {
			owners[form] = map[string]bool{}
		}
		owners[form][service] = true
	}
	for _, m := range methods {
		own(m.short(), m.Service)
		own(m.Method, m.Service)
	}
	var out []string
	offer := func(form string) bool {
		ok := strings.HasPrefix(form, prefix)
		if ok {
			out = append(out, lead+form)
		}
		return ok
	}
	for _, m := range methods {
		if everybodyHas(m.Service) && !strings.HasPrefix(prefix, "grpc.") {
			continue
		}
		if len(owners[m.short()]) == 1 && offer(m.short()) {
			continue
		}
		if offer(m.String()) || offer(m.Service+"."+m.Method) {
			continue
		}
		if len(owners[m.Method]) == 1 {
			offer(m.Method)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// everybodyHas tells whether a gRPC service is one of those that nearly every
// server serves beside its own.
func everybodyHas(service string) bool {
	return strings.HasPrefix(service, "grpc.reflection.") || strings.HasPrefix(service, "grpc.health.")
}

// short returns the form "UserService.GetUser".
func (m MethodName) short() string {
	return m.Service[strings.LastIndexByte(m.Service, '.')+1:] + "." + m.Method
}

// SeenServices returns the gRPC services that were seen in the scope, and the
// services of the catalog that have them, sorted. It reads the cache and asks
// nobody.
func SeenServices(cache Cache, scope string) []string {
	var out []string
	for _, e := range loadIndex(cache, scope).entries {
		out = append(append(out, e.service), services(e.methods)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
