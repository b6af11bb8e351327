package edge_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/edge"
	"github.com/gctl-dev/gctl/svc/kit"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

const callerHeader = "X-Caller"

// Nobody gets buckets of their own at the service by names that they make up,
// however they call, where the edge knows the header.
func TestCallersDoNotNameThemselves(t *testing.T) {
	stub, addr := newStub(t)
	s := newService(t, addr, func(c *kit.Config) { c.CallerHeader = callerHeader })
	native := &world{http: s.grpc}
	for _, p := range append(protocols(), protocol{"native", 2, []connect.ClientOption{connect.WithGRPC()}}) {
		w := s.world
		if p.name == "native" {
			w = native
		}
		r := connect.NewRequest(&userv1.GetUserRequest{Id: "u-1"})
		r.Header().Set(callerHeader, "made up")
		if _, err := getUser(t, w, p).CallUnary(deadline(t), r); err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		if md := <-stub.seen; len(md.Get(callerHeader)) > 0 {
			t.Errorf("%s: the service saw %q", p.name, md.Get(callerHeader))
		}
	}
	if answer, body := do(t, httpClient(t, 1), http.MethodGet, "http://"+s.http+"/v1/users/u-1", "", callerHeader, "made up"); answer.StatusCode != http.StatusOK {
		t.Errorf("%s %s", answer.Status, body)
	}
	if md := <-stub.seen; len(md.Get(callerHeader)) > 0 {
		t.Errorf("REST: the service saw %q", md.Get(callerHeader))
	}
}

// The evasion itself: a service that believes the edge counts all who are nobody
// as one.
func TestTheLimitByCallerIsNotEvaded(t *testing.T) {
	users, err := kit.New(t.Context(), kit.Options{Service: "user", LogTo: &record{}, Config: kit.Config{
		Listen: "127.0.0.1:0", Plaintext: true, CallerHeader: "x-caller", TrustCallers: []string{"*"}, RateLimits: []string{"*=1/h,burst=1"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	userv1.RegisterUserServiceServer(users, keeper{asked: make(chan proto.Message, 100)})
	run(t, users)
	s := newService(t, users.Addr(), func(c *kit.Config) { c.CallerHeader = "x-caller" })
	for i, want := range []int{http.StatusOK, http.StatusTooManyRequests, http.StatusTooManyRequests} {
		answer, body := do(t, httpClient(t, 1), http.MethodGet, "http://"+s.http+"/v1/users/u-1", "", "X-Caller", string(rune('a'+i)))
		if answer.StatusCode != want {
			t.Errorf("call %d: %s %s, want %d", i, answer.Status, body, want)
		}
	}
}

// run runs a server until the test ends.
func run(t *testing.T, server *kit.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

// With certificates the service gets to know who called: by whom the certificate
// is, and by the word of those alone whom the edge believes.
func TestTheServiceKnowsWhoCalledTheEdge(t *testing.T) {
	expectCallers(t, []string{"spiffe://test/gateway"}, []caller{
		{"spiffe://test/app", "made up", "spiffe://test/app"},
		{"spiffe://test/app", "", "spiffe://test/app"},
		{"spiffe://test/gateway", "somebody", "somebody"},
		{"spiffe://test/gateway", "", "spiffe://test/gateway"},
		{"Jürgen 100%", "made up", "J%C3%BCrgen%20100%25"},
	})
	expectCallers(t, nil, []caller{{"spiffe://test/gateway", "somebody", "spiffe://test/gateway"}})
}

// caller has an identity and says another name; the service gets to know one.
type caller struct{ id, said, want string }

func expectCallers(t *testing.T, trusted []string, callers []caller) {
	t.Helper()
	ca := testkit.NewCA(t)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1", "user"}))
	stub, _ := newStub(t)
	target := serveUsers(t, stub, grpc.Creds(credentials.NewServerTLSFromCert(new(ca.Cert(t, []string{"user"})))))
	config := kit.Config{
		Listen: "127.0.0.1:0", TLSCert: cert, TLSKey: key, TLSClientCA: ca.File,
		CallerHeader: callerHeader, TrustCallers: trusted, LogLevel: slog.LevelDebug,
	}
	w := &world{log: &record{}}
	server, err := kit.New(t.Context(), kit.Options{Config: config, Service: edge.Name, LogTo: w.log, ServerOptions: edge.ServerOptions()})
	if err != nil {
		t.Fatal(err)
	}
	if err := edge.Setup(t.Context(), server, &edge.Config{HTTPListen: "127.0.0.1:0", Target: "user", TargetAddrs: []string{target}}); err != nil {
		t.Fatal(errors.Join(err, server.Close()))
	}
	run(t, server)
	eventually(t, "the edge serves", func() error {
		line, err := w.find("message", "serving")
		w.http = text(line, "http_address")
		return err
	})
	for _, c := range callers {
		named := func(cert *x509.Certificate) { cert.Subject.CommonName = c.id }
		if strings.HasPrefix(c.id, "spiffe:") {
			named = testkit.SPIFFE(t, c.id)
		}
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{
			RootCAs: ca.Pool, Certificates: []tls.Certificate{ca.Cert(t, nil, named)}, MinVersion: tls.VersionTLS13,
		}}
		t.Cleanup(transport.CloseIdleConnections)
		for addr, protocol := range map[string][]connect.ClientOption{server.Addr(): {connect.WithGRPC()}, w.http: nil} {
			get := connect.NewClient[userv1.GetUserRequest, userv1.User](&http.Client{Transport: transport}, "https://"+addr+"/user.v1.UserService/GetUser", protocol...)
			r := connect.NewRequest(&userv1.GetUserRequest{Id: "u-1"})
			if c.said != "" {
				r.Header().Set(callerHeader, c.said)
			}
			if _, err := get.CallUnary(deadline(t), r); err != nil {
				t.Fatalf("%s: %v", c.id, err)
			}
			if got := (<-stub.seen).Get(callerHeader); len(got) != 1 || got[0] != c.want {
				t.Errorf("%s who says %q is %q to the service, want %q", c.id, c.said, got, c.want)
			}
		}
	}
}
