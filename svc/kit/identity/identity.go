// Package identity says who the caller of an RPC is, by the certificate that it
// presented.
package identity

import (
	"context"
	"crypto/x509"
	"net"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// Of returns the identity of the caller of the RPC with this context: that of
// the client certificate which the server verified, or "" without one.
func Of(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return ""
	}
	return OfCertificate(info.State.VerifiedChains[0][0])
}

// OfCertificate returns the one name by which a certificate is known: its SPIFFE
// ID (https://spiffe.io, a URI in the subject's alternative names), else its
// first DNS name, else the common name of its subject. Those two are ignored where
// they look like a URI: many an authority signs any common name, and none but a
// SPIFFE ID may pass for one.
func OfCertificate(c *x509.Certificate) string {
	for _, u := range c.URIs {
		if u.Scheme == "spiffe" && u.Host != "" {
			return u.String()
		}
	}
	name := c.Subject.CommonName
	if len(c.DNSNames) > 0 {
		name = c.DNSNames[0]
	}
	if strings.Contains(name, "://") {
		return ""
	}
	return name
}

// Caller returns the identity of the caller, or where there is none the address
// of its host, for logs and for limits by caller.
func Caller(ctx context.Context) string {
	if id := Of(ctx); id != "" {
		return id
	}
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return "unknown"
	}
	return Host(p.Addr.String())
}

// Host returns the host of an address, host:port: the port changes with each
// connection.
func Host(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}
