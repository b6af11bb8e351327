package edge_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/edge"
	"github.com/gctl-dev/gctl/svc/kit"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// infoOf returns the ErrorInfo of an error.
func infoOf(t testing.TB, err error) *errdetails.ErrorInfo {
	t.Helper()
	var failed *connect.Error
	if !errors.As(err, &failed) {
		t.Fatalf("%v is no error of a call", err)
	}
	for _, d := range failed.Details() {
		if value, err := d.Value(); err == nil {
			if info, ok := value.(*errdetails.ErrorInfo); ok {
				return info
			}
		}
	}
	return nil
}

// watch opens a stream and returns how it ends.
func watch(t testing.TB, w *world, p protocol, token string) error {
	t.Helper()
	stream, err := watchUsers(t, w, p).CallServerStream(deadline(t), connect.NewRequest(&userv1.WatchUsersRequest{Token: token}))
	if err != nil {
		return err
	}
	defer stream.Close()
	for stream.Receive() {
	}
	return stream.Err()
}

// unreached checks what a caller gets of a service that is not there.
func unreached(t testing.TB, what string, err error) {
	t.Helper()
	info := infoOf(t, err)
	if connect.CodeOf(err) != connect.CodeUnavailable || info.GetReason() != edge.ReasonNoInstance || info.GetDomain() != edge.Domain ||
		info.GetMetadata()["target"] != "user" || !strings.HasSuffix(err.Error(), ": no instance of user can be reached") {
		t.Errorf("%s: %v, %v", what, err, info)
	}
}

// What the edge's own connection has to say, grpc-go's texts with addresses, is
// for the log, where the request's ID leads to it.
func TestTheConnectionsTroubleIsForTheLog(t *testing.T) {
	w := newWorld(t, "127.0.0.1:1")
	for _, p := range protocols() {
		id := strings.ReplaceAll(p.name, " ", "-")
		unreached(t, p.name, getAs(t, w, p, id))
		if _, err := w.find("http.request.id", id, "target", "user", "reason", "NO_INSTANCE", "rpc.method", "user.v1.UserService/GetUser"); err != nil {
			t.Error(err)
		}
		if p.name != "connect GET" { // which is no stream
			unreached(t, p.name+", stream", watch(t, w, p, ""))
		}
	}
	if text := w.log.String(); !strings.Contains(text, "127.0.0.1:1") || !strings.Contains(text, "connection refused") {
		t.Errorf("the log does not say what was wrong: %s", text)
	}
}

// getAs calls with a request ID.
func getAs(t testing.TB, w *world, p protocol, id string) error {
	t.Helper()
	r := connect.NewRequest(&userv1.GetUserRequest{Id: "u-1"})
	r.Header().Set("X-Request-Id", id)
	_, err := getUser(t, w, p).CallUnary(deadline(t), r)
	return err
}

func TestBehindTheKitToo(t *testing.T) {
	s := newService(t, "127.0.0.1:1")
	unreached(t, "Connect", getAs(t, s.world, protocols()[0], "r-1"))
	line, err := s.find("http.request.id", "r-1", "reason", "NO_INSTANCE")
	if err != nil || !strings.Contains(text(line, "error.message"), "127.0.0.1:1") {
		t.Errorf("%v, %v", line, err)
	}
	_, err = userv1.NewUserServiceClient(s.conn).GetUser(deadline(t), &userv1.GetUserRequest{Id: "u-1"})
	if got := status.Convert(err); got.Code() != codes.Unavailable || got.Message() != "no instance of user can be reached" {
		t.Errorf("by native gRPC: %v", err)
	}
}

// Who is told to come back is told when, in the words of HTTP.
func TestRetryAfter(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr)
	c := httpClient(t, 1)
	for id, want := range map[string]struct {
		code  int
		after string
	}{"away": {503, "1"}, "busy": {429, "2"}, "full": {429, ""}, "fail": {400, ""}, "u-1": {200, ""}} {
		rest, _ := do(t, c, "GET", "http://"+w.http+"/v1/users/"+id, "")
		rpc, _ := do(t, c, "POST", "http://"+w.http+"/user.v1.UserService/GetUser", `{"id":"`+id+`"}`, "Content-Type", "application/json")
		for what, answer := range map[string]*http.Response{"REST": rest, "Connect": rpc} {
			if answer.StatusCode != want.code || answer.Header.Get("Retry-After") != want.after {
				t.Errorf("%s %s: %s, Retry-After %q, want %v", what, id, answer.Status, answer.Header.Get("Retry-After"), want)
			}
		}
	}
	if answer, _ := do(t, c, "GET", "http://"+w.http+"/v1/users/busy", "", "Origin", "http://"+w.http); !strings.Contains(answer.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Errorf("pages may read %v", answer.Header)
	}
}

func TestAnOpenBreakerSaysWhenToComeBack(t *testing.T) {
	s := newService(t, "127.0.0.1:1")
	eventually(t, "the breaker opens", func() error {
		answer, body := do(t, httpClient(t, 1), "GET", "http://"+s.http+"/v1/users/u-1", "")
		if !strings.Contains(body, "BREAKER_OPEN") {
			return errors.New(body)
		}
		after, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if answer.StatusCode != http.StatusServiceUnavailable || err != nil || after < 1 || after > 60 {
			t.Errorf("%s %v", answer.Status, answer.Header)
		}
		return nil
	})
}

