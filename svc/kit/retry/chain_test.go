package retry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
	"github.com/gctl-dev/gctl/svc/kit/deadline"
	"github.com/gctl-dev/gctl/svc/kit/retry"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// users is a server whose answers are decided by each test.
type users struct {
	userv1.UnimplementedUserServiceServer

	get   func(context.Context) error
	watch func(grpc.ServerStreamingServer[userv1.UserChange]) error
	calls atomic.Int64
}

func (u *users) GetUser(ctx context.Context, r *userv1.GetUserRequest) (*userv1.User, error) {
	u.calls.Add(1)
	return &userv1.User{Id: r.GetId()}, u.get(ctx)
}

func (u *users) WatchUsers(_ *userv1.WatchUsersRequest, stream grpc.ServerStreamingServer[userv1.UserChange]) error {
	u.calls.Add(1)
	return u.watch(stream)
}

// serve runs a server until the end of the test or until stopped, which cuts
// off what is under way.
func serve(t *testing.T, u *users) (addr string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	userv1.RegisterUserServiceServer(server, u)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	stop = sync.OnceFunc(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

// world is a client with the whole chain, in its order.
type world struct {
	userv1.UserServiceClient

	breakers *breaker.Set
}

func connect(t *testing.T, o breaker.Options, addrs ...string) world {
	t.Helper()
	addresses := manual.NewBuilderWithScheme("test")
	var state resolver.State
	for _, addr := range addrs {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: addr}}})
	}
	addresses.InitialState(state)
	breakers := breaker.New(o)
	retrier := retry.New("user", retry.Options{BaseDelay: time.Millisecond, Methods: []string{userv1.UserService_WatchUsers_FullMethodName}})
	conn, err := grpc.NewClient("test:///user",
		grpc.WithResolvers(addresses),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(deadline.UnaryClientInterceptor(deadline.Options{}), retrier.UnaryClientInterceptor(), breakers.UnaryClientInterceptor("user")),
		grpc.WithChainStreamInterceptor(deadline.StreamClientInterceptor(deadline.Options{}), retrier.StreamClientInterceptor(), breakers.StreamClientInterceptor("user")),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return world{userv1.NewUserServiceClient(conn), breakers}
}

