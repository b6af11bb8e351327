package rpc_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
)

func TestCertificateEnds(t *testing.T) {
	ends := time.Now().Add(-time.Hour).Truncate(time.Second) // read all the same
	cert := testkit.NewCA(t).Cert(t, []string{"127.0.0.1"}, func(c *x509.Certificate) { c.NotAfter = ends })
	serve := func(options ...grpc.ServerOption) fleet.Instance {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer(options...)
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(server.Stop)
		return fleet.Instance{ID: "one", Addr: listener.Addr().String()}
	}
	secure := serve(grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})))
	got, err := rpc.CertificateEnds(t.Context(), secure, rpc.Options{})
	if err != nil || !got.Equal(ends) {
		t.Errorf("ends %s, %v; want %s", got, err, ends)
	}
	if got, err := rpc.CertificateEnds(t.Context(), serve(), rpc.Options{}); err != nil || !got.IsZero() {
		t.Errorf("of a server without TLS: %s, %v", got, err)
	}
	if _, err := rpc.CertificateEnds(t.Context(), fleet.Instance{ID: "gone", Addr: "127.0.0.1:1"}, rpc.Options{}); err == nil {
		t.Error("nobody is there, and that is no error")
	}
}
