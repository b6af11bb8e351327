package kit_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/internal/testkit"
	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/kit/auth"
	hellov1 "github.com/gctl-dev/gctl/svc/kit/example/hello/api"
	"github.com/gctl-dev/gctl/svc/kit/fault"
	"github.com/gctl-dev/gctl/svc/kit/limit"
)

const (
	sayMethod    = "hello.v1.HelloService/Say"
	streamMethod = "test.Streams/Call"
)

// kinds are the two ways to call: both pass the same interceptors.
func kinds() map[string]func(ctx context.Context, conn *grpc.ClientConn, name string) error {
	return map[string]func(context.Context, *grpc.ClientConn, string) error{
		sayMethod: func(ctx context.Context, conn *grpc.ClientConn, name string) error {
			_, err := hellov1.NewHelloServiceClient(conn).Say(ctx, &hellov1.SayRequest{Name: name})
			return err
		},
		streamMethod: func(ctx context.Context, conn *grpc.ClientConn, name string) error {
			stream, err := conn.NewStream(ctx, &both, "/"+streamMethod)
			if err != nil {
				return err
			}
			if err := stream.SendMsg(&hellov1.SayRequest{Name: name}); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			return stream.RecvMsg(&hellov1.SayResponse{})
		},
	}
}

// chained is a server whose every interceptor has a reason to refuse.
type chained struct {
	*running

	friend, stranger *grpc.ClientConn
	gate             *gate // of calls with the name "hold"
	handled          chan string
}

func startChained(t *testing.T) *chained {
	t.Helper()
	ca := testkit.NewCA(t)
	c := &chained{gate: newGate(), handled: make(chan string, 10)}
	handle := func(ctx context.Context, name string) error {
		if name == "hold" {
			return c.gate.pass(ctx)
		}
		c.handled <- name
		return nil
	}
	cert, key := testkit.Files(t, ca.Cert(t, []string{"127.0.0.1"}))
	c.running = start(t, kit.Options{Config: kit.Config{
		TLSCert: cert, TLSKey: key, TLSClientCA: ca.File, Allow: []string{"spiffe://test/friend"},
		MetricsListen: "127.0.0.1:0", LogLevel: slog.LevelDebug,
		RateLimits: []string{"*=1000/s"}, ConcurrencyLimit: "1", DeadlineFloor: 10 * time.Minute,
	}}, func(s *kit.Server) {
		hellov1.RegisterHelloServiceServer(s, greeter{say: handle})
		s.RegisterService(streams(func(_ any, stream grpc.ServerStream) error {
			in := &hellov1.SayRequest{}
			if err := stream.RecvMsg(in); err != nil {
				return err
			}
			if err := handle(stream.Context(), in.GetName()); err != nil {
				return err
			}
			return stream.SendMsg(&hellov1.SayResponse{})
		}), struct{}{})
	})
	as := func(id string) *grpc.ClientConn {
		pair := ca.Cert(t, nil, testkit.SPIFFE(t, id))
		return dial(t, c.Addr(), credentials.NewTLS(&tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{pair}}))
	}
	c.friend, c.stranger = as("spiffe://test/friend"), as("spiffe://test/stranger")
	return c
}

// seen tells what the limits have seen, by name.
func (c *chained) seen(name string) int64 {
	for _, l := range c.Limits().Status() {
		if l.Name == name {
			return l.Admitted + l.Rejected
		}
	}
	return 0
}

func (c *chained) rate(t *testing.T, s limit.Settings) {
	t.Helper()
	if err := c.Limits().Set("rate/default", s); err != nil {
		t.Fatal(err)
	}
}

// A call that breaks every rule is refused by the outermost interceptor, and those
// behind it hear nothing of it. One rule after the other is then kept, and the
// next interceptor refuses, down to the handler.
func TestTheOrderOfInterceptors(t *testing.T) {
	for method, call := range kinds() {
		t.Run(method, func(t *testing.T) {
			c := startChained(t)
			long, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			held := make(chan error, 1)
			go func() { held <- kinds()[sayMethod](long, c.friend, "hold") }()
			<-c.gate.entered
			if err := c.Faults().Put("f", fault.Fault{Method: method, Percentage: 100, Code: codes.DataLoss}); err != nil {
				t.Fatal(err)
			}
			c.rate(t, limit.Settings{})

			conn, ctx, name := c.stranger, within(t), ""
			rated, admitted := c.seen("rate/default"), c.seen("concurrency")
			try := func(want string, rate, concurrency int64) {
				t.Helper()
				if got := reason(call(ctx, conn, name)); got != want {
					t.Errorf("refused with %s, want %s", got, want)
				}
				rated, admitted = rated+rate, admitted+concurrency
				if got := c.seen("rate/default"); got != rated {
					t.Errorf("%s: the rate has seen %d calls, want %d", want, got, rated)
				}
				if got := c.seen("concurrency"); got != admitted {
					t.Errorf("%s: the concurrency has seen %d calls, want %d", want, got, admitted)
				}
			}
			try(auth.ReasonNotAllowed, 0, 0)
			conn = c.friend
			try(limit.ReasonRateLimited, 1, 0)
			c.rate(t, limit.Settings{Shadow: true})
			try(limit.ReasonOverloaded, 1, 1)
			c.gate.open()
			if err := <-held; err != nil {
				t.Fatal(err)
			}
			until(t, "the place is free", func() bool { return c.free() })
			try(limit.ReasonDeadlineTooShort, 1, 1)
			ctx = long
			try(fault.Reason, 1, 1)
			c.Faults().Remove("f")
			try(kit.ReasonInvalid, 1, 1)
			if len(c.handled) > 0 {
				t.Errorf("the handler got %q", <-c.handled)
			}
			name = "a name"
			try(codes.OK.String(), 1, 1)
			if got := <-c.handled; got != name {
				t.Errorf("the handler got %q", got)
			}
			for code, n := range map[codes.Code]int{codes.PermissionDenied: 1, codes.ResourceExhausted: 2, codes.DeadlineExceeded: 1, codes.DataLoss: 1, codes.InvalidArgument: 1} {
				c.told(t, method, code, n)
			}
		})
	}
}

