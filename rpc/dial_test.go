package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/peer"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func at(addr string) fleet.Instance { return fleet.Instance{ID: addr, Addr: addr} }

// dial connects, makes one RPC and returns the instance that answered.
func dial(t *testing.T, o rpc.Options, instances ...fleet.Instance) (fleet.Instance, error) {
	t.Helper()
	conn, err := rpc.Dial(instances, o)
	if err != nil {
		return fleet.Instance{}, err
	}
	defer conn.Close()
	if err := conn.Ready(t.Context()); err != nil {
		return fleet.Instance{}, err
	}
	var p peer.Peer
	if _, err := testpb.NewTestServiceClient(conn).EmptyCall(t.Context(), &testpb.Empty{}, grpc.Peer(&p)); err != nil {
		return fleet.Instance{}, err
	}
	in, ok := conn.Instance(&p)
	if !ok {
		t.Fatalf("no instance for the peer %v", p.Addr)
	}
	return in, nil
}

// wantCause checks the cause of a failed connection and that it has a hint.
func wantCause(t *testing.T, err error, want rpc.Cause) {
	t.Helper()
	var ce *rpc.ConnectError
	if !errors.As(err, &ce) {
		t.Fatalf("error %v (%T), want a ConnectError", err, err)
	}
	var fe *fleet.Error
	if !errors.As(err, &fe) || fe.Kind != fleet.Failed {
		t.Errorf("%v must be a failure (exit 1)", err)
	}
	if ce.Cause != want || ce.Hint == "" {
		t.Errorf("cause %q, hint %q; want cause %q with a hint: %v", ce.Cause, ce.Hint, want, err)
	}
}

// counting counts the connections that a listener accepts.
type counting struct {
	net.Listener
	n atomic.Int32
}

func (c *counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}

func TestLoopbackIsProbedAndPlaintextGoesOnWithTheSameConnection(t *testing.T) {
	lis := &counting{Listener: testkit.Listen(t)}
	_, addr := testkit.Server{Listener: lis}.Start(t)
	if _, err := dial(t, rpc.Options{}, at(addr)); err != nil {
		t.Fatal(err)
	}
	if n := lis.n.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestLoopbackIsProbedAndTLSIsSpokenToATLSServer(t *testing.T) {
	ca := testkit.NewCA(t)
	_, addr := testkit.Server{TLS: serve(ca.Cert(t, []string{"127.0.0.1"}))}.Start(t)
	_, err := dial(t, rpc.Options{}, at(addr))
	wantCause(t, err, rpc.CauseUnknownCA)
	if _, err := dial(t, rpc.Options{CACert: ca.File}, at(addr)); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(t, rpc.Options{Insecure: true}, at(addr)); err != nil {
		t.Fatal(err)
	}
}

func serve(certs ...tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: certs, MinVersion: tls.VersionTLS12}
}

func TestNoSilentDowngrade(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	for name, c := range map[string]struct {
		o  rpc.Options
		in fleet.Instance
	}{
		"flag":    {rpc.Options{Plaintext: new(false)}, at(addr)},
		"tls set": {rpc.Options{ServerName: "user"}, at(addr)},
		"meta":    {rpc.Options{}, fleet.Instance{ID: "u", Addr: addr, Meta: map[string]string{"tls": "true"}}},
		"another machine": {
			rpc.Options{DialContext: redirect(addr)}, at("203.0.113.7:443"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dial(t, c.o, c.in)
			wantCause(t, err, rpc.CausePlainServer)
		})
	}
}

// redirect dials addr whatever is asked for, as if it were elsewhere.
func redirect(addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return elsewhere{conn}, nil
	}
}

type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 443}
}

func TestPlaintextMetaIsNotEnoughForCredentials(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	in := fleet.Instance{ID: "u", Addr: "203.0.113.7:443", Meta: map[string]string{"tls": "false"}}
	if _, err := dial(t, rpc.Options{DialContext: redirect(addr)}, in); err != nil {
		t.Fatal("without credentials the meta suffices:", err)
	}
	_, err := dial(t, rpc.Options{DialContext: redirect(addr), Secret: true}, in)
	wantCause(t, err, rpc.CauseSecret)
	if _, err := dial(t, rpc.Options{DialContext: redirect(addr), Secret: true, Plaintext: new(true)}, in); err != nil {
		t.Fatal("plaintext was chosen:", err)
	}
}

func TestANameThatLeadsElsewhereIsNotProbed(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	_, err := dial(t, rpc.Options{DialContext: redirect(addr)}, at("localhost:443"))
	wantCause(t, err, rpc.CausePlainServer)
}