func (w world) status(t *testing.T, name string) breaker.Status {
	t.Helper()
	for _, s := range w.breakers.Status() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no breaker %s: %+v", name, w.breakers.Status())
	return breaker.Status{}
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestEachAttemptIsJudged(t *testing.T) {
	u := &users{}
	u.get = func(context.Context) error {
		if u.calls.Load() < 3 {
			return status.Error(codes.Unavailable, "not yet")
		}
		return nil
	}
	addr, _ := serve(t, u)
	w := connect(t, breaker.Options{}, addr)
	if _, err := w.GetUser(t.Context(), &userv1.GetUserRequest{Id: "u-1"}); err != nil {
		t.Fatal(err)
	}
	if got := w.status(t, "user/read").Counts; got != (breaker.Counts{Requests: 3, Successes: 1, Failures: 2}) {
		t.Errorf("counts = %+v", got)
	}
}

func TestAllFailingOpensAndRecovers(t *testing.T) {
	var well atomic.Bool
	u := &users{get: func(context.Context) error {
		if well.Load() {
			return nil
		}
		return status.Error(codes.Unavailable, "down")
	}}
	addr, _ := serve(t, u)
	w := connect(t, breaker.Options{OpenFor: 300 * time.Millisecond}, addr)
	get := func() error {
		_, err := w.GetUser(t.Context(), &userv1.GetUserRequest{Id: "u-1"})
		return err
	}
	start := time.Now()
	for !breaker.Rejected(get()) {
		if time.Since(start) > time.Second {
			t.Fatal("not open within a second")
		}
	}
	before := u.calls.Load()
	start = time.Now()
	for range 100 {
		if err := get(); !breaker.Rejected(err) {
			t.Fatalf("an open breaker: %v", err)
		}
	}
	if took := time.Since(start); u.calls.Load() != before || took > 250*time.Millisecond {
		t.Errorf("%d of 100 calls reached the server, and took %v", u.calls.Load()-before, took)
	}
	well.Store(true)
	eventually(t, "closed", func() bool {
		return get() == nil && w.status(t, "user/read").State == breaker.Closed
	})
}

func TestAnInstanceThatDiesCostsNoIdempotentCall(t *testing.T) {
	good := &users{get: func(context.Context) error { return nil }}
	bad := &users{get: func(context.Context) error { return nil }}
	first, _ := serve(t, good)
	second, kill := serve(t, bad)
	w := connect(t, breaker.Options{}, first, second)
	var calls sync.WaitGroup
	var failures atomic.Int64
	for range 4 {
		calls.Go(func() {
			for i := 0; i < 200 || good.calls.Load() < 1000; i++ {
				if _, err := w.GetUser(t.Context(), &userv1.GetUserRequest{Id: "u-1"}); err != nil {
					failures.Add(1)
				}
			}
		})
	}
	eventually(t, "both called", func() bool { return bad.calls.Load() > 10 && good.calls.Load() > 10 })
	kill()
	calls.Wait()
	if got := w.status(t, "user/read"); got.State != breaker.Closed || got.Trips != 0 || failures.Load() != 0 {
		t.Errorf("%d failures, breaker %+v", failures.Load(), got)
	}
}

func TestDeadlinesReachTheServer(t *testing.T) {
	left := make(chan time.Duration, 1)
	behind := &users{get: func(ctx context.Context) error {
		end, _ := ctx.Deadline()
		left <- time.Until(end)
		return nil
	}}
	addr, _ := serve(t, behind)
	w := connect(t, breaker.Options{}, addr)
	if _, err := w.GetUser(t.Context(), &userv1.GetUserRequest{Id: "u-1"}); err != nil {
		t.Fatal(err)
	}
	if got := <-left; got > 10*time.Second || got < 9*time.Second {
		t.Errorf("a call without a deadline has %v", got)
	}
	// Before stands a server that asks the one behind.
	before := &users{get: func(ctx context.Context) error {
		_, err := w.GetUser(ctx, &userv1.GetUserRequest{Id: "u-1"})
		return err
	}}
	addr, _ = serve(t, before)
	front := connect(t, breaker.Options{}, addr)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := front.GetUser(ctx, &userv1.GetUserRequest{Id: "u-1"}); err != nil {
		t.Fatal(err)
	}
	if got := <-left; got > 5*time.Second-10*time.Millisecond || got < 4*time.Second {
		t.Errorf("two calls behind a deadline of 5 s there are %v", got)
	}
	tight, cancel := context.WithTimeout(t.Context(), time.Microsecond)
	defer cancel()
	reached := behind.calls.Load()
	if _, err := w.GetUser(tight, &userv1.GetUserRequest{Id: "u-1"}); status.Code(err) != codes.DeadlineExceeded || behind.calls.Load() != reached {
		t.Errorf("a call without time: %v", err)
	}
	if got := w.status(t, "user/read").Counts; got.Requests != 2 || got.Failures != 0 {
		t.Errorf("counts = %+v: what is not sent is not judged", got)
	}
}

func TestTheDeadlineCoversAllAttempts(t *testing.T) {
	u := &users{get: func(context.Context) error { return after(t, codes.Unavailable, 300*time.Millisecond) }}
	addr, _ := serve(t, u)
	w := connect(t, breaker.Options{}, addr)
	ctx, cancel := context.WithTimeout(t.Context(), 450*time.Millisecond)
	defer cancel()
	_, err := w.GetUser(ctx, &userv1.GetUserRequest{Id: "u-1"})
	if status.Code(err) != codes.Unavailable || u.calls.Load() != 2 {
		t.Errorf("%d attempts, %v; want 2: the third cannot finish", u.calls.Load(), err)
	}
}

func TestStreamsThroughTheChain(t *testing.T) {
	u := &users{}
	u.watch = func(stream grpc.ServerStreamingServer[userv1.UserChange]) error {
		if u.calls.Load() == 1 {
			return status.Error(codes.Unavailable, "not yet")
		}
		if err := stream.Send(&userv1.UserChange{Token: "1"}); err != nil {
			return err
		}
		if u.calls.Load() == 2 {
			return nil
		}
		<-stream.Context().Done()
		return nil
	}
	addr, kill := serve(t, u)
	w := connect(t, breaker.Options{}, addr)
	open := func(ctx context.Context) grpc.ServerStreamingClient[userv1.UserChange] {
		t.Helper()
		stream, err := w.WatchUsers(ctx, &userv1.WatchUsersRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if change, err := stream.Recv(); err != nil || change.GetToken() != "1" {
			t.Fatalf("change = %v, %v", change, err)
		}
		return stream
	}
	counts := func() breaker.Counts { return w.status(t, "user/read").Counts }

	if _, err := open(t.Context()).Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("end = %v", err)
	}
	if got := counts(); got != (breaker.Counts{Requests: 2, Successes: 1, Failures: 1}) {
		t.Errorf("repeated, then at its end: %+v", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	open(ctx)
	if got := counts(); got.Requests != 3 {
		t.Errorf("under way: %+v", got)
	}
	cancel()
	eventually(t, "abandoned without a trace", func() bool { return counts() == breaker.Counts{Requests: 2, Successes: 1, Failures: 1} })

	cut := open(t.Context())
	reached := u.calls.Load()
	kill()
	if _, err := cut.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("cut off: %v", err)
	}
	if got := counts(); got.Failures != 2 || u.calls.Load() != reached {
		t.Errorf("cut off after its first message: %+v, %d attempts", got, u.calls.Load()-reached+1)
	}
}
