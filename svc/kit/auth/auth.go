// Package auth lets only those callers in whose certificate says that they may.
//
// The TLS layer checks that a certificate is one of the CA, package identity
// reads the name in it, and a Guard compares that with a list. It comes before
// everything that costs or that tells callers apart: behind recovery, tracing and
// the access log, before the limits.
//
// A Guard is for servers that verify client certificates. In plaintext nobody has
// an identity, and it lets nobody in.
package auth

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/identity"
)

// The reasons in the ErrorInfo of calls that were refused.
const (
	ReasonNoIdentity = "NO_IDENTITY"          // UNAUTHENTICATED: no certificate, or one without a name
	ReasonNotAllowed = "IDENTITY_NOT_ALLOWED" // PERMISSION_DENIED: not on the list
)

// Options say who may call what.
type Options struct {
	// Allow are the identities and patterns of NewList that may call. Without any
	// everybody may whose certificate the CA signed.
	Allow []string

	// OpenReflection lets callers read the schema without an identity.
	OpenReflection bool

	// Domain is that of the ErrorInfo; "gctl.kit" if empty.
	Domain string
}

// Guard is the interceptor. It is safe for concurrent use. Health is open to
// all: those who check it, as load balancers and orchestrators, often have no
// certificate.
type Guard struct {
	list    *List
	options Options
}

// Require returns a guard. The error says which identity is none.
func Require(options Options) (*Guard, error) {
	list, err := NewList(options.Allow...)
	if err != nil {
		return nil, err
	}
	options.Domain = cmp.Or(options.Domain, "gctl.kit")
	return &Guard{list, options}, nil
}

// Unary is the interceptor for unary calls.
func (g *Guard) Unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := g.check(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	return handler(ctx, request)
}

// Stream is the interceptor for streams. What the identity may is decided at the
// beginning and holds for the life of the stream.
func (g *Guard) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := g.check(stream.Context(), info.FullMethod); err != nil {
		return err
	}
	return handler(srv, stream)
}

func (g *Guard) check(ctx context.Context, method string) error {
	if g.open(method) {
		return nil
	}
	who := identity.Of(ctx)
	switch {
	case who == "":
		return g.refuse(codes.Unauthenticated, ReasonNoIdentity, "this needs a client certificate with a name in it", nil)
	case !g.list.Allows(who):
		name := printable(who)
		return g.refuse(codes.PermissionDenied, ReasonNotAllowed,
			fmt.Sprintf("%s is not one of those who may call this", name), map[string]string{"identity": name})
	default:
		return nil
	}
}

// open tells whether a method is for everybody.
func (g *Guard) open(method string) bool {
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	switch service {
	case "grpc.health.v1.Health":
		return true
	case "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection":
		return g.options.OpenReflection
	default:
		return false
	}
}

func (g *Guard) refuse(code codes.Code, reason, text string, metadata map[string]string) error {
	s := status.New(code, text)
	detail := &errdetails.ErrorInfo{Reason: reason, Domain: g.options.Domain, Metadata: metadata}
	if detailed, err := s.WithDetails(detail); err == nil {
		s = detailed
	}
	return s.Err()
}

// printable makes a name fit for an error: a certificate may hold anything.
func printable(name string) string {
	const most = 256
	return strings.ToValidUTF8(name[:min(len(name), most)], "?")
}
