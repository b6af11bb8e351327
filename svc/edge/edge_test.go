package edge_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/gctl-dev/gctl/svc/edge"
	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/kit/telemetry"
	"github.com/gctl-dev/gctl/svc/kit/telemetry/ecs"
	"github.com/gctl-dev/gctl/svc/user"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an edge in front of a service.
type world struct {
	edge *edge.Edge
	http string // host:port of the HTTP server
	conn *grpc.ClientConn
	log  *record // of the edge
}

// record is a log that can be read while it is written.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// newUsers starts the real user service over SQLite, behind the whole chain of
// the kit, and returns its address.
func newUsers(t testing.TB) string {
	t.Helper()
	server, err := kit.New(t.Context(), kit.Options{
		Config:  kit.Config{Listen: "127.0.0.1:0", Plaintext: true, Instance: "user-1"},
		Service: user.Name,
		LogTo:   io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	service, err := user.New(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "users.db"), user.Options{Stopping: server.Stopping()})
	if err != nil {
		t.Fatal(err)
	}
	service.Register(server)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ran, service.Close()); err != nil {
			t.Error(err)
		}
	})
	return server.Addr()
}

// newWorld puts an edge in front of what serves at target.
func newWorld(t testing.TB, target string, change ...func(*edge.Options)) *world {
	t.Helper()
	conn, err := grpc.NewClient(target, append(edge.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{conn: conn, log: &record{}}
	options := edge.Options{Log: slog.New(ecs.NewHandler(w.log, ecs.Options{Level: slog.LevelDebug, RequestID: telemetry.RequestID})), Page: true}
	for _, f := range change {
		f(&options)
	}
	if w.edge, err = edge.New(conn, options); err != nil {
		t.Fatal(err)
	}
	w.http = serveHTTP(t, w.edge.Handler())
	t.Cleanup(func() { conn.Close() })
	return w
}

// jsonLog is a log for machines.
func jsonLog(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }

func serveHTTP(t testing.TB, h http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := kit.NewHTTPServer(h, nil, slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return listener.Addr().String()
}

// httpClient speaks HTTP/1.1, or HTTP/2 in plaintext.
func httpClient(t testing.TB, major int) *http.Client {
	t.Helper()
	protocols := &http.Protocols{}
	protocols.SetHTTP1(major == 1)
	protocols.SetUnencryptedHTTP2(major == 2)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// do sends a request and returns the answer and its body.
func do(t testing.TB, c *http.Client, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(deadline(t), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// deadline returns a context that ends long after everything should have.
func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually polls until there is no error.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	end := time.After(20 * time.Second)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// person returns a valid user with an ID.
func person(id string) *userv1.User {
	return &userv1.User{Id: id, Email: id + "@example.com", DisplayName: "User " + id}
}

// protocol is a way to call.
type protocol struct {
	name    string
	major   int // of HTTP
	options []connect.ClientOption
}

func protocols() []protocol {
	return []protocol{
		{"connect over HTTP 1", 1, nil},
		{"connect over HTTP 2", 2, nil},
		{"connect JSON over HTTP 1", 1, []connect.ClientOption{connect.WithProtoJSON()}},
		{"connect JSON over HTTP 2", 2, []connect.ClientOption{connect.WithProtoJSON()}},
		{"connect GET", 1, []connect.ClientOption{connect.WithProtoJSON(), connect.WithHTTPGet(), connect.WithIdempotency(connect.IdempotencyNoSideEffects)}},
		{"connect gzip", 1, []connect.ClientOption{connect.WithSendGzip()}},
		{"gRPC-Web over HTTP 1", 1, []connect.ClientOption{connect.WithGRPCWeb()}},
		{"gRPC-Web over HTTP 2", 2, []connect.ClientOption{connect.WithGRPCWeb()}},
		{"gRPC-Web JSON", 2, []connect.ClientOption{connect.WithGRPCWeb(), connect.WithProtoJSON()}},
		{"gRPC", 2, []connect.ClientOption{connect.WithGRPC()}},
		{"gRPC gzip", 2, []connect.ClientOption{connect.WithGRPC(), connect.WithSendGzip()}},
	}
}

// client is a client of one method.
func client[Req, Res any](t testing.TB, w *world, p protocol, method string, more ...connect.ClientOption) *connect.Client[Req, Res] {
	t.Helper()
	return connect.NewClient[Req, Res](httpClient(t, p.major), "http://"+w.http+"/user.v1.UserService/"+method, append(p.options, more...)...)
}
