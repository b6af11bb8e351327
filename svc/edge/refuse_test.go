package edge_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"

	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// refusal is an error as REST has it, a google.rpc.Status, or Connect.
type refusal struct {
	Code    any    `json:"code"`
	Message string `json:"message"`
	Details []struct {
		Type   string `json:"@type"`
		Reason string `json:"reason"`
		Fields []struct {
			Field string `json:"field"`
		} `json:"fieldViolations"`
	} `json:"details"`
}

func readRefusal(t testing.TB, what string, answer *http.Response, body string) refusal {
	t.Helper()
	var r refusal
	if err := json.Unmarshal([]byte(body), &r); err != nil || r.Message == "" || answer.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: %s %v %q: %v", what, answer.Status, answer.Header, body, err)
	}
	return r
}

// Whoever refuses, net/http, the transcoder, the edge or the service, speaks as
// the caller does: Connect to who calls a method by its path, google.rpc.Status
// to all others.
func TestEveryRefusalHasTheCallersForm(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr)
	const rpc = "/user.v1.UserService/"
	for _, step := range []struct {
		method, path, kind, body string
		status                   int
		code                     any // a number in REST, a word in Connect
	}{
		{"GET", "/v1/users?bogus=1", "", "", 400, 3.0},
		{"GET", "/v1/users?pageSize=many", "", "", 400, 3.0},
		{"GET", "/v1/users?page_size=1&user.bogus=1", "", "", 400, 3.0},
		{"GET", "/v1/users/u-1", "application/json", "{}", 400, 3.0},
		{"DELETE", "/v1/users/u-1", "", "{}", 400, 3.0},
		{"POST", "/v1/users", "application/json", "{", 400, 3.0},
		{"POST", "/v1/users", "text/plain", "{}", 415, 3.0},
		{"POST", "/v1/users", "application/connect+json", "{}", 415, 3.0},
		{"POST", "/v1/users", "application/json; charset=latin1", "{}", 415, 3.0},
		{"PUT", "/v1/users", "application/json", "{}", 405, 12.0},
		{"PUT", "/v1/users", "application/connect+json", "{}", 405, 12.0},
		{"HEAD", "/v1/users", "", "", 405, nil},
		{"GET", "/v1/nothing", "", "", 404, 12.0},
		{"GET", "/v1/users/fail", "", "", 400, 9.0},
		{"GET", "/nothing.html", "", "", 404, 5.0},
		{"POST", "/", "text/plain", "x", 405, 12.0},
		{"POST", rpc + "GetUser", "text/plain", "{}", 415, "invalid_argument"},
		{"POST", rpc + "GetUser", "", "{}", 415, "invalid_argument"},
		{"POST", rpc + "GetUser", "application/x-protobuf", "", 415, "invalid_argument"},
		{"POST", rpc + "GetUser", "application/grpc-web-text", "", 415, "invalid_argument"},
		{"POST", rpc + "WatchUsers", "application/json", "{}", 415, "invalid_argument"},
		{"PUT", rpc + "GetUser", "application/json", "{}", 405, "unimplemented"},
		{"GET", rpc + "CreateUser", "", "", 405, "unimplemented"},
		{"GET", rpc + "WatchUsers", "", "", 405, "unimplemented"},
		{"GET", rpc + "GetUser?encoding=xml&message=x", "", "", 415, "invalid_argument"},
		{"GET", rpc + "GetUser?encoding=json&message={", "", "", 400, "invalid_argument"},
		{"POST", rpc + "GetUser", "application/json", "{", 400, "invalid_argument"},
		{"POST", rpc + "GetUser", "application/json", `{"id":"fail"}`, 400, "failed_precondition"},
		{"POST", rpc + "Nothing", "text/plain", "{}", 404, "unimplemented"},
		{"GET", rpc + "Nothing", "", "", 404, "unimplemented"},
		{"POST", rpc + "SyncUsers", "application/json", "{}", 505, "unimplemented"},
		{"POST", rpc + "GetUser", "application/grpc", "", 505, "unimplemented"},
	} {
		headers := []string{"Content-Type", step.kind}
		if step.kind == "" {
			headers = nil
		}
		what := step.method + " " + step.path + " " + step.kind
		answer, body := do(t, httpClient(t, 1), step.method, "http://"+w.http+step.path, step.body, headers...)
		if answer.StatusCode != step.status || len(answer.Header.Values("X-Request-Id")) != 1 {
			t.Errorf("%s: %s %v %s, want %d", what, answer.Status, answer.Header, body, step.status)
		}
		if step.status == http.StatusMethodNotAllowed && answer.Header.Get("Allow") == "" {
			t.Errorf("%s: %v does not say what is allowed", what, answer.Header)
		}
		if step.method == http.MethodHead {
			continue // has no body
		}
		if r := readRefusal(t, what, answer, body); r.Code != step.code {
			t.Errorf("%s: %s, want the code %v", what, body, step.code)
		}
	}
}

