package reflection

import (
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// MethodName is the name of a method: Service is the full name of its gRPC
// service.
type MethodName struct{ Service, Method string }

// String returns the form "user.v1.UserService/GetUser".
func (m MethodName) String() string { return m.Service + "/" + m.Method }

// ResolveMethod returns the method among candidates that name means:
//
//	user.v1.UserService/GetUser, user.v1.UserService.GetUser   full
//	v1.UserService/GetUser, UserService.GetUser                the end of the service's name
//	GetUser                                                    where only one service has it
//
// A leading slash or dot is ignored, and so is case where nothing else matches.
// service, if not empty, is the full name of a gRPC service or the end of one
// and narrows the candidates. The longer match wins: a full name is never
// ambiguous.
//
// Errors are usage errors (*fleet.Error) with the nearest candidates.
func ResolveMethod(candidates []MethodName, name, service string) (MethodName, error) {
	asked := cleanName(name)
	if asked == "" {
		return MethodName{}, &fleet.Error{Kind: fleet.Usage, What: "the method has no name", Hint: "write it as SERVICE/METHOD or SERVICE.METHOD"}
	}
	if service != "" {
		narrowed := ofService(candidates, service)
		if len(narrowed) == 0 {
			return MethodName{}, unknownService(candidates, service)
		}
		candidates = narrowed
	}
	svc, method := splitMethod(asked)
	for _, match := range []func(MethodName) bool{
		func(c MethodName) bool { return c.Service == svc && c.Method == method },
		func(c MethodName) bool { return c.Method == method && isTail(c.Service, svc) },
		func(c MethodName) bool {
			return strings.EqualFold(c.Method, method) && strings.EqualFold(c.Service, svc)
		},
		func(c MethodName) bool {
			return strings.EqualFold(c.Method, method) && isTail(strings.ToLower(c.Service), strings.ToLower(svc))
		},
	} {
		found := unique(candidates, match)
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return MethodName{}, ambiguous(asked, found)
		}
	}
	all := func(MethodName) bool { return true }
	return MethodName{}, unknownMethod(unique(candidates, all), asked)
}

// cleanName removes what people paste around a name.
func cleanName(name string) string { return strings.TrimLeft(strings.TrimSpace(name), "/.") }

// splitMethod cuts at the last slash, or else at the last dot. Without either
// the service is empty, which every service ends in.
func splitMethod(name string) (service, method string) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		i = strings.LastIndexByte(name, '.')
	}
	if i < 0 {
		return "", name
	}
	return name[:i], name[i+1:]
}

// isTail tells whether the last parts of the full name are tail.
func isTail(full, tail string) bool {
	return tail == "" || full == tail || strings.HasSuffix(full, "."+tail)
}

func unique(candidates []MethodName, match func(MethodName) bool) []MethodName {
	var out []MethodName
	seen := map[MethodName]bool{}
	for _, c := range candidates {
		if match(c) && !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}

// ofService returns the methods of the services that service means: exact names
// before ends of names, those before other case.
func ofService(candidates []MethodName, service string) []MethodName {
	service = cleanName(service)
	for _, match := range serviceMatches(service) {
		if found := unique(candidates, func(c MethodName) bool { return match(c.Service) }); len(found) > 0 {
			return found
		}
	}
	return nil
}

func serviceMatches(service string) []func(string) bool {
	lower := strings.ToLower(service)
	return []func(string) bool{
		func(s string) bool { return s == service },
		func(s string) bool { return isTail(s, service) },
		func(s string) bool { return isTail(strings.ToLower(s), lower) },
	}
}

// MatchesService tells whether service means the gRPC service with this full
// name, by its full name or the end of it, ignoring case.
func MatchesService(full, service string) bool {
	return isTail(strings.ToLower(full), strings.ToLower(cleanName(service)))
}

func services(candidates []MethodName) []string {
	var out []string
	for _, c := range candidates {
		out = append(out, c.Service)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// resolveSymbol returns the full name that name means: itself, one that ends in
// it, or one that does so in another case.
func resolveSymbol(names []string, name string) (string, error) {
	for _, match := range serviceMatches(name) {
		var found []string
		for _, n := range names {
			if match(n) {
				found = append(found, n)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return "", ambiguousSymbol(name, found)
		}
	}
	return "", unknownSymbol(names, name)
}
