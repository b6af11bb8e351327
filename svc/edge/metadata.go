package edge

import (
	"context"
	"maps"
	"net/url"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/gctl-dev/gctl/svc/kit/identity"
)

// forwardedFor is the header that says for whom a call is forwarded.
const forwardedFor = "x-forwarded-for"

// ownHeaders are those of one connection (RFC 9110, section 7.6.1), of one
// protocol, or of a browser's dealings with the edge. Cookies are among them:
// what a browser sends by itself must not stand for its user's consent.
func ownHeaders() []string {
	return []string{
		"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
		"te", "trailer", "transfer-encoding", "upgrade", "host",
		"content-type", "content-length", "content-encoding", "accept", "accept-encoding", "accept-language",
		"connect-protocol-version", "connect-timeout-ms", "connect-content-encoding", "connect-accept-encoding",
		"x-grpc-web", "user-agent", "x-user-agent",
		"origin", "referer", "cookie", "set-cookie", "cache-control", "pragma", "priority", "dnt",
		"upgrade-insecure-requests", "forwarded",
	}
}

// ownPrefixes are how more of them begin.
func ownPrefixes() []string {
	return []string{":", "grpc-", "sec-", "if-", "access-control-"}
}

// dropped returns the set of the headers that are not forwarded.
func dropped(more []string) map[string]bool {
	drop := map[string]bool{}
	for _, name := range append(ownHeaders(), more...) {
		drop[strings.ToLower(name)] = true
	}
	return drop
}

// request returns the metadata of the forwarded call.
func (f *forwarder) request(ctx context.Context) metadata.MD {
	in, _ := metadata.FromIncomingContext(ctx)
	out := without(in, f.drop)
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		out.Append(forwardedFor, identity.Host(p.Addr.String()))
	}
	if f.header != "" {
		if name := f.caller(ctx); name != "" {
			out.Set(f.header, printable(name))
		}
	}
	return out
}

// printable returns a name as metadata can have it: printable ASCII, all else, and
// the % by which it is told, escaped as in a URL.
func printable(name string) string {
	plain := func(r rune) bool { return ' ' <= r && r <= '~' && r != '%' }
	if strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return url.PathEscape(name)
}

// answer returns the metadata for the caller.
func (f *forwarder) answer(in metadata.MD) metadata.MD { return without(in, f.own) }

func without(in metadata.MD, drop map[string]bool) metadata.MD {
	out := maps.Clone(in)
	if out == nil {
		out = metadata.MD{}
	}
	prefixes := ownPrefixes()
	maps.DeleteFunc(out, func(name string, _ []string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(name, p) {
				return true
			}
		}
		return drop[name]
	})
	return out
}
