package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"

	"google.golang.org/grpc/credentials"

	"github.com/gctl-dev/gctl/svc/kit/identity"
)

// Client returns the credentials of a client, which presents its own certificate
// where there is one. The server's certificate must be signed by a CA of the
// file, or of the system where none is named, and be of one of serverIDs (see
// package identity), or, where there are none, be for the authority that is
// dialed.
func (s *Source) Client(serverIDs ...string) credentials.TransportCredentials {
	return &client{
		// For the information that it gives; every handshake has one of its own.
		TransportCredentials: credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13}),
		source:               s,
		serverIDs:            serverIDs,
	}
}

type client struct {
	credentials.TransportCredentials

	source    *Source
	serverIDs []string
}

// ClientHandshake implements credentials.TransportCredentials.
func (c *client) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config := c.source.now.Load().client(c.serverIDs)
	return credentials.NewTLS(config).ClientHandshake(ctx, authority, conn)
}

// Clone implements credentials.TransportCredentials.
func (c *client) Clone() credentials.TransportCredentials {
	copied := *c
	return &copied
}

func (c *content) client(ids []string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: c.roots, VerifyConnection: c.notRevoked}
	if c.pair != nil {
		config.Certificates = []tls.Certificate{*c.pair}
	}
	if len(ids) > 0 {
		// An identity need not be a host name: the chain is verified here, and
		// then who it is instead of where.
		config.InsecureSkipVerify = true
		config.VerifyConnection = func(state tls.ConnectionState) error { return c.verifyIdentity(state, ids) }
	}
	return config
}

func (c *content) verifyIdentity(state tls.ConnectionState, ids []string) error {
	leaf := state.PeerCertificates[0]
	options := x509.VerifyOptions{Roots: c.roots, Intermediates: x509.NewCertPool()}
	for _, between := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(between)
	}
	chains, err := leaf.Verify(options)
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
	}
	if id := identity.OfCertificate(leaf); !slices.Contains(ids, id) {
		return fmt.Errorf("the server is %q, not one of %q", id, ids)
	}
	state.VerifiedChains = chains
	return c.notRevoked(state)
}
