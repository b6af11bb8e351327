package edge_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/gctl-dev/gctl/svc/edge"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// id is a user's ID that only one test has.
func id(p protocol, what string) string {
	return strings.ReplaceAll(strings.ToLower(p.name), " ", "-") + "-" + what
}

func TestEveryProtocolCarriesEveryKindOfCall(t *testing.T) {
	w := newWorld(t, newUsers(t))
	for _, p := range protocols() {
		t.Run(p.name, func(t *testing.T) {
			if p.name != "connect GET" {
				unary(t, w, p)
				clientStream(t, w, p)
				serverStream(t, w, p)
			}
			get(t, w, p)
			list(t, w, p)
			if p.major == 2 {
				bidi(t, w, p)
			}
		})
	}
}

func unary(t *testing.T, w *world, p protocol) {
	t.Helper()
	create := client[userv1.CreateUserRequest, userv1.User](t, w, p, "CreateUser")
	got, err := create.CallUnary(deadline(t), connect.NewRequest(&userv1.CreateUserRequest{User: person(id(p, "one"))}))
	if err != nil || got.Msg.GetId() != id(p, "one") || got.Msg.GetRole() != userv1.Role_ROLE_MEMBER {
		t.Fatalf("CreateUser = %v, %v", got, err)
	}
}

// get asks for a user that is not there: the status comes with its details.
func get(t *testing.T, w *world, p protocol) {
	t.Helper()
	get := client[userv1.GetUserRequest, userv1.User](t, w, p, "GetUser")
	_, err := get.CallUnary(deadline(t), connect.NewRequest(&userv1.GetUserRequest{Id: "nobody"}))
	var failed *connect.Error
	if !errors.As(err, &failed) || failed.Code() != connect.CodeNotFound {
		t.Fatalf("GetUser(nobody) = %v, want NOT_FOUND", err)
	}
	if len(failed.Details()) == 0 {
		t.Fatalf("GetUser(nobody) = %v without details", err)
	}
	detail, err := failed.Details()[0].Value()
	if info, ok := detail.(*errdetails.ErrorInfo); err != nil || !ok || info.GetDomain() != "user.v1" {
		t.Errorf("detail %v, %v, want an ErrorInfo of user.v1", detail, err)
	}
}

// list sends a message that takes no bytes.
func list(t *testing.T, w *world, p protocol) {
	t.Helper()
	list := client[userv1.ListUsersRequest, userv1.ListUsersResponse](t, w, p, "ListUsers")
	if _, err := list.CallUnary(deadline(t), connect.NewRequest(&userv1.ListUsersRequest{})); err != nil {
		t.Errorf("ListUsers of everything: %v", err)
	}
}

