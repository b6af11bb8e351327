package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gctl-dev/gctl/svc/kit/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// lines returns the lines with this message, decoded.
func (b *buffer) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []map[string]any
	for line := range strings.Lines(b.b.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if fields["message"] == message {
			found = append(found, fields)
		}
	}
	return found
}

const (
	say   = "/test.Echo/Say"
	count = "/test.Echo/Count"
)

type handler = func(ctx context.Context, text string) (string, error)

// echo describes a service of one unary method and one that streams its answer
// twice.
func echo(handle handler) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "test.Echo", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			in := &wrapperspb.StringValue{}
			if err := dec(in); err != nil {
				return nil, err
			}
			call := func(ctx context.Context, in any) (any, error) {
				out, err := handle(ctx, in.(*wrapperspb.StringValue).GetValue())
				return wrapperspb.String(out), err
			}
			if interceptor == nil {
				return call(ctx, in)
			}
			return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: say}, call)
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Count", ServerStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			in := &wrapperspb.StringValue{}
			if err := stream.RecvMsg(in); err != nil {
				return err
			}
			out, err := handle(stream.Context(), in.GetValue())
			for range 2 {
				if err == nil {
					err = stream.SendMsg(wrapperspb.String(out))
				}
			}
			return err
		}}},
	}
}

// start returns running telemetry, whose log is the buffer, and ends it with the
// test.
func start(t testing.TB, o telemetry.Options) (*telemetry.Telemetry, *buffer) {
	t.Helper()
	log := &buffer{}
	o.Log = log
	if o.Service == "" {
		o.Service = "echo"
	}
	tel, err := telemetry.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tel.Shutdown(context.Background()) })
	return tel, log
}

// serve runs an echo server and returns its address.
func serve(t testing.TB, handle handler, options ...grpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	server.RegisterService(echo(handle), struct{}{})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		<-ended
	})
	return l.Addr().String()
}

func dial(t testing.TB, addr string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient(addr, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func call(ctx context.Context, conn *grpc.ClientConn, text string, opts ...grpc.CallOption) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out := &wrapperspb.StringValue{}
	err := conn.Invoke(ctx, say, wrapperspb.String(text), out, append(opts, grpc.StaticMethod())...)
	return out.GetValue(), err
}

// stream calls Count and reads to the end.
func stream(ctx context.Context, conn *grpc.ClientConn, text string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, count, grpc.StaticMethod())
	if err == nil {
		err = s.SendMsg(wrapperspb.String(text))
	}
	if err == nil {
		err = s.CloseSend()
	}
	for err == nil {
		err = s.RecvMsg(&wrapperspb.StringValue{})
	}
	return err
}

// scrape returns the exposition in the OpenMetrics format.
func scrape(t *testing.T, tel *telemetry.Telemetry) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("/metrics: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// eventually polls until there is no error.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	end := time.After(30 * time.Second)
	look := time.NewTicker(10 * time.Millisecond)
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
