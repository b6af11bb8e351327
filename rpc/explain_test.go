package rpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
)

// explain checks the verdict on an address.
func explain(t *testing.T, in fleet.Instance, o rpc.Options, want rpc.Cause, words string) *rpc.Report {
	t.Helper()
	r := rpc.Explain(t.Context(), in, o)
	f := r.Fault()
	switch {
	case f == nil && want != "":
		t.Fatalf("no fault, want %s: %+v", want, r.Steps)
	case f == nil:
	case f.Cause != want || !strings.Contains(f.What, words):
		t.Errorf("cause %q (%s), want %q with %q", f.Cause, f.What, want, words)
	}
	return r
}

func TestExplainAllIsWell(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	r := explain(t, at(addr), rpc.Options{}, "", "")
	if r.Speaks != "plaintext" || !r.GRPC || !r.Reflection || r.Health != "serving" || len(r.Services) < 3 {
		t.Errorf("report %+v", r)
	}
	ca := testkit.NewCA(t)
	_, secure := testkit.Server{TLS: serve(ca.Cert(t, []string{"127.0.0.1"}))}.Start(t)
	r = explain(t, at(secure), rpc.Options{CACert: ca.File}, "", "")
	if r.Speaks != "tls" || !r.Reflection {
		t.Errorf("report %+v", r)
	}
}

func TestExplainNothingListens(t *testing.T) {
	explain(t, at(testkit.ClosedAddr(t)), rpc.Options{}, rpc.CauseRefused, "nothing listens")
}

func TestExplainTheNameDoesNotResolve(t *testing.T) {
	// A name longer than any may be is refused without asking a server.
	explain(t, at(strings.Repeat("a", 64)+".invalid:80"), rpc.Options{}, rpc.CauseName, "does not resolve")
}

func TestExplainPlaintextAgainstTLSAndTheReverse(t *testing.T) {
	_, plain := testkit.Server{}.Start(t)
	explain(t, at(plain), rpc.Options{Plaintext: new(false)}, rpc.CausePlainServer, "speaks plaintext")
	_, secure := testkit.Server{TLS: serve(testkit.NewCA(t).Cert(t, nil))}.Start(t)
	explain(t, at(secure), rpc.Options{Plaintext: new(true)}, rpc.CauseTLSServer, "speaks TLS")
}

func TestExplainCertificates(t *testing.T) {
	ca := testkit.NewCA(t)
	start := func(cert tls.Certificate) fleet.Instance {
		_, addr := testkit.Server{TLS: serve(cert)}.Start(t)
		return at(addr)
	}
	o := rpc.Options{CACert: ca.File}
	good := start(ca.Cert(t, []string{"127.0.0.1"}))
	explain(t, good, rpc.Options{}, rpc.CauseUnknownCA, "gctl test CA")
	explain(t, start(ca.Cert(t, []string{"user.internal"})), o, rpc.CauseWrongName, "user.internal")
	explain(t, start(ca.Cert(t, []string{"127.0.0.1"}, func(c *x509.Certificate) {
		c.NotAfter = time.Now().Add(-time.Minute)
	})), o, rpc.CauseExpired, "expired")
	explain(t, start(ca.Cert(t, []string{"127.0.0.1"}, func(c *x509.Certificate) {
		c.NotBefore = time.Now().Add(time.Minute)
	})), o, rpc.CauseNotYetValid, "only from")
}

func TestExplainClientCertificate(t *testing.T) {
	ca := testkit.NewCA(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := serve(ca.Cert(t, []string{"127.0.0.1"}))
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool
		config.MinVersion, config.MaxVersion = version, version
		_, addr := testkit.Server{TLS: config}.Start(t)
		explain(t, at(addr), rpc.Options{CACert: ca.File}, rpc.CauseClientCert, "client certificate")
		cert, key := testkit.Files(t, ca.Cert(t, []string{"me"}))
		explain(t, at(addr), rpc.Options{CACert: ca.File, Cert: cert, Key: key}, "", "")
	}
}