func TestFailOverToTheNextInstance(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	in, err := dial(t, rpc.Options{}, at(testkit.ClosedAddr(t)), fleet.Instance{ID: "second", Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	if in.ID != "second" {
		t.Errorf("instance %q answered, want second", in.ID)
	}
}

func TestEveryInstanceThatFailedIsNamed(t *testing.T) {
	first, second := testkit.ClosedAddr(t), testkit.ClosedAddr(t)
	_, err := dial(t, rpc.Options{}, at(first), fleet.Instance{ID: "two", Addr: second})
	wantCause(t, err, rpc.CauseRefused)
	var fe *fleet.Error
	errors.As(err, &fe)
	if len(fe.Details) != 1 || !strings.Contains(fe.Details[0], "two") || !strings.Contains(err.Error(), first) {
		t.Errorf("error %v, details %q", err, fe.Details)
	}
}

func TestConnectTimeout(t *testing.T) {
	silent := testkit.Listen(t) // accepts by its backlog, says nothing
	_, err := dial(t, rpc.Options{ConnectTimeout: 50 * time.Millisecond, Plaintext: new(false)}, at(silent.Addr().String()))
	wantCause(t, err, rpc.CauseNoAnswer)
}

func TestPlaintextToATLSServer(t *testing.T) {
	_, addr := testkit.Server{TLS: serve(testkit.NewCA(t).Cert(t, nil))}.Start(t)
	_, err := dial(t, rpc.Options{Plaintext: new(true)}, at(addr))
	wantCause(t, err, rpc.CauseTLSServer)
}

func TestClientCertificate(t *testing.T) {
	ca := testkit.NewCA(t)
	config := serve(ca.Cert(t, []string{"127.0.0.1"}))
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool
	_, addr := testkit.Server{TLS: config}.Start(t)

	_, err := dial(t, rpc.Options{CACert: ca.File}, at(addr))
	wantCause(t, err, rpc.CauseClientCert)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"client"}))
	if _, err := dial(t, rpc.Options{CACert: ca.File, Cert: cert, Key: key}, at(addr)); err != nil {
		t.Fatal(err)
	}
}

func TestUnixSocket(t *testing.T) {
	path := t.TempDir() + "/s"
	lis, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Server{Listener: lis}.Start(t)
	if _, err := dial(t, rpc.Options{}, at("unix:"+path)); err != nil {
		t.Fatal(err)
	}
	_, err = dial(t, rpc.Options{}, at("unix:"+path+"nope"))
	wantCause(t, err, rpc.CauseRefused)
}

func TestOptionsThatCannotBeAreUsageErrors(t *testing.T) {
	for name, o := range map[string]rpc.Options{
		"no CA file": {CACert: "/does/not/exist"},
		"no PEM":     {CACert: "dial_test.go"},
		"no pair":    {Cert: "dial_test.go", Key: "dial_test.go"},
		"proxy":      {Proxy: "gopher://x:1"},
	} {
		if _, err := rpc.Dial([]fleet.Instance{at("127.0.0.1:1")}, o); fleet.KindOf(err) != fleet.Usage || err == nil {
			t.Errorf("%s: error %v, want a usage error", name, err)
		}
	}
}

func TestCancelledWhileConnecting(t *testing.T) {
	silent := testkit.Listen(t)
	conn, err := rpc.Dial([]fleet.Instance{at(silent.Addr().String())}, rpc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := conn.Ready(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancelled", err)
	}
}

func TestTheServerNameIsVerified(t *testing.T) {
	ca := testkit.NewCA(t)
	_, addr := testkit.Server{TLS: serve(ca.Cert(t, []string{"user.internal"}))}.Start(t)
	_, err := dial(t, rpc.Options{CACert: ca.File}, at(addr))
	wantCause(t, err, rpc.CauseWrongName)
	if _, err := dial(t, rpc.Options{CACert: ca.File, ServerName: "user.internal"}, at(addr)); err != nil {
		t.Fatal(err)
	}
}

func TestTheCatalogsNameIsTheOneThatIsVerified(t *testing.T) {
	ca := testkit.NewCA(t)
	_, addr := testkit.Server{TLS: serve(ca.Cert(t, []string{"users.example"}))}.Start(t)
	in := at(addr)
	if _, err := dial(t, rpc.Options{CACert: ca.File}, in); err == nil {
		t.Error("a certificate without the address was accepted")
	}
	in.Meta = map[string]string{fleet.MetaAuthority: "users.example"}
	if _, err := dial(t, rpc.Options{CACert: ca.File}, in); err != nil {
		t.Errorf("the name that the catalog gives: %v", err)
	}
}

func TestAddressesThatAreNoURL(t *testing.T) {
	_, addr := testkit.Server{}.Start(t)
	for _, odd := range []string{"[fe80::1%eth0]:9090", "[::1]:9090", "a_b.example:9090", "ümlaut.example:9090"} {
		o := rpc.Options{DialContext: redirect(addr), Plaintext: new(true)}
		if _, err := dial(t, o, at(odd)); err != nil {
			t.Errorf("%s: %v", odd, err)
		}
		if f := rpc.Explain(t.Context(), at(odd), o).Fault(); f != nil && f.Cause != rpc.CauseName {
			t.Errorf("explain %s: %+v", odd, f)
		}
	}
}