func (c *chained) free() bool {
	for _, l := range c.Limits().Status() {
		if l.Kind == limit.Concurrency {
			return l.InFlight == 0
		}
	}
	return false
}

// told checks that the metrics and the access log have calls as callers saw them.
func (r *running) told(t *testing.T, method string, code codes.Code, n int) {
	t.Helper()
	name := map[codes.Code]string{
		codes.PermissionDenied: "PERMISSION_DENIED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED", codes.DeadlineExceeded: "DEADLINE_EXCEEDED",
		codes.DataLoss: "DATA_LOSS", codes.InvalidArgument: "INVALID_ARGUMENT", codes.Internal: "INTERNAL",
	}[code]
	r.metric(t, "grpc_server_call_duration_seconds_count", strconv.Itoa(n), `grpc_method="`+method+`"`, `grpc_status="`+name+`"`)
	until(t, "the access log says "+name, func() bool {
		return len(r.log.lines(t, "call", "rpc.method", method, "rpc.response.status_code", name)) == n
	})
}

func TestAPanicIsToldByAllThatIsOutsideOfTheHandler(t *testing.T) {
	r := start(t, kit.Options{Config: kit.Config{Plaintext: true, MetricsListen: "127.0.0.1:0"}}, func(s *kit.Server) {
		hellov1.RegisterHelloServiceServer(s, greeter{say: func(context.Context, string) error { panic("s3cret") }})
		s.RegisterService(streams(func(any, grpc.ServerStream) error { panic("s3cret") }), struct{}{})
	})
	conn := r.dial(t)
	for method, call := range kinds() {
		const id, trace = "request-of-the-panic", "4bf92f3577b34da6a3ce929d0e0e4736"
		ctx := metadata.AppendToOutgoingContext(within(t), "x-request-id", id, "traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
		if err := call(ctx, conn, "x"); status.Code(err) != codes.Internal || status.Convert(err).Message() != "internal error" {
			t.Errorf("%s: %v", method, err)
		}
		r.told(t, method, codes.Internal, 1)
		for _, message := range []string{"call", "handler panicked"} {
			lines := r.log.lines(t, message, "rpc.method", method, "http.request.id", id, "trace.id", trace)
			if len(lines) != 1 {
				t.Errorf("%s: %d lines %q with the request id and trace: %s", method, len(lines), message, r.log)
			}
		}
	}
}

// Recovery is outside of authentication: a guard that was not made well panics.
func TestAPanicOfAnInterceptorIsRecovered(t *testing.T) {
	ca := testkit.NewCA(t)
	s, err := kit.New(t.Context(), kit.Options{Service: "test", Config: kit.Config{Plaintext: true, Listen: "127.0.0.1:0"}, LogTo: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	creds := credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{ca.Cert(t, []string{"127.0.0.1"})}, ClientCAs: ca.Pool, ClientAuth: tls.RequireAndVerifyClientCert})
	server := grpc.NewServer(append(s.ChainBehind(&auth.Guard{}), grpc.Creds(creds))...)
	hellov1.RegisterHelloServiceServer(server, greeter{})
	server.RegisterService(streams(nil), struct{}{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn := dial(t, listener.Addr().String(), credentials.NewTLS(&tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{ca.Cert(t, []string{"friend"})}}))
	for method, call := range kinds() {
		if err := call(within(t), conn, "x"); status.Code(err) != codes.Internal {
			t.Errorf("%s: %v", method, err)
		}
	}
	server.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// What operators look at is not limited, and not met by a fault.
func TestHealthIsNotLimited(t *testing.T) {
	r := start(t, kit.Options{Config: kit.Config{Plaintext: true, RateLimits: []string{"*=0/s,burst=0"}, ConcurrencyLimit: "1", DeadlineFloor: time.Hour}}, func(*kit.Server) {})
	if err := r.Faults().Put("f", fault.Fault{Method: "*", Percentage: 100, Code: codes.DataLoss}); err != nil {
		t.Fatal(err)
	}
	conn := dial(t, r.Addr(), insecure.NewCredentials())
	if got := healthOf(t, conn); got != "SERVING" {
		t.Errorf("health = %s", got)
	}
}
