package certs

import (
	"crypto/tls"
	"errors"
)

// errNoCertificate is the error of a server without a certificate.
var errNoCertificate = errors.New("no certificate to present")

// Server returns the configuration of a server: TLS 1.3, with client
// certificates demanded where a CA is named. Each connection is verified anew:
// there is no resumption by which one with a revoked certificate could come back.
// The protocols are those of ALPN, "h2" for gRPC.
func (s *Source) Server(protocols ...string) *tls.Config {
	return s.server(protocols, func(c *tls.Config, now *content) {
		if now.roots != nil {
			c.ClientCAs, c.ClientAuth = now.roots, tls.RequireAndVerifyClientCert
			c.VerifyConnection = now.notRevoked
		}
	})
}

// Public returns the configuration of a server that demands no certificates of
// its clients, as browsers need it.
func (s *Source) Public(protocols ...string) *tls.Config {
	return s.server(protocols, func(*tls.Config, *content) {})
}

func (s *Source) server(protocols []string, with func(*tls.Config, *content)) *tls.Config {
	base := &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true, NextProtos: protocols}
	config := base.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := s.now.Load()
		if now.pair == nil {
			return nil, errNoCertificate
		}
		c := base.Clone()
		c.Certificates = []tls.Certificate{*now.pair}
		with(c, now)
		return c, nil
	}
	return config
}

func (c *content) notRevoked(state tls.ConnectionState) error {
	var err error
	for _, chain := range state.VerifiedChains {
		if err = c.revoked.check(chain); err == nil {
			return nil
		}
	}
	return err
}
