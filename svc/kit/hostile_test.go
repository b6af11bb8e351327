package kit_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit"
)

func fine(context.Context) error { return nil }

// startOdd runs a plaintext server of test.Odd and of test.Streams.
func startOdd(t *testing.T, config kit.Config, handler grpc.StreamHandler) *running {
	t.Helper()
	config.Plaintext = true
	return start(t, kit.Options{Config: config}, func(s *kit.Server) {
		s.RegisterService(odd(fine), struct{}{})
		s.RegisterService(streams(handler), struct{}{})
	})
}

func TestAMessageThatIsTooLarge(t *testing.T) {
	r := startOdd(t, kit.Config{MetricsListen: "127.0.0.1:0", LogLevel: slog.LevelDebug}, func(_ any, stream grpc.ServerStream) error { return stream.RecvMsg(&emptypb.Empty{}) })
	conn := r.dial(t)
	large := wrapperspb.Bytes(make([]byte, 4<<20+1))
	if err := conn.Invoke(within(t), oddCall, large, &emptypb.Empty{}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("unary: %v", err)
	}
	stream, err := conn.NewStream(within(t), &both, "/test.Streams/Call")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(large); err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if err := stream.RecvMsg(&emptypb.Empty{}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("stream: %v", err)
	}
	// Nor is one that is small only as long as it is compressed.
	if err := conn.Invoke(within(t), oddCall, large, &emptypb.Empty{}, grpc.UseCompressor("gzip")); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("compressed: %v", err)
	}
	r.told(t, "test.Odd/Call", codes.ResourceExhausted, 2)
	if err := call(t, conn); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestHeadersThatAreTooLarge(t *testing.T) {
	r := startOdd(t, kit.Config{}, nil)
	conn := r.dial(t)
	if err := call(t, conn); err != nil { // so that the client knows the limit of the server
		t.Fatal(err)
	}
	ctx := metadata.AppendToOutgoingContext(within(t), "x-large", strings.Repeat("x", 70<<10))
	if err := conn.Invoke(ctx, oddCall, &emptypb.Empty{}, &emptypb.Empty{}); err == nil {
		t.Error("headers of 70 KiB came through")
	}
	if err := call(t, conn); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// silent waits until the server closes the connection of a client that has said
// only this.
func silent(t *testing.T, addr, words string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	since := time.Now()
	if _, err := io.WriteString(conn, words); err != nil {
		t.Error(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Error(err)
	}
	_, err = io.Copy(io.Discard, conn) // however it is closed
	if took := time.Since(since); took > patience {
		t.Errorf("behind %q the connection was open for %v: %v", words, took, err)
	}
}

func TestAClientThatSaysNothingIsCutOff(t *testing.T) {
	t.Parallel()
	ca := testkit.NewCA(t)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1"}))
	plain := startOdd(t, kit.Config{MetricsListen: "127.0.0.1:0"}, nil)
	secure := start(t, kit.Options{Config: kit.Config{TLSCert: cert, TLSKey: key}}, func(*kit.Server) {})
	for _, c := range []struct{ name, addr, words string }{
		{"plaintext", plain.Addr(), ""}, {"half a preface", plain.Addr(), http2.ClientPreface[:10]}, {"another protocol", plain.Addr(), "GET / HTTP/1.1\r\n\r\n"},
		{"TLS", secure.Addr(), ""}, {"half a hello", secure.Addr(), "\x16\x03\x01\x02\x00\x01"},
		{"metrics", plain.MetricsAddr(), ""}, {"half a request", plain.MetricsAddr(), "GET /metrics HTTP/1.1\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			silent(t, c.addr, c.words)
		})
	}
}

func TestAFloodOfStreamsMeetsTheLimit(t *testing.T) {
	g := newGate()
	r := startOdd(t, kit.Config{}, func(_ any, stream grpc.ServerStream) error { return g.pass(stream.Context()) })
	flood := r.dial(t)
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var open []grpc.ClientStream
	for range 1000 {
		stream, err := flood.NewStream(ctx, &both, "/test.Streams/Call")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, stream)
	}
	for range 1000 {
		<-g.entered
	}
	short, done := context.WithTimeout(ctx, 200*time.Millisecond)
	defer done()
	if _, err := flood.NewStream(short, &both, "/test.Streams/Call"); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("stream 1001: %v", err)
	}
	if err := call(t, r.dial(t)); err != nil {
		t.Errorf("another client: %v", err)
	}
	refused(t, r.Addr(), g)
	g.open()
	for i, stream := range open {
		if err := stream.RecvMsg(&emptypb.Empty{}); !errors.Is(err, io.EOF) {
			t.Fatalf("stream %d: %v", i, err)
		}
	}
	if err := call(t, flood); err != nil {
		t.Errorf("the client of the flood, after it: %v", err)
	}
}

