package limit_test

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/svc/kit/limit"
)

// world is a real server behind limits, with a method and a stream that wait for
// the test.
type world struct {
	set  *limit.Set
	conn *grpc.ClientConn

	entered chan context.Context // of each handler
	proceed chan error           // what it does next; nil in a stream: send a message
}

func (w *world) call(ctx context.Context) error {
	return w.conn.Invoke(ctx, "/test.Work/Do", &emptypb.Empty{}, &emptypb.Empty{})
}

func (w *world) open(ctx context.Context) (grpc.ClientStream, error) {
	return w.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Work/Watch")
}

func (w *world) desc() *grpc.ServiceDesc {
	unary := func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := &emptypb.Empty{}
		if err := dec(in); err != nil {
			return nil, err
		}
		return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/test.Work/Do"}, func(ctx context.Context, _ any) (any, error) {
			w.entered <- ctx
			return &emptypb.Empty{}, <-w.proceed
		})
	}
	stream := func(_ any, stream grpc.ServerStream) error {
		w.entered <- stream.Context()
		for {
			if err := <-w.proceed; err != nil {
				return err
			}
			if err := stream.SendMsg(&emptypb.Empty{}); err != nil {
				return err
			}
		}
	}
	return &grpc.ServiceDesc{
		ServiceName: "test.Work", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Do", Handler: unary}},
		Streams: []grpc.StreamDesc{{StreamName: "Watch", Handler: stream, ServerStreams: true, ClientStreams: true}},
	}
}

func newWorld(t testing.TB, set *limit.Set, deadline limit.Deadline) *world {
	t.Helper()
	w := &world{set: set, entered: make(chan context.Context), proceed: make(chan error)}
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(set.UnaryRate, set.UnaryConcurrency, deadline.Unary),
		grpc.ChainStreamInterceptor(set.StreamRate, set.StreamConcurrency, deadline.Stream),
	)
	server.RegisterService(w.desc(), struct{}{})
	healthpb.RegisterHealthServer(server, health.NewServer())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	w.conn = conn
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

func background(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// refused checks the details of an error as a client gets them.
func refused(t *testing.T, err error, reason, subject string) {
	t.Helper()
	if status.Code(err) != codes.ResourceExhausted {
		t.Fatalf("error = %v", err)
	}
	if d := detail[*errdetails.ErrorInfo](t, err); d.GetReason() != reason || d.GetDomain() != "gctl.kit" || d.GetMetadata()["limit"] == "" {
		t.Errorf("info = %v", d)
	}
	if wait := detail[*errdetails.RetryInfo](t, err).GetRetryDelay().AsDuration(); wait <= 0 || wait > time.Hour {
		t.Errorf("wait = %v", wait)
	}
	violations := detail[*errdetails.QuotaFailure](t, err).GetViolations()
	if len(violations) != 1 || violations[0].GetSubject() != subject || violations[0].GetDescription() == "" {
		t.Errorf("violations = %v", violations)
	}
}

func TestARealServerRefuses(t *testing.T) {
	w := newWorld(t, newSet(t, "1", "*=1/h,burst=3"), limit.Deadline{})
	ctx := background(t)
	first := make(chan error, 1)
	go func() { first <- w.call(ctx) }()
	<-w.entered
	refused(t, w.call(ctx), "OVERLOADED", "concurrency")
	if _, err := openAndRecv(ctx, w); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a stream in the place of a call: %v", err)
	}
	refused(t, w.call(ctx), "RATE_LIMITED", "bufconn")
	_, err := openAndRecv(ctx, w)
	refused(t, err, "RATE_LIMITED", "bufconn")
	for range 5 {
		if _, err := healthpb.NewHealthClient(w.conn).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
			t.Errorf("health: %v", err)
		}
	}
	if now := concurrency(t, w.set); now.InFlight != 1 || now.Admitted != 1 || now.Rejected != 2 {
		t.Errorf("limit = %+v", now)
	}
	w.proceed <- nil
	if err := <-first; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	if now := concurrency(t, w.set); now.InFlight != 0 {
		t.Errorf("limit = %+v", now)
	}
}

func openAndRecv(ctx context.Context, w *world) (grpc.ClientStream, error) {
	stream, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	return stream, stream.RecvMsg(&emptypb.Empty{})
}