func TestAnUnknownParameterIsNamed(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr)
	answer, body := do(t, httpClient(t, 1), "GET", "http://"+w.http+"/v1/users?pageSize=1&zig=1&bogus=1", "")
	r := readRefusal(t, "bogus", answer, body)
	if len(r.Details) != 2 || r.Details[0].Reason != "INVALID_REQUEST" || len(r.Details[1].Fields) != 2 || r.Details[1].Fields[0].Field != "bogus" {
		t.Errorf("%s", body)
	}
	for _, good := range []string{"/v1/users?pageSize=1", "/v1/users?page_size=1", "/v1/users:batchGet?ids=a&ids=b"} {
		if answer, body := do(t, httpClient(t, 1), "GET", "http://"+w.http+good, ""); answer.StatusCode != http.StatusNotImplemented { // by the stub
			t.Errorf("%s: %s %s", good, answer.Status, body)
		}
	}
}

// What is damaged, or grows too large, is the caller's doing.
func TestDamagedCompressionIsAnInvalidArgument(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr)
	for _, path := range []string{"/v1/users", "/user.v1.UserService/CreateUser"} {
		answer, body := do(t, httpClient(t, 1), "POST", "http://"+w.http+path, "no gzip at all", "Content-Type", "application/json", "Content-Encoding", "gzip")
		if answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "no gzip") {
			t.Errorf("%s: %s %s", path, answer.Status, body)
		}
	}
}

func TestPagesOfTheEdgeItselfMayAskBefore(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr)
	ask := func(origin string) *http.Response {
		answer, _ := do(t, httpClient(t, 1), "OPTIONS", "http://"+w.http+"/user.v1.UserService/GetUser", "", "Origin", origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
		return answer
	}
	own := "http://" + w.http
	if answer := ask(own); answer.StatusCode != http.StatusNoContent || answer.Header.Get("Access-Control-Allow-Origin") != own {
		t.Errorf("%s %v", answer.Status, answer.Header)
	}
	for _, other := range []string{"http://other.example.com", "null", "http://", strings.Replace(own, "127.0.0.1", "127.0.0.2", 1)} {
		if answer := ask(other); answer.StatusCode != http.StatusForbidden || answer.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %s %v", other, answer.Status, answer.Header)
		}
	}
}

// The request's ID is in an answer once, whoever would say it on the way: the
// service, the gRPC server of the edge, and its HTTP server.
func TestTheRequestIDIsSaidOnce(t *testing.T) {
	s := newService(t, newUsers(t))
	for _, p := range protocols() {
		for _, id := range []string{"nobody", "Not Valid"} {
			r := connect.NewRequest(&userv1.GetUserRequest{Id: id})
			r.Header().Set("X-Request-Id", "r-1")
			_, err := getUser(t, s.world, p).CallUnary(deadline(t), r)
			once(t, p.name+" "+id, err)
		}
	}
	for _, sent := range []string{"r-1", ""} {
		answer, _ := do(t, httpClient(t, 1), "GET", "http://"+s.http+"/v1/users", "", "X-Request-Id", sent)
		ids := append(answer.Header.Values("X-Request-Id"), answer.Trailer.Values("X-Request-Id")...)
		if len(ids) != 1 || sent != "" && ids[0] != sent || len(answer.Header.Values("Trailer-X-Request-Id")) > 0 {
			t.Errorf("sent %q, got %q, %v", sent, ids, answer.Header)
		}
	}
}

func once(t testing.TB, what string, err error) {
	t.Helper()
	var failed *connect.Error
	if !errors.As(err, &failed) {
		t.Fatalf("%s: %v", what, err)
	}
	if ids := failed.Meta().Values("X-Request-Id"); len(ids) != 1 || ids[0] != "r-1" {
		t.Errorf("%s: the request's ID is %q", what, ids)
	}
}
