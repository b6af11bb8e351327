package kit_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit"
	hellov1 "github.com/gctl-dev/gctl/svc/kit/example/hello/api"
	"github.com/gctl-dev/gctl/svc/kit/identity"
)

// side is the TLS files of one side.
type side struct{ cert, key, ca, crl string }

func newSide(t *testing.T) side {
	t.Helper()
	dir := t.TempDir()
	return side{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem"), filepath.Join(dir, "crl.pem")}
}

// put replaces a file as a whole.
func put(t *testing.T, path string, data ...[]byte) {
	t.Helper()
	var all []byte
	for _, d := range data {
		all = append(all, d...)
	}
	if err := os.WriteFile(path+".new", all, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// issue gives the side a new certificate of the CA.
func (s side) issue(t *testing.T, ca *testkit.CA, names []string, id string) (serial string) {
	t.Helper()
	pair := ca.Cert(t, names, testkit.SPIFFE(t, id))
	cert, key := testkit.Files(t, pair)
	put(t, s.cert, read(t, cert))
	put(t, s.key, read(t, key))
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.SerialNumber.String()
}

func (s side) config() kit.Config {
	return kit.Config{TLSCert: s.cert, TLSKey: s.key, TLSClientCA: s.ca}
}

const frontID, backID = "spiffe://test/front", "spiffe://test/back"

// Both sides get certificates of another CA while calls run over connections old
// and new: first both CAs are trusted, then the certificates are replaced, then the
// old CA is gone. No call fails.
func TestCertificatesAreRotatedUnderLoad(t *testing.T) {
	first, second := testkit.NewCA(t), testkit.NewCA(t)
	front, back := newSide(t), newSide(t)
	old, next := read(t, first.File), read(t, second.File)
	trust := func(cas ...[]byte) {
		put(t, front.ca, cas...)
		put(t, back.ca, cas...)
	}
	trust(old)
	front.issue(t, first, []string{"front"}, frontID)
	back.issue(t, first, []string{"127.0.0.1", "back"}, backID)

	config := back.config()
	config.Allow = []string{frontID}
	server := startBack(t, config, func(ctx context.Context, _ string) error {
		if who := identity.Of(ctx); who != frontID {
			return status.Error(codes.Internal, "the caller is "+who)
		}
		return nil
	})
	caller, long := startFront(t, front.config(), kit.Target{Service: "back", Addrs: []string{server.Addr()}})
	l := newLoad(t, long, caller, server.Addr())

	times := 0
	taken := func(what string) {
		t.Helper()
		times++
		for _, s := range []*running{caller, server} {
			until(t, what+" is in use", func() bool { return s.reloads(t) == times })
		}
		l.more(t)
	}
	trust(old, next)
	taken("the second CA")
	front.issue(t, second, []string{"front"}, frontID)
	serial := back.issue(t, second, []string{"127.0.0.1", "back"}, backID)
	taken("the new certificate")
	trust(next)
	taken("the second CA alone")
	l.end()
	if got, _ := l.serial.Load().(string); got != serial {
		t.Errorf("the last connection was to certificate %s, want %s", got, serial)
	}
	// Who has only a certificate of the old CA is no longer let in.
	stale := dial(t, server.Addr(), credentials.NewTLS(&tls.Config{RootCAs: second.Pool, Certificates: []tls.Certificate{first.Cert(t, nil, testkit.SPIFFE(t, frontID))}}))
	if err := say(t, stale, "x"); status.Code(err) != codes.Unavailable {
		t.Errorf("a certificate of the old CA: %v", err)
	}
}

// reloads counts how often the server took over new files.
func (r *running) reloads(t *testing.T) int {
	t.Helper()
	return len(r.log.lines(t, "new TLS files are in use"))
}

// load calls over one connection that stays and over ever new ones.
type load struct {
	end    func()
	calls  [2]atomic.Int64 // over the one that stays, over new ones
	serial atomic.Value    // of the server's certificate, on the last new connection
}

func newLoad(t *testing.T, long *grpc.ClientConn, caller *running, addr string) *load {
	t.Helper()
	l := &load{}
	ctx, cancel := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	run := func(counter *atomic.Int64, call func(context.Context) error) {
		workers.Go(func() {
			for ctx.Err() == nil {
				bounded, done := context.WithTimeout(context.WithoutCancel(ctx), patience)
				if err := call(bounded); err != nil {
					t.Errorf("call %d: %v", counter.Load(), err)
				}
				done()
				counter.Add(1)
			}
		})
	}
	for range 2 {
		run(&l.calls[0], func(ctx context.Context) error {
			_, err := hellov1.NewHelloServiceClient(long).Say(ctx, &hellov1.SayRequest{Name: "x"})
			return err
		})
	}
	run(&l.calls[1], func(ctx context.Context) error { return l.anew(ctx, caller.Outward(), addr) })
	stop := sync.OnceFunc(func() { cancel(); workers.Wait() })
	t.Cleanup(stop)
	l.end = stop
	return l
}

// anew calls over a new connection.
func (l *load) anew(ctx context.Context, creds credentials.TransportCredentials, addr string) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		return err
	}
	defer conn.Close()
	var p peer.Peer
	if _, err := hellov1.NewHelloServiceClient(conn).Say(ctx, &hellov1.SayRequest{Name: "x"}, grpc.Peer(&p)); err != nil {
		return err
	}
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
		l.serial.Store(info.State.PeerCertificates[0].SerialNumber.String())
	}
	return nil
}

// more waits for more calls of both kinds.
func (l *load) more(t *testing.T) {
	t.Helper()
	was := [2]int64{l.calls[0].Load(), l.calls[1].Load()}
	until(t, "there are more calls", func() bool {
		return l.calls[0].Load() > was[0]+20 && l.calls[1].Load() > was[1]+20
	})
}

func TestExpiredAndRevokedCertificatesAreRefused(t *testing.T) {
	ca := testkit.NewCA(t)
	back := newSide(t)
	put(t, back.ca, read(t, ca.File))
	back.issue(t, ca, []string{"127.0.0.1"}, backID)
	good := ca.Cert(t, nil, testkit.SPIFFE(t, frontID))
	expired := ca.Cert(t, nil, testkit.SPIFFE(t, frontID), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	revoked := ca.Cert(t, nil, testkit.SPIFFE(t, frontID))
	put(t, back.crl, ca.Revoke(t, ca.Cert(t, nil)))
	config := back.config()
	config.TLSCRL = back.crl
	server := startBack(t, config, func(context.Context, string) error { return nil })
	try := func(pair tls.Certificate) codes.Code {
		conn := dial(t, server.Addr(), credentials.NewTLS(&tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{pair}}))
		return status.Code(say(t, conn, "x"))
	}
	for name, pair := range map[string]tls.Certificate{"good": good, "not yet revoked": revoked} {
		if got := try(pair); got != codes.OK {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := try(expired); got != codes.Unavailable {
		t.Errorf("expired: %v", got)
	}
	put(t, back.crl, ca.Revoke(t, revoked))
	until(t, "the list is in use", func() bool { return server.reloads(t) == 1 })
	if got := try(revoked); got != codes.Unavailable {
		t.Errorf("revoked: %v", got)
	}
	if got := try(good); got != codes.OK {
		t.Errorf("good, after that: %v", got)
	}
}