func clientStream(t *testing.T, w *world, p protocol) {
	t.Helper()
	stream := client[userv1.ImportUsersRequest, userv1.ImportUsersResponse](t, w, p, "ImportUsers").CallClientStream(deadline(t))
	for _, what := range []string{"two", "three"} {
		if err := stream.Send(&userv1.ImportUsersRequest{User: person(id(p, what))}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := stream.CloseAndReceive()
	if err != nil || got.Msg.GetCreated() != 2 {
		t.Errorf("ImportUsers = %v, %v, want two created", got, err)
	}
}

// serverStream watches while somebody else changes something.
func serverStream(t *testing.T, w *world, p protocol) {
	t.Helper()
	watch := client[userv1.WatchUsersRequest, userv1.UserChange](t, w, p, "WatchUsers")
	stream, err := watch.CallServerStream(deadline(t), connect.NewRequest(&userv1.WatchUsersRequest{Ids: []string{id(p, "four")}}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	users := userv1.NewUserServiceClient(w.conn)
	if _, err := users.CreateUser(deadline(t), &userv1.CreateUserRequest{User: person(id(p, "four"))}); err != nil {
		t.Fatal(err)
	}
	if !stream.Receive() || stream.Msg().GetCreated().GetId() != id(p, "four") {
		t.Errorf("watch = %v, %v", stream.Msg(), stream.Err())
	}
}

// bidi sends in answer to what it got.
func bidi(t *testing.T, w *world, p protocol) {
	t.Helper()
	stream := client[userv1.SyncUsersRequest, userv1.SyncUsersResponse](t, w, p, "SyncUsers").CallBidiStream(deadline(t))
	defer stream.CloseResponse()
	send := func(r *userv1.SyncUsersRequest) {
		t.Helper()
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	until := func(want func(*userv1.SyncUsersResponse) bool) {
		t.Helper()
		for {
			r, err := stream.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if want(r) {
				return
			}
		}
	}
	send(&userv1.SyncUsersRequest{Message: &userv1.SyncUsersRequest_Start{Start: &userv1.SyncStart{}}})
	until(func(r *userv1.SyncUsersResponse) bool { return r.GetReady() != nil })
	send(&userv1.SyncUsersRequest{RequestId: "r", Message: &userv1.SyncUsersRequest_Put{Put: person(id(p, "five"))}})
	until(func(r *userv1.SyncUsersResponse) bool { return r.GetResult().GetRequestId() == "r" })
	if err := stream.CloseRequest(); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestInvalidRequestsListTheViolatedFields(t *testing.T) {
	w := newWorld(t, newUsers(t))
	for _, p := range protocols() {
		if p.name == "connect GET" {
			continue // only what changes nothing can be got
		}
		create := client[userv1.CreateUserRequest, userv1.User](t, w, p, "CreateUser")
		_, err := create.CallUnary(deadline(t), connect.NewRequest(&userv1.CreateUserRequest{User: &userv1.User{Id: "Not Valid", Email: "x"}}))
		var failed *connect.Error
		if !errors.As(err, &failed) || failed.Code() != connect.CodeInvalidArgument {
			t.Errorf("%s: %v, want INVALID_ARGUMENT", p.name, err)
			continue
		}
		fields := 0
		for _, d := range failed.Details() {
			if v, err := d.Value(); err == nil {
				if bad, ok := v.(*errdetails.BadRequest); ok {
					fields = len(bad.GetFieldViolations())
				}
			}
		}
		if fields != 3 {
			t.Errorf("%s: %d violated fields, want 3: %v", p.name, fields, err)
		}
	}
}

func TestStreamsInBothDirectionsNeedHTTP2AndSaySo(t *testing.T) {
	w := newWorld(t, newUsers(t))
	for _, c := range []struct {
		kind string
		code int
	}{
		{"application/grpc-web+proto", 200},
		{"application/connect+json", 200},
		{"application/json", 505},
	} {
		answer, body := do(t, httpClient(t, 1), "POST", "http://"+w.http+"/user.v1.UserService/SyncUsers", "", "Content-Type", c.kind)
		said := strings.ReplaceAll(body+answer.Header.Get("Grpc-Message"), "%", "")
		if answer.StatusCode != c.code || !strings.Contains(said, "needs HTTP/2: call by https") {
			t.Errorf("%s: %s %q", c.kind, answer.Status, said)
		}
		if c.kind == "application/grpc-web+proto" && answer.Header.Get("Grpc-Status") != "12" && !strings.Contains(body, "grpc-status: 12") {
			t.Errorf("gRPC-Web got %v %q, want UNIMPLEMENTED", answer.Header, body)
		}
		if c.kind != "application/grpc-web+proto" && !strings.Contains(body, `"unimplemented"`) {
			t.Errorf("%s got %q, want unimplemented", c.kind, body)
		}
	}
	answer, body := do(t, httpClient(t, 1), "POST", "http://"+w.http+"/user.v1.UserService/GetUser", "", "Content-Type", "application/grpc")
	if answer.StatusCode != http.StatusHTTPVersionNotSupported || !strings.Contains(body, "gRPC needs HTTP/2") {
		t.Errorf("gRPC over HTTP/1.1: %s %q", answer.Status, body)
	}
}

func TestUnknownMethodsAreUnimplemented(t *testing.T) {
	w := newWorld(t, newUsers(t))
	for _, p := range protocols() {
		_, err := client[userv1.GetUserRequest, userv1.User](t, w, p, "Nothing").
			CallUnary(deadline(t), connect.NewRequest(&userv1.GetUserRequest{}))
		if connect.CodeOf(err) != connect.CodeUnimplemented {
			t.Errorf("%s: %v, want UNIMPLEMENTED", p.name, err)
		}
	}
	answer, body := do(t, httpClient(t, 1), "POST", "http://"+w.http+"/user.v1.UserService/Nothing", "{}", "Content-Type", "application/json")
	if answer.StatusCode != http.StatusNotFound || !strings.Contains(body, "user.v1.UserService") || !strings.Contains(body, "/v1/") {
		t.Errorf("plain JSON: %s %q, want 404 and what there is", answer.Status, body)
	}
}

func TestAServiceThatIsAwayIsUnavailable(t *testing.T) {
	w := newWorld(t, "127.0.0.1:1")
	for _, p := range protocols() {
		_, err := client[userv1.GetUserRequest, userv1.User](t, w, p, "GetUser").
			CallUnary(deadline(t), connect.NewRequest(&userv1.GetUserRequest{Id: "u-1"}))
		if connect.CodeOf(err) != connect.CodeUnavailable {
			t.Errorf("%s: %v, want UNAVAILABLE", p.name, err)
		}
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for _, o := range []edge.Options{
		{MaxMessageBytes: -1}, {UnaryTimeout: -1}, {WriteTimeout: -1},
		{Origins: []string{"app.example.com"}}, {Origins: []string{"https://app.example.com/"}}, {Origins: []string{"ftp://x"}},
	} {
		if _, err := edge.New(nil, o); err == nil {
			t.Errorf("New(%+v) = nil, want an error", o)
		}
	}
}
