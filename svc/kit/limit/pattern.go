package limit

import (
	"errors"
	"fmt"
	"strings"
)

// everything is the pattern of all methods.
const everything = "*"

// covers tells whether a pattern covers a method. The method is as grpc-go
// names it, "/pkg.Service/Method", the pattern was checked.
func covers(pattern, method string) bool {
	method = strings.TrimPrefix(method, "/")
	if service, ok := strings.CutSuffix(pattern, "/*"); ok {
		rest, ok := strings.CutPrefix(method, service)
		return ok && strings.HasPrefix(rest, "/")
	}
	return pattern == everything || pattern == method
}

// generality orders patterns: a method, a service, everything.
func generality(pattern string) int {
	switch {
	case pattern == everything:
		return 2
	case strings.HasSuffix(pattern, "/*"):
		return 1
	default:
		return 0
	}
}

// checkPattern tells what is wrong with a pattern.
func checkPattern(pattern string) error {
	if pattern == everything {
		return nil
	}
	service, method, ok := strings.Cut(pattern, "/")
	if !ok || !isName(service, true) || method != everything && !isName(method, false) {
		return fmt.Errorf(`%q names no methods: write "pkg.Service/Method", "pkg.Service/*" or "*"`, pattern)
	}
	if exempt(pattern) {
		return errors.New(service + " is never limited")
	}
	return nil
}

// isName tells whether s is an identifier of protobuf, or some with dots
// between them.
func isName(s string, dots bool) bool {
	start := true
	for _, r := range s {
		switch {
		case r == '_', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			start = false
		case '0' <= r && r <= '9' && !start:
		case r == '.' && dots && !start:
			start = true
		default:
			return false
		}
	}
	return !start
}

// exempt tells whether a method serves operation rather than callers.
func exempt(method string) bool {
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	switch service {
	case "grpc.health.v1.Health",
		"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
		"grpc.channelz.v1.Channelz",
		"gctl.control.v1.ControlService":
		return true
	default:
		return false
	}
}
