package identity_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/url"
	"testing"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/gctl-dev/gctl/svc/kit/identity"
)

func TestOf(t *testing.T) {
	spiffe := &url.URL{Scheme: "spiffe", Host: "example.org", Path: "/edge"}
	web := &url.URL{Scheme: "https", Host: "example.org"}
	named := pkix.Name{CommonName: "edge"}
	for name, c := range map[string]struct {
		certificate x509.Certificate
		want        string
	}{
		"SPIFFE ID":   {x509.Certificate{URIs: []*url.URL{web, spiffe}, DNSNames: []string{"edge.local"}}, "spiffe://example.org/edge"},
		"DNS name":    {x509.Certificate{URIs: []*url.URL{web}, DNSNames: []string{"edge.local", "b"}, Subject: named}, "edge.local"},
		"common name": {x509.Certificate{Subject: named}, "edge"},
	} {
		state := tls.ConnectionState{PeerCertificates: []*x509.Certificate{&c.certificate}}
		p := &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 5}, AuthInfo: credentials.TLSInfo{State: state}}
		ctx := peer.NewContext(context.Background(), p)
		if got := identity.Of(ctx); got != "" {
			t.Errorf("%s: a certificate that nobody verified is %q", name, got)
		}
		if got := identity.Caller(ctx); got != "10.0.0.1" {
			t.Errorf("%s: caller = %q, want the host", name, got)
		}
		state.VerifiedChains = [][]*x509.Certificate{{&c.certificate}}
		p.AuthInfo = credentials.TLSInfo{State: state}
		ctx = peer.NewContext(context.Background(), p)
		if got := identity.Of(ctx); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if got := identity.Caller(ctx); got != c.want {
			t.Errorf("%s: caller = %q, want %q", name, got, c.want)
		}
	}
	for _, c := range []x509.Certificate{
		{Subject: pkix.Name{CommonName: "spiffe://example.org/edge"}},
		{DNSNames: []string{"spiffe://example.org/edge"}, Subject: named},
	} {
		if got := identity.OfCertificate(&c); got != "" {
			t.Errorf("a name that is no SPIFFE ID passes for %q", got)
		}
	}
	if got := identity.Of(context.Background()) + identity.Caller(context.Background()); got != "unknown" {
		t.Errorf("without a peer: %q", got)
	}
}
