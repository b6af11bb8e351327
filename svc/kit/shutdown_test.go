package kit_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gctl-dev/gctl/svc/kit"
)

func TestASecondSignalDoesNotWaitForClientsToNotice(t *testing.T) {
	r := startOdd(t, kit.Config{DrainWait: time.Hour, DrainTimeout: time.Hour}, nil)
	conn := r.dial(t)
	if err := call(t, conn); err != nil {
		t.Fatal(err)
	}
	r.signal()
	until(t, "health says so", func() bool { return healthOf(t, conn) == "NOT_SERVING" })
	if err := call(t, conn); err != nil {
		t.Errorf("a call that comes while clients notice: %v", err)
	}
	r.signal()
	if err := r.end(t); err != nil {
		t.Errorf("Run = %v", err)
	}
}

// Those who only look are not waited for, those who work are.
func TestReflectionAndHealthDoNotHoldUpADrain(t *testing.T) {
	g := newGate()
	r := startOdd(t, kit.Config{DrainTimeout: time.Hour, AdminListen: "127.0.0.1:0"}, func(_ any, stream grpc.ServerStream) error { return g.pass(stream.Context()) })
	look(t, r.dial(t))
	look(t, dial(t, r.AdminAddr(), insecure.NewCredentials()))
	work, err := r.dial(t).NewStream(within(t), &both, "/test.Streams/Call")
	if err != nil {
		t.Fatal(err)
	}
	<-g.entered
	r.signal()
	<-r.Stopping()
	late, err := grpc.NewClient(r.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	until(t, "new calls are refused", func() bool { return status.Code(call(t, late)) == codes.Unavailable })
	select {
	case <-r.ended:
		t.Fatal("the drain did not wait for the call in flight")
	default:
	}
	g.open()
	if err := work.RecvMsg(&emptypb.Empty{}); !errors.Is(err, io.EOF) {
		t.Errorf("the call in flight: %v", err)
	}
	if err := r.end(t); err != nil {
		t.Errorf("Run = %v", err)
	}
}

// look opens the streams of a tool that only looks.
func look(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	watch, err := healthpb.NewHealthClient(conn).Watch(within(t), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	reflection, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := reflection.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := reflection.Recv(); err != nil {
		t.Fatal(err)
	}
}

// With every part in use: TLS files watched, a control API, metrics, an HTTP
// front, a dependency, a connection to others.
func TestRunLeavesNothingBehind(t *testing.T) {
	o := newOperators(t)
	config := o.config
	config.MetricsListen = "127.0.0.1:0"
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	config.Listen, config.AdminListen, config.OTLP = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:1"
	s, err := kit.New(ctx, kit.Options{Config: config, Service: "odd", LogTo: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	s.RegisterService(odd(fine), struct{}{})
	s.DependOn("nothing", fine)
	if _, err := s.ServeHTTP(ctx, "127.0.0.1:0", http.NotFoundHandler(), false); err != nil {
		t.Fatal(err)
	}
	target, err := s.Dial(kit.Target{Service: "odd", Addrs: []string{s.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	s.OnStop(func() error { closed = true; return nil })
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	if err := target.Invoke(within(t), oddCall, &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(true)); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run = %v", err)
	}
	if !closed {
		t.Error("OnStop was not called")
	}
	goleak.VerifyNone(t, before)
}

func TestCloseWithoutRun(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s, err := kit.New(t.Context(), kit.Options{Service: "odd", LogTo: io.Discard, Config: kit.Config{
		Plaintext: true, Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0",
	}})
	if err != nil {
		t.Fatal(err)
	}
	addr := s.Addr()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, before)
	again, err := kit.New(t.Context(), kit.Options{Service: "odd", LogTo: io.Discard, Config: kit.Config{Plaintext: true, Listen: addr}})
	if err != nil {
		t.Fatalf("the address is still taken: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// A server that cannot serve says so and stops the rest.
func TestRunSaysWhyItCannotServe(t *testing.T) {
	s, err := kit.New(t.Context(), kit.Options{Service: "odd", LogTo: io.Discard, Config: kit.Config{Plaintext: true, Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CloseListener(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("Run = nil")
	}
}