// webServer starts an HTTP server that is no gRPC server.
func webServer(t *testing.T, config *tls.Config, http2 bool) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "shop")
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetHTTP2(http2)
	s.Config.Protocols.SetUnencryptedHTTP2(http2)
	if config == nil {
		s.Start()
	} else {
		s.TLS, s.EnableHTTP2 = config, http2
		s.StartTLS()
	}
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestExplainNoHTTP2(t *testing.T) {
	ca := testkit.NewCA(t)
	explain(t, at(webServer(t, nil, false)), rpc.Options{}, rpc.CauseNoHTTP2, "404 Not Found, content-length: 0, content-type: text/html, server: shop")
	config := serve(ca.Cert(t, []string{"127.0.0.1"}))
	explain(t, at(webServer(t, config, false)), rpc.Options{CACert: ca.File}, rpc.CauseNoHTTP2, "ALPN chose http/1.1")
}

func TestExplainAnAnswerThatIsNotGRPC(t *testing.T) {
	ca := testkit.NewCA(t)
	words := "HTTP/2.0 404 Not Found, content-length: 0, content-type: text/html, server: shop"
	explain(t, at(webServer(t, nil, true)), rpc.Options{}, rpc.CauseNotGRPC, words)
	config := serve(ca.Cert(t, []string{"127.0.0.1"}))
	explain(t, at(webServer(t, config, true)), rpc.Options{CACert: ca.File}, rpc.CauseNotGRPC, words)
}

func TestExplainAnAddressThatCannotBeRouted(t *testing.T) {
	o := rpc.Options{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
	}}
	explain(t, at("203.0.113.7:443"), o, rpc.CauseUnroutable, "cannot be routed")
	o.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done() // the packets are swallowed
		return nil, ctx.Err()
	}
	explain(t, at("203.0.113.7:443"), o, rpc.CauseNoAnswer, "no answer")
}

func TestExplainAServerThatSaysNothing(t *testing.T) {
	silent := testkit.Listen(t)
	explain(t, at(silent.Addr().String()), rpc.Options{}, rpc.CauseNoAnswer, "says nothing")
}

func TestExplainAServerThatHangsUp(t *testing.T) {
	lis := testkit.Listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := lis.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { lis.Close(); <-done })
	explain(t, at(lis.Addr().String()), rpc.Options{}, rpc.CauseHangsUp, "hangs up")
}

func TestExplainReflectionOffAndHealthMissing(t *testing.T) {
	_, addr := testkit.Server{NoReflection: true}.Start(t)
	r := explain(t, at(addr), rpc.Options{}, rpc.CauseNoReflection, "reflection is off")
	if r.Health != "serving" {
		t.Errorf("health %q must be known all the same", r.Health)
	}
	_, addr = testkit.Server{NoHealth: true}.Start(t)
	explain(t, at(addr), rpc.Options{}, rpc.CauseNoHealth, "health service is missing")
}

func TestExplainNotServing(t *testing.T) {
	_, addr := testkit.Server{NoHealth: true, Register: func(s *grpc.Server) {
		h := health.NewServer()
		h.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
		healthpb.RegisterHealthServer(s, h)
	}}.Start(t)
	explain(t, at(addr), rpc.Options{}, rpc.CauseNotServing, "not serving")
}

func TestExplainSeesWhatACallRefuses(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	o := rpc.Options{DialContext: redirect(addr), Secret: true}
	for _, host := range []string{"203.0.113.7:443", "user.localhost:443"} {
		in := fleet.Instance{ID: "u", Addr: host, Meta: map[string]string{"tls": "false"}}
		_, err := dial(t, o, in)
		wantCause(t, err, rpc.CauseSecret)
		if host != "user.localhost:443" { // which need not resolve here
			explain(t, in, o, rpc.CauseSecret, "credentials")
		}
	}
	if f := rpc.Explain(t.Context(), at(addr), rpc.Options{CACert: "/no/such/file"}).Fault(); f == nil || !strings.Contains(f.What, "cannot read the CA") {
		t.Errorf("a file that cannot be read: %+v", f)
	}
}