// A stream has a place until its first message, not for its life.
func TestStreamsGiveTheirPlaceBack(t *testing.T) {
	w := newWorld(t, newSet(t, "1"), limit.Deadline{})
	ctx := background(t)
	stream, err := w.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	<-w.entered
	if now := concurrency(t, w.set); now.InFlight != 1 {
		t.Errorf("with a stream that begins: %+v", now)
	}
	refused(t, w.call(ctx), "OVERLOADED", "concurrency")
	for range 2 { // the second message changes nothing
		w.proceed <- nil
		if err := stream.RecvMsg(&emptypb.Empty{}); err != nil {
			t.Fatal(err)
		}
	}
	if now := concurrency(t, w.set); now.InFlight != 0 {
		t.Errorf("with a stream under way: %+v", now)
	}
	called := make(chan error, 1)
	go func() { called <- w.call(ctx) }()
	<-w.entered
	w.proceed <- status.Error(codes.Aborted, "one of the two ends")
	w.proceed <- status.Error(codes.Aborted, "and then the other")
	if err := <-called; status.Code(err) != codes.Aborted {
		t.Errorf("the call beside the stream: %v", err)
	}
	if err := stream.RecvMsg(&emptypb.Empty{}); status.Code(err) != codes.Aborted {
		t.Errorf("the stream ended with %v", err)
	}
	if now := concurrency(t, w.set); now.InFlight != 0 || now.Admitted != 2 || now.Rejected != 1 {
		t.Errorf("in the end: %+v", now)
	}
}

// The server refuses what comes too late by itself, and the client sees it
// where its own clock is behind.
func TestDeadlineOfARealServer(t *testing.T) {
	w := newWorld(t, newSet(t, ""), limit.Deadline{Max: time.Hour})
	go func() { <-w.entered; w.proceed <- nil }()
	if err := w.call(background(t)); err != nil {
		t.Error(err)
	}
	called := make(chan error, 1)
	go func() { called <- w.call(context.Background()) }()
	ctx := <-w.entered
	if at, ok := ctx.Deadline(); !ok || time.Until(at) > time.Hour || time.Until(at) < 50*time.Minute {
		t.Errorf("a call without a deadline got %v", at)
	}
	w.proceed <- nil
	if err := <-called; err != nil {
		t.Error(err)
	}
	stream, err := w.open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := (<-w.entered).Deadline(); ok {
		t.Errorf("a stream got a deadline, %v", at)
	}
	w.proceed <- status.Error(codes.Aborted, "")
	if err := stream.RecvMsg(&emptypb.Empty{}); status.Code(err) != codes.Aborted {
		t.Error(err)
	}
}

func TestDeadlineFloor(t *testing.T) {
	d := limit.Deadline{Floor: time.Minute, Max: time.Hour}
	ran := false
	call := func(method string, left time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		defer cancel()
		ran = false
		_, err := d.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) {
			ran = true
			return nil, nil //nolint:nilnil // nobody looks
		})
		streamed := false
		streamErr := d.Stream(nil, streamOf{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: method}, func(any, grpc.ServerStream) error {
			streamed = true
			return nil
		})
		if streamed != ran || status.Code(err) != status.Code(streamErr) {
			t.Errorf("%s with %v: unary %v, stream %v", method, left, err, streamErr)
		}
		return err
	}
	for _, left := range []time.Duration{-time.Second, 0, 30 * time.Second} {
		err := call("/test.Work/Do", left)
		if status.Code(err) != codes.DeadlineExceeded || ran {
			t.Errorf("with %v left: %v, ran %v", left, err, ran)
		}
		if d := detail[*errdetails.ErrorInfo](t, err); d.GetReason() != limit.ReasonDeadlineTooShort || d.GetMetadata()["floor"] != "1m0s" {
			t.Errorf("info = %v", d)
		}
	}
	if err := call("/test.Work/Do", 2*time.Minute); err != nil || !ran {
		t.Errorf("with time enough: %v", err)
	}
	if err := call("/grpc.health.v1.Health/Check", time.Second); err != nil || !ran {
		t.Errorf("health: %v", err)
	}
	d.Floor = 0
	if err := call("/test.Work/Do", time.Second); err != nil || !ran {
		t.Errorf("without a floor: %v", err)
	}
}

// streamOf is a stream with nothing but a context.
type streamOf struct {
	grpc.ServerStream

	ctx context.Context
}

func (s streamOf) Context() context.Context { return s.ctx }
