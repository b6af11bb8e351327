package edge_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/edge"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func getUser(t testing.TB, w *world, p protocol) *connect.Client[userv1.GetUserRequest, userv1.User] {
	t.Helper()
	return client[userv1.GetUserRequest, userv1.User](t, w, p, "GetUser")
}

func watchUsers(t testing.TB, w *world, p protocol) *connect.Client[userv1.WatchUsersRequest, userv1.UserChange] {
	t.Helper()
	return client[userv1.WatchUsersRequest, userv1.UserChange](t, w, p, "WatchUsers")
}

func TestDeadlinesPropagate(t *testing.T) {
	s, addr := newStub(t)
	w := newWorld(t, addr, func(o *edge.Options) { o.UnaryTimeout = time.Minute })
	for _, p := range protocols() {
		for _, c := range []struct{ given, least, most time.Duration }{
			{15 * time.Second, 5 * time.Second, 15 * time.Second},
			{0, 50 * time.Second, time.Minute}, // the edge's own
		} {
			ctx, cancel := context.WithCancel(t.Context())
			if c.given > 0 {
				ctx, cancel = context.WithTimeout(t.Context(), c.given)
			}
			_, err := getUser(t, w, p).CallUnary(ctx, connect.NewRequest(&userv1.GetUserRequest{Id: "u-1"}))
			cancel()
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			<-s.seen
			if left := <-s.left; left < c.least || left > c.most {
				t.Errorf("%s: with a deadline of %s the service had %s", p.name, c.given, left)
			}
		}
	}
}

func TestADeadlineThatPassesEndsTheCallEverywhere(t *testing.T) {
	s, addr := newStub(t)
	w := newWorld(t, addr, func(o *edge.Options) { o.UnaryTimeout = 50 * time.Millisecond })
	for _, p := range protocols() {
		_, err := getUser(t, w, p).CallUnary(deadlineless(t), connect.NewRequest(&userv1.GetUserRequest{Id: "wait"}))
		if connect.CodeOf(err) != connect.CodeDeadlineExceeded {
			t.Errorf("%s: %v, want DEADLINE_EXCEEDED", p.name, err)
		}
		if err := <-s.ended; err == nil {
			t.Errorf("%s: the service went on", p.name)
		}
	}
}

// deadlineless is a context without a deadline that is over with the test.
func deadlineless(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx
}

func TestCancellationPropagates(t *testing.T) {
	s, addr := newStub(t)
	w := newWorld(t, addr)
	for _, p := range protocols() {
		ctx, cancel := context.WithCancel(t.Context())
		called := make(chan error, 1)
		go func() {
			_, err := getUser(t, w, p).CallUnary(ctx, connect.NewRequest(&userv1.GetUserRequest{Id: "wait"}))
			called <- err
		}()
		<-s.seen
		cancel()
		<-s.ended
		if err := <-called; connect.CodeOf(err) != connect.CodeCanceled {
			t.Errorf("%s: %v, want CANCELLED", p.name, err)
		}
		if p.name == "connect GET" {
			continue // no stream
		}
		ctx, cancel = context.WithCancel(t.Context())
		stream, err := watchUsers(t, w, p).CallServerStream(ctx, connect.NewRequest(&userv1.WatchUsersRequest{}))
		if err != nil || !stream.Receive() {
			t.Fatalf("%s: %v", p.name, err)
		}
		<-s.seen
		cancel()
		<-s.ended
		_ = stream.Close()
	}
}

func TestMetadataTrailersAndDetailsPass(t *testing.T) {
	s, addr := newStub(t)
	w := newWorld(t, addr, func(o *edge.Options) { o.DropHeaders = []string{"X-Caller"} })
	parent := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, p := range protocols() {
		r := connect.NewRequest(&userv1.GetUserRequest{Id: "fail"})
		for name, value := range map[string]string{
			"Traceparent": parent, "Tracestate": "a=b", "X-Request-Id": "r-1", "Authorization": "Bearer x", "X-Mine-Bin": "AAE",
			"X-Caller": "somebody else", "Cookie": "a=b", "Sec-Fetch-Site": "same-origin", "Proxy-Authorization": "x", "Te": "trailers",
		} {
			r.Header().Set(name, value)
		}
		_, err := getUser(t, w, p).CallUnary(deadline(t), r)
		var failed *connect.Error
		if !errors.As(err, &failed) || failed.Code() != connect.CodeFailedPrecondition || failed.Message() != "not thus: 100 % “wrong”" {
			t.Fatalf("%s: %v", p.name, err)
		}
		if value, err := failed.Details()[0].Value(); err != nil || value.(*errdetails.ErrorInfo).GetReason() != "WHY" {
			t.Errorf("%s: detail %v, %v", p.name, value, err)
		}
		meta := failed.Meta()
		if meta.Get("X-Said") != "first" || meta.Get("X-Last") != "word" || strings.TrimRight(meta.Get("X-Bytes-Bin"), "=") != "AAE" || meta.Get("X-Request-Id") != "r-1" {
			t.Errorf("%s: metadata of the answer %v", p.name, meta)
		}
		seen := <-s.seen
		for name, want := range map[string]string{
			"traceparent": parent, "tracestate": "a=b", "x-request-id": "r-1", "authorization": "Bearer x", "x-mine-bin": "\x00\x01",
			"x-forwarded-for": "127.0.0.1", "x-caller": "", "cookie": "", "sec-fetch-site": "", "proxy-authorization": "", "connect-protocol-version": "",
		} {
			if got := strings.Join(seen.Get(name), ","); got != want {
				t.Errorf("%s: the service saw %s: %q, want %q", p.name, name, got, want)
			}
		}
	}
}

