package dialect

import (
	"net"
	"strconv"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
)

// Labels are those of a series.
type Labels = map[string]string

// get returns the value of a label in whatever form the source has it.
func get(labels Labels, label string) string {
	if v, ok := labels[label]; ok {
		return v
	}
	return labels[underscored(label)]
}

func first(labels Labels, names []string) string {
	for _, name := range names {
		if v := get(labels, name); v != "" && v != "unknown" {
			return v
		}
	}
	return ""
}

// method is the full name of the method a series is about, "other" where the
// library did not want to say, and "" where the series do not tell methods apart.
func (n *Names) method(labels Labels) string {
	var full string
	switch len(n.Method) {
	case 0:
		return ""
	case 1:
		full = get(labels, n.Method[0])
	default:
		service, name := get(labels, n.Method[0]), get(labels, n.Method[1])
		if full = service + "/" + name; service == "" {
			full = name
		}
	}
	full = strings.TrimPrefix(full, "/")
	if full == "" || full == "_OTHER" {
		return "other"
	}
	return full
}

// grpcCodes are the names of gRPC's codes by number, as its specification writes
// them.
//
//nolint:gochecknoglobals // a table that the language cannot make constant
var grpcCodes = []string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// httpCodes is how kratos turns the codes of its errors into gRPC's
// (transport/http/status); what is not here is UNKNOWN.
//
//nolint:gochecknoglobals // a table that the language cannot make constant
var httpCodes = map[string]string{
	"0": "OK", "200": "OK", "400": "INVALID_ARGUMENT", "401": "UNAUTHENTICATED", "403": "PERMISSION_DENIED", "404": "NOT_FOUND",
	"409": "ABORTED", "429": "RESOURCE_EXHAUSTED", "499": "CANCELLED", "500": "INTERNAL", "501": "UNIMPLEMENTED",
	"503": "UNAVAILABLE", "504": "DEADLINE_EXCEEDED",
}

// code is the gRPC code of a series; "" where it has none.
func (n *Names) code(labels Labels) string {
	value := first(labels, n.Code)
	if value == "" {
		if len(n.Code) > 0 && get(labels, n.Code[0]) == "unknown" {
			return "UNKNOWN"
		}
		return ""
	}
	if n.HTTP {
		if code, ok := httpCodes[value]; ok {
			return code
		}
		return "UNKNOWN"
	}
	return codeName(value)
}

// codeName writes a code as the specification does: the libraries have numbers
// ("5"), Go's names ("NotFound") or the specification's ("NOT_FOUND"). Linkerd's
// verdicts stand for codes that nobody kept.
func codeName(value string) string {
	switch value {
	case "success":
		return "OK"
	case "failure", "_OTHER":
		return "UNKNOWN"
	case "Canceled", "CANCELED":
		return "CANCELLED"
	}
	if n, err := strconv.Atoi(value); err == nil {
		if n >= 0 && n < len(grpcCodes) {
			return grpcCodes[n]
		}
		return "UNKNOWN"
	}
	for _, code := range grpcCodes {
		if strings.EqualFold(strings.ReplaceAll(code, "_", ""), strings.ReplaceAll(value, "_", "")) {
			return code
		}
	}
	return "UNKNOWN"
}

// callee joins whom a series says was called with a service of the catalog; name
// is what it says, where it could not be joined.
func (n *Names) callee(id *fleet.Identity, source string, labels Labels) (service, name string) {
	for _, label := range n.Callee {
		value := get(labels, label)
		if value == "" || value == "unknown" {
			continue
		}
		if port := get(labels, "server.port"); port != "" && label == "server.address" {
			value = net.JoinHostPort(value, port)
		}
		sources := []string{source, ""} // what is dialed is often the catalog's own name
		if n.Mesh {
			sources = sources[:1]
		}
		for _, source := range sources {
			if service = targetService(id, source, value); service != "" {
				return service, ""
			}
		}
		if name == "" {
			name = value
		}
	}
	if full := n.method(labels); full != "" && full != "other" {
		grpcService, _, _ := strings.Cut(full, "/")
		if m := id.ServiceOfGRPC(grpcService); m.Service != "" {
			return m.Service, ""
		}
		if name == "" {
			name = grpcService
		}
	}
	return "", name
}

// targetService joins what a client dials with a service of the catalog: a name,
// an address, a target of grpc-go (https://github.com/grpc/grpc/blob/master/doc/naming.md),
// a name of Consul's DNS (user.service.consul) or of Kubernetes'
// (user.namespace.svc). "" if it is none of them.
func targetService(id *fleet.Identity, source, target string) string {
	rest := target
	if _, after, ok := strings.Cut(target, "://"); ok {
		_, rest, _ = strings.Cut(after, "/") // behind the authority
		rest, _, _ = strings.Cut(rest, "?")
	}
	if m := id.Service(source, rest); m.Service != "" {
		return m.Service
	}
	if m := id.Join(source, Labels{"instance": rest}); m.Service != "" && m.Rule != fleet.ByHost { // another port may be anything
		return m.Service
	}
	host, _, err := net.SplitHostPort(rest)
	if err != nil {
		host = rest
	}
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	switch {
	case len(parts) >= 3 && parts[1] == "service" && parts[len(parts)-1] == "consul", len(parts) >= 3 && parts[2] == "svc", len(parts) == 1:
		return id.Service(source, parts[0]).Service
	default:
		return ""
	}
}
