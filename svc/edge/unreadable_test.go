package edge_test

import (
	"errors"
	"net/http"
	"testing"

	"google.golang.org/protobuf/proto"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// envelope frames a message as Connect's streams and gRPC-Web do.
func envelope(message string) string {
	n := len(message)
	return string([]byte{0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + message
}

// A request that the transcoder cannot read counts as what its caller got, which
// is no failure of the edge, wherever calls are counted.
func TestUnreadableRequestsAreLoggedAndMeasuredAsInvalid(t *testing.T) {
	s := newService(t, newUsers(t))
	const rpc = "/user.v1.UserService/"
	good := `{"user":{"id":"u-1","email":"a@example.com","displayName":"A"}}`
	for _, step := range []struct {
		verb, path, kind, body string
		method                 string
		status                 int
	}{
		{"POST", rpc + "GetUser", "application/json", "{", "GetUser", 400},
		{"POST", rpc + "UpdateUser", "application/grpc-web+json", envelope("{"), "UpdateUser", 200},
		{"POST", "/v1/users", "application/json", `{"emial":"x"}`, "CreateUser", 400},
		{"GET", "/v1/users?pageSize=many", "", "", "ListUsers", 400},
		{"GET", rpc + "BatchGetUsers?encoding=json&message=[", "", "", "BatchGetUsers", 400},
		{"POST", rpc + "WatchUsers", "application/connect+json", envelope("nonsense"), "WatchUsers", 200},
		{"POST", rpc + "ImportUsers", "application/connect+json", envelope(good) + envelope("nonsense"), "ImportUsers", 200},
	} {
		t.Run(step.method, func(t *testing.T) {
			headers := []string{"X-Request-Id", "r-" + step.method, "Content-Type", step.kind}
			if step.kind == "" {
				headers = headers[:2]
			}
			answer, body := do(t, httpClient(t, 1), step.verb, "http://"+s.http+step.path, step.body, headers...)
			if answer.StatusCode != step.status {
				t.Errorf("%s %s", answer.Status, body)
			}
			for _, message := range []string{"call", "request"} { // of the gRPC server, and of the HTTP server
				eventually(t, "the log says what became of the "+message, func() error {
					_, err := s.find("message", message, "http.request.id", "r-"+step.method, "rpc.response.status_code", "INVALID_ARGUMENT", "event.outcome", "failure")
					return err
				})
			}
			eventually(t, "the metrics say what became of the call", func() error {
				if invalid, internal := s.count(t, step.method, "INVALID_ARGUMENT"), s.count(t, step.method, "INTERNAL"); invalid != "1" || internal != "0" {
					return errors.New(invalid + " INVALID_ARGUMENT, " + internal + " INTERNAL")
				}
				return nil
			})
		})
	}
}

func TestTooLargeIsMeasuredAsSuch(t *testing.T) {
	s := newService(t, newUsers(t))
	large, err := proto.Marshal(&userv1.GetUserRequest{Id: string(make([]byte, 5<<20))})
	if err != nil {
		t.Fatal(err)
	}
	do(t, httpClient(t, 2), http.MethodPost, "http://"+s.http+"/user.v1.UserService/GetUser", envelope(string(large)), "Content-Type", "application/grpc-web+proto")
	eventually(t, "the metrics say what became of the call", func() error {
		if n := s.count(t, "GetUser", "RESOURCE_EXHAUSTED"); n != "1" {
			return errors.New(n)
		}
		return nil
	})
}

// The names of ECS are those that the lines of the gRPC server have too.
func TestTheAccessLogIsECS(t *testing.T) {
	s := newService(t, newUsers(t))
	do(t, httpClient(t, 1), http.MethodGet, "http://"+s.http+"/v1/users/nobody?x", "", "X-Request-Id", "r-0")
	do(t, httpClient(t, 1), http.MethodGet, "http://"+s.http+"/v1/users/nobody", "", "X-Request-Id", "r-1")
	var line map[string]any
	eventually(t, "the line is written", func() (err error) {
		line, err = s.find("message", "request", "http.request.id", "r-1")
		return err
	})
	for key, want := range map[string]any{
		"http.request.method": "GET", "url.path": "/v1/users/nobody", "http.version": "1.1", "client.address": "127.0.0.1",
		"http.response.status_code": 404.0, "rpc.response.status_code": "NOT_FOUND",
		"event.kind": "event", "event.action": "request", "event.outcome": "failure",
	} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	took, ok := line["event.duration"].(float64)
	if !ok || took < 1e3 || took > 20e9 {
		t.Errorf("event.duration is %v, want nanoseconds", line["event.duration"])
	}
	for _, old := range []string{"path", "status", "duration", "peer", "bytes", "protocol", "content_type", "request_id", "grpc_code"} {
		if line[old] != nil {
			t.Errorf("%s is no name of ECS", old)
		}
	}
	if bytes, ok := line["http.response.body.bytes"].(float64); !ok || bytes == 0 {
		t.Errorf("http.response.body.bytes is %v", line["http.response.body.bytes"])
	}
	if _, err := s.find("message", "request", "http.request.id", "r-0", "http.response.status_code", "400"); err != nil {
		t.Error(err)
	}
}
