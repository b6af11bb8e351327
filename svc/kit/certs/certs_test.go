package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit/certs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files writes a certificate of the CA and returns the Files with it.
func files(t *testing.T, ca *testkit.CA, names []string, change ...func(*x509.Certificate)) certs.Files {
	t.Helper()
	cert, key := testkit.Files(t, ca.Cert(t, names, change...))
	return certs.Files{Cert: cert, Key: key, CA: ca.File}
}

func load(t *testing.T, f certs.Files) *certs.Source {
	t.Helper()
	s, err := certs.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve starts a server with the source and returns its address.
func serve(t *testing.T, s *certs.Source) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(s.Server("h2"))))
	healthpb.RegisterHealthServer(server, health.NewServer())
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return l.Addr().String()
}

// ask makes one call over a connection of its own.
func ask(t *testing.T, addr string, c credentials.TransportCredentials) error {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(c))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	return err
}

func spiffe(id string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		u, err := url.Parse(id)
		if err != nil {
			panic(err)
		}
		c.URIs = []*url.URL{u}
	}
}

func TestBothSidesVerify(t *testing.T) {
	ca, other := testkit.NewCA(t), testkit.NewCA(t)
	const edge, user = "spiffe://example.org/edge", "spiffe://example.org/user"
	addr := serve(t, load(t, files(t, ca, []string{"127.0.0.1"}, spiffe(user))))
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	bad := ca.Cert(t, []string{"bad"})
	crl := revokedFile(t, ca, bad)
	good := load(t, files(t, ca, nil, spiffe(edge)))
	certFile, keyFile := testkit.Files(t, bad)
	strict := files(t, ca, []string{"127.0.0.1"})
	strict.CRL = crl
	for name, test := range map[string]struct {
		addr string
		with credentials.TransportCredentials
		want string // part of the error, empty for none
	}{
		"a name":                        {addr, good.Client(), ""},
		"an identity":                   {addr, good.Client("spiffe://example.org/a", user), ""},
		"another identity":              {addr, good.Client(edge), "not one of"},
		"a server of an unknown CA":     {addr, load(t, files(t, other, nil)).Client(), "unknown authority"},
		"the same, by identity":         {addr, load(t, files(t, other, nil)).Client(user), "unknown authority"},
		"no client certificate":         {addr, load(t, certs.Files{CA: ca.File}).Client(), "Unavailable"},
		"an expired client certificate": {addr, load(t, files(t, ca, nil, expired)).Client(), "Unavailable"},
		"an expired server certificate": {serve(t, load(t, files(t, ca, []string{"127.0.0.1"}, expired))), good.Client(), "has expired"},
		"another name":                  {serve(t, load(t, files(t, ca, []string{"user.local"}))), good.Client(), "doesn't contain any IP SANs"},
		"a revoked client": {
			serve(t, load(t, strict)), load(t, certs.Files{Cert: certFile, Key: keyFile, CA: ca.File}).Client(), "Unavailable"},
	} {
		err := ask(t, test.addr, test.with)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error = %v, want %q", name, err, test.want)
		}
	}
}

func TestARevokedServerIsRefused(t *testing.T) {
	ca := testkit.NewCA(t)
	pair := ca.Cert(t, []string{"127.0.0.1"})
	certFile, keyFile := testkit.Files(t, pair)
	addr := serve(t, load(t, certs.Files{Cert: certFile, Key: keyFile}))
	if err := ask(t, addr, load(t, certs.Files{CA: ca.File}).Client()); err != nil {
		t.Fatal(err)
	}
	client := load(t, certs.Files{CA: ca.File, CRL: revokedFile(t, ca, pair)})
	if err := ask(t, addr, client.Client()); err == nil || !strings.Contains(err.Error(), "is revoked") {
		t.Errorf("error = %v", err)
	}
}