func TestARequestGetsAnIDOfItsOwn(t *testing.T) {
	s, addr := newStub(t)
	w := newWorld(t, addr)
	for _, given := range []string{"", "a b", "a/b", "a+b", strings.Repeat("x", 200)} {
		answer, _ := do(t, httpClient(t, 1), "GET", "http://"+w.http+"/v1/users/u-1", "", "X-Request-Id", given)
		got, seen := answer.Header.Get("X-Request-Id"), (<-s.seen).Get("x-request-id")
		if len(got) < 20 || got == given || strings.Join(seen, ",") != got {
			t.Errorf("given %.10q the ID is %q, the service saw %q", given, got, seen)
		}
		eventually(t, "the log says how the request ended", func() error {
			for line := range strings.Lines(w.log.String()) {
				if strings.Contains(line, `"http.request.id":"`+got+`"`) && strings.Contains(line, `"url.path":"/v1/users/u-1"`) && strings.Contains(line, `"rpc.response.status_code":"OK"`) {
					return nil
				}
			}
			return errors.New(w.log.String())
		})
	}
}

func TestStoppingEndsStreams(t *testing.T) {
	s, addr := newStub(t)
	stopping := make(chan struct{})
	w := newWorld(t, addr, func(o *edge.Options) { o.Stopping = stopping })
	var streams []*connect.ServerStreamForClient[userv1.UserChange]
	for _, p := range protocols() {
		if p.name == "connect GET" {
			continue
		}
		stream, err := watchUsers(t, w, p).CallServerStream(deadline(t), connect.NewRequest(&userv1.WatchUsersRequest{}))
		if err != nil || !stream.Receive() {
			t.Fatalf("%s: %v", p.name, err)
		}
		streams = append(streams, stream)
	}
	close(stopping)
	for _, stream := range streams {
		if stream.Receive() || connect.CodeOf(stream.Err()) != connect.CodeUnavailable ||
			!strings.HasSuffix(stream.Err().Error(), ": the edge is stopping: connect again") || infoOf(t, stream.Err()).GetReason() != edge.ReasonStopping {
			t.Errorf("the stream ended with %v, %v, want UNAVAILABLE since the edge stops", stream.Err(), infoOf(t, stream.Err()))
		}
		<-s.ended
		_ = stream.Close()
	}
	if log := w.log.String(); strings.Contains(log, edge.ReasonNoAnswer) || strings.Contains(log, edge.ReasonStreamBroken) {
		t.Errorf("the log blames the service: %s", log)
	}
}

// A server that Register was called on forwards native gRPC, and reflection shows
// the service as its own.
func TestRegisterMakesTheServiceTheServersOwn(t *testing.T) {
	s, addr := newStub(t)
	w := newWorld(t, addr)
	called := make(chan string, 9)
	conn := newNative(t, w.edge, called)
	users := userv1.NewUserServiceClient(conn)
	var header, trailer metadata.MD
	got, err := users.GetUser(deadline(t), &userv1.GetUserRequest{Id: "u-1"}, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil || got.GetId() != "u-1" || header.Get("x-said") == nil || trailer.Get("x-last") == nil {
		t.Errorf("GetUser = %v, %v, header %v, trailer %v", got, err, header, trailer)
	}
	if method := <-called; method != "unary /user.v1.UserService/GetUser" {
		t.Errorf("the interceptor saw %q", method)
	}
	ctx, cancel := context.WithCancel(t.Context())
	watch, err := users.WatchUsers(ctx, &userv1.WatchUsersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Error(err)
	}
	if method := <-called; method != "stream /user.v1.UserService/WatchUsers" {
		t.Errorf("the interceptor saw %q", method)
	}
	cancel()
	<-s.ended
	if _, err := watch.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("after cancelling: %v", err)
	}
	sync, err := users.SyncUsers(deadline(t)) // which the stub does not have
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sync.Recv(); status.Code(err) != codes.Unimplemented || errors.Is(err, io.EOF) {
		t.Errorf("SyncUsers = %v, want UNIMPLEMENTED", err)
	}
	expectReflection(t, conn, w.edge.Services())
}