func TestALimitSaysWhenToComeBack(t *testing.T) {
	_, addr := newStub(t)
	s := newService(t, addr, func(c *kit.Config) { c.RateLimits = []string{"*=0.5/s"} })
	eventually(t, "the limit is reached", func() error {
		answer, body := do(t, httpClient(t, 1), "GET", "http://"+s.http+"/v1/users/u-1", "")
		if !strings.Contains(body, "RATE_LIMITED") {
			return errors.New(body)
		}
		after, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if answer.StatusCode != http.StatusTooManyRequests || err != nil || after < 1 || after > 2 {
			t.Errorf("%s %v", answer.Status, answer.Header)
		}
		return nil
	})
}

func TestStatusesOfTheServiceItselfPass(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr)
	for _, p := range protocols() {
		_, err := getUser(t, w, p).CallUnary(deadline(t), connect.NewRequest(&userv1.GetUserRequest{Id: "away"}))
		if connect.CodeOf(err) != connect.CodeUnavailable || !strings.Contains(err.Error(), "the store is away") || infoOf(t, err) != nil {
			t.Errorf("%s: %v", p.name, err)
		}
		if p.name == "connect GET" {
			continue
		}
		if err := watch(t, w, p, "away"); connect.CodeOf(err) != connect.CodeUnavailable || !strings.Contains(err.Error(), "the store is away") || infoOf(t, err) != nil {
			t.Errorf("%s, stream: %v", p.name, err)
		}
	}
}

// lost makes a call whose connection is cut when the service has it, and checks
// what the caller gets.
func lost(t *testing.T, s *stub, cut *cutter, what string, call func(context.Context) error, reason, text string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	called := make(chan error, 1)
	go func() { called <- call(ctx) }()
	select {
	case <-s.seen:
	case err := <-called:
		t.Fatalf("%s: the call ended before it came: %v", what, err)
	}
	cut.all()
	<-s.ended
	err := <-called
	if info := infoOf(t, err); connect.CodeOf(err) != connect.CodeUnavailable || info.GetReason() != reason ||
		!strings.HasSuffix(err.Error(), ": "+text) || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("%s: %v, %v, want %s %q", what, err, info, reason, text)
	}
}

// An answer that is lost is another matter than no instance: the call may have
// been done, and that matters where doing it twice does.
func TestALostAnswerIsNotCalledUnsent(t *testing.T) {
	s, addr := newStub(t)
	cut := newCutter(t, addr)
	w := newWorld(t, cut.addr)
	for _, p := range protocols() {
		lost(t, s, cut, p.name+", read-only", func(ctx context.Context) error {
			_, err := getUser(t, w, p).CallUnary(ctx, connect.NewRequest(&userv1.GetUserRequest{Id: "wait"}))
			return err
		}, edge.ReasonNoAnswer, "no answer came from user: call again")
		if p.name == "connect GET" {
			continue
		}
		lost(t, s, cut, p.name, func(ctx context.Context) error {
			_, err := client[userv1.DeleteUserRequest, userv1.DeleteUserResponse](t, w, p, "DeleteUser").
				CallUnary(ctx, connect.NewRequest(&userv1.DeleteUserRequest{Id: "wait"}))
			return err
		}, edge.ReasonNoAnswer, "no answer came from user; the call may have been done")
		lost(t, s, cut, p.name+", one answer to many", func(ctx context.Context) error {
			_, err := client[userv1.ImportUsersRequest, userv1.ImportUsersResponse](t, w, p, "ImportUsers").CallClientStream(ctx).CloseAndReceive()
			return err
		}, edge.ReasonNoAnswer, "no answer came from user; the call may have been done")
	}
}

// A stream that has answered and then breaks is neither without an answer nor
// something that may have been done.
func TestAStreamThatBreaksIsToBeResumed(t *testing.T) {
	s, addr := newStub(t)
	cut := newCutter(t, addr)
	w := newWorld(t, cut.addr)
	for _, p := range protocols() {
		if p.name == "connect GET" {
			continue // no stream
		}
		stream, err := watchUsers(t, w, p).CallServerStream(deadline(t), connect.NewRequest(&userv1.WatchUsersRequest{}))
		if err != nil || !stream.Receive() {
			t.Fatalf("%s: %v", p.name, err)
		}
		lost(t, s, cut, p.name, func(context.Context) error {
			for stream.Receive() {
			}
			return stream.Err()
		}, edge.ReasonStreamBroken, "the stream of user broke off: resume it")
		_ = stream.Close()
	}
	if _, err := w.find("reason", edge.ReasonStreamBroken, "target", "user", "rpc.method", "user.v1.UserService/WatchUsers"); err != nil {
		t.Error(err)
	}
}

func TestRESTSaysThatThereIsNoInstance(t *testing.T) {
	w := newWorld(t, "127.0.0.1:1", func(o *edge.Options) { o.Target = "people" })
	answer, body := do(t, httpClient(t, 1), http.MethodGet, "http://"+w.http+"/v1/users/u-1", "")
	if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "no instance of people can be reached") ||
		!strings.Contains(body, "NO_INSTANCE") || strings.Contains(body, "127.0.0.1") || answer.Header.Get("Retry-After") != "1" {
		t.Errorf("%s %v %s", answer.Status, answer.Header, body)
	}
}