// A client that never reads gets what fits into the windows, and no more is made
// for it.
func TestAClientThatNeverReads(t *testing.T) {
	var sent atomic.Int64
	r := startOdd(t, kit.Config{DrainTimeout: 300 * time.Millisecond}, func(_ any, stream grpc.ServerStream) error {
		for {
			if err := stream.SendMsg(wrapperspb.Bytes(make([]byte, 16<<10))); err != nil {
				return err
			}
			sent.Add(16 << 10)
		}
	})
	conn := r.dial(t)
	if _, err := conn.NewStream(within(t), &both, "/test.Streams/Call"); err != nil {
		t.Fatal(err)
	}
	until(t, "something is sent", func() bool { return sent.Load() > 0 })
	other := r.dial(t)
	for range 300 { // time in which it could have sent much
		if err := errors.Join(call(t, conn), call(t, other)); err != nil {
			t.Fatal(err)
		}
	}
	if n := sent.Load(); n > 1<<20 {
		t.Errorf("%d bytes were made for a client that does not read", n)
	}
	since := time.Now()
	r.signal()
	if err := r.end(t); err != nil {
		t.Errorf("Run = %v", err)
	}
	if took := time.Since(since); took > 5*time.Second {
		t.Errorf("the drain took %v with a timeout of 300 ms", took)
	}
	if len(r.log.lines(t, "drain", "error.message", "the time for calls in flight was over: 1 were cut")) != 1 {
		t.Errorf("log = %s", r.log)
	}
}

func TestTheWrongKindOfTransport(t *testing.T) {
	ca := testkit.NewCA(t)
	cert, key := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1"}))
	plain := startOdd(t, kit.Config{}, nil)
	secure := start(t, kit.Options{Config: kit.Config{TLSCert: cert, TLSKey: key}}, func(s *kit.Server) {
		s.RegisterService(odd(fine), struct{}{})
	})
	trusting := credentials.NewTLS(&tls.Config{RootCAs: ca.Pool})
	for _, c := range []struct {
		name string
		r    *running
		good credentials.TransportCredentials
		bad  credentials.TransportCredentials
	}{
		{"plaintext client on a TLS port", secure, trusting, insecure.NewCredentials()},
		{"TLS client on a plaintext port", plain, insecure.NewCredentials(), trusting},
	} {
		if err := call(t, dial(t, c.r.Addr(), c.bad)); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := call(t, dial(t, c.r.Addr(), c.good)); err != nil {
			t.Errorf("another client, after the %s: %v", c.name, err)
		}
	}
}

func TestADependencyThatIsAway(t *testing.T) {
	var away atomic.Bool
	r := start(t, kit.Options{Config: kit.Config{Plaintext: true, MetricsListen: "127.0.0.1:0"}}, func(s *kit.Server) {
		s.RegisterService(odd(fine), struct{}{})
		s.DependOn("the database", func(context.Context) error {
			if away.Load() {
				return errors.New("s3cret: connection refused")
			}
			return nil
		})
	})
	watch, err := healthpb.NewHealthClient(r.dial(t)).Watch(within(t), &healthpb.HealthCheckRequest{Service: "test.Odd"})
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want healthpb.HealthCheckResponse_ServingStatus, code int, page string) {
		t.Helper()
		if response, err := watch.Recv(); err != nil || response.GetStatus() != want {
			t.Fatalf("health is %v, %v, want %v", response, err, want)
		}
		if got, body := r.get(t, "/readyz"); got != code || body != page {
			t.Errorf("/readyz = %d %q, want %d %q", got, body, code, page)
		}
		if got, _ := r.get(t, "/livez"); got != http.StatusOK {
			t.Errorf("/livez = %d", got)
		}
	}
	expect(healthpb.HealthCheckResponse_SERVING, http.StatusOK, "ok\n")
	away.Store(true)
	expect(healthpb.HealthCheckResponse_NOT_SERVING, http.StatusServiceUnavailable, "the database does not answer\n")
	if len(r.log.lines(t, "dependency does not answer", "dependency", "the database")) != 1 {
		t.Errorf("log = %s", r.log)
	}
	away.Store(false)
	expect(healthpb.HealthCheckResponse_SERVING, http.StatusOK, "ok\n")
}
