package kit

import (
	"context"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gctl-dev/gctl/svc/kit/certs"
)

// loadCerts reads the TLS files: those by which this server is known and clients
// are verified, and those by which it is known as a client.
func (s *Server) loadCerts() (err error) {
	o := &s.options
	if o.Plaintext {
		return nil
	}
	server := certs.Files{Cert: o.TLSCert, Key: o.TLSKey, CA: o.TLSClientCA, CRL: o.TLSCRL}
	client := server
	if o.TLSServerCA != "" && o.TLSServerCA != o.TLSClientCA {
		client.CA, client.CRL = o.TLSServerCA, ""
	}
	if s.serverCerts, err = certs.Load(server); err != nil {
		return err
	}
	s.clientCerts = s.serverCerts
	s.certs = []*certs.Source{s.serverCerts}
	if client != server {
		if s.clientCerts, err = certs.Load(client); err != nil {
			return err
		}
		s.certs = append(s.certs, s.clientCerts)
	}
	return nil
}

// watchCerts takes over new TLS files until ctx ends.
func (s *Server) watchCerts(ctx context.Context, files *certs.Source) {
	files.Watch(ctx, func(err error) {
		if err != nil {
			s.log.ErrorContext(ctx, "new TLS files cannot be used, the old ones stay", "error", err)
			return
		}
		s.log.InfoContext(ctx, "new TLS files are in use", "expires", files.Expires())
	})
}

// transport returns the server's side of a connection.
func (s *Server) transport() credentials.TransportCredentials {
	if s.serverCerts == nil {
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(s.serverCerts.Server("h2"))
}

// outward returns the client's side of a connection to these identities, or to
// whom the name says.
func (s *Server) outward(identities []string) credentials.TransportCredentials {
	if s.clientCerts == nil {
		return insecure.NewCredentials()
	}
	return s.clientCerts.Client(identities...)
}