// watch watches the source's files and returns the channel of what is reported.
func watch(t *testing.T, s *certs.Source) <-chan error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reports, done := make(chan error, 10), make(chan struct{})
	go func() { defer close(done); s.Watch(ctx, func(err error) { reports <- err }) }()
	t.Cleanup(func() { cancel(); <-done })
	return reports
}

func TestNewFilesAreUsed(t *testing.T) {
	ca := testkit.NewCA(t)
	f := files(t, ca, []string{"old.local"})
	server := load(t, f)
	reports := watch(t, server)
	addr := serve(t, server)
	client := load(t, files(t, ca, nil, spiffe("spiffe://example.org/edge")))
	if err := ask(t, addr, client.Client()); err == nil {
		t.Fatal("a certificate for another name is accepted")
	}
	// First only the certificate: it does not fit the key, and the old pair stays.
	certFile, keyFile := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1"}))
	replace(t, certFile, f.Cert)
	if err := <-reports; err == nil || !strings.Contains(err.Error(), "does not match") {
		t.Errorf("reported %v", err)
	}
	if err := ask(t, addr, client.Client()); err == nil || !strings.Contains(err.Error(), "IP SANs") {
		t.Errorf("with half of a pair: %v", err)
	}
	replace(t, keyFile, f.Key)
	if err := <-reports; err != nil {
		t.Errorf("reported %v", err)
	}
	if err := ask(t, addr, client.Client()); err != nil {
		t.Error(err)
	}
	if in := time.Until(server.Expires()); in < 30*time.Minute || in > 2*time.Hour {
		t.Errorf("expires in %s", in)
	}
	// A CA that is no longer trusted locks out whom it signed, at the next connection.
	replace(t, testkit.NewCA(t).File, ca.File)
	if err := <-reports; err != nil {
		t.Errorf("reported %v", err)
	}
	if err := ask(t, addr, client.Client()); err == nil {
		t.Error("a client of the old CA is accepted")
	}
}

// revokedFile is a revocation list of the CA with one certificate in it.
func revokedFile(t *testing.T, ca *testkit.CA, bad tls.Certificate) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crl.pem")
	if err := os.WriteFile(path, ca.Revoke(t, bad), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func replace(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(to+".new", to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestLoadSaysWhichFileIsWrong(t *testing.T) {
	ca, other := testkit.NewCA(t), testkit.NewCA(t)
	good, second := files(t, ca, nil), files(t, ca, nil)
	foreign := revokedFile(t, other, other.Cert(t, nil))
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files certs.Files
		want  string
	}{
		"no key":          {certs.Files{Cert: good.Cert}, "belong together"},
		"no file":         {certs.Files{Cert: good.Cert + "x", Key: good.Key}, "certificate: open "},
		"another key":     {certs.Files{Cert: good.Cert, Key: second.Key}, second.Key},
		"no CA in it":     {certs.Files{CA: good.Key}, "no certificate in it"},
		"a list alone":    {certs.Files{CRL: foreign}, "only with the CA"},
		"no list in it":   {certs.Files{CA: ca.File, CRL: good.Key}, "no revocation list in it"},
		"an empty list":   {certs.Files{CA: ca.File, CRL: empty}, "no revocation list in it"},
		"a foreign list":  {certs.Files{CA: ca.File, CRL: foreign}, "signed by none of the CAs"},
		"a missing list":  {certs.Files{CA: ca.File, CRL: "/no/such"}, "revocation list: open"},
		"a damaged chain": {certs.Files{Cert: good.Key, Key: good.Key}, good.Key},
	} {
		if _, err := certs.Load(c.files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error = %v, want %q", name, err, c.want)
		}
	}
	if !load(t, certs.Files{}).Expires().IsZero() {
		t.Error("there is no certificate that could expire")
	}
}

func TestAServerWithoutACertificateRefuses(t *testing.T) {
	ca := testkit.NewCA(t)
	addr := serve(t, load(t, certs.Files{CA: ca.File}))
	if err := ask(t, addr, load(t, files(t, ca, nil)).Client()); err == nil {
		t.Error("it answered")
	}
}
