package edge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/svc/edge"
	"github.com/gctl-dev/gctl/svc/kit"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func TestOversizedMessagesAreResourceExhausted(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr, func(o *edge.Options) { o.MaxMessageBytes = 1 << 20 })
	for _, p := range protocols() {
		for what, id := range map[string]string{"request": strings.Repeat("x", 2<<20), "response": "big"} {
			if p.name == "connect GET" && what == "request" || strings.HasSuffix(p.name, "gzip") {
				continue // the URL is too long before; what is compressed is small
			}
			_, err := getUser(t, w, p).CallUnary(deadline(t), connect.NewRequest(&userv1.GetUserRequest{Id: id}))
			if connect.CodeOf(err) != connect.CodeResourceExhausted {
				t.Errorf("%s, %s: %.200v, want RESOURCE_EXHAUSTED", p.name, what, err)
			}
		}
	}
	// What grows when it is decompressed counts as what it becomes.
	for _, p := range protocols() {
		if !strings.HasSuffix(p.name, "gzip") {
			continue
		}
		_, err := getUser(t, w, p).CallUnary(deadline(t), connect.NewRequest(&userv1.GetUserRequest{Id: strings.Repeat("x", 2<<20)}))
		if connect.CodeOf(err) != connect.CodeResourceExhausted {
			t.Errorf("%s: %.200v, want RESOURCE_EXHAUSTED", p.name, err)
		}
	}
	answer, _ := do(t, httpClient(t, 1), "GET", "http://"+w.http+"/v1/users/u-1", "", "X-Much", strings.Repeat("x", 128<<10))
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("128 KiB of headers: %s, want 431", answer.Status)
	}
}

func TestJSONThatIsNoneIsAnInvalidArgumentWithDetails(t *testing.T) {
	w := newWorld(t, newUsers(t))
	for _, body := range []string{"", `{`, `[]`, `nonsense`, `{"id":1}`, `{"idd":"u-1"}`, "\xff\xfe", `{"id":"\ud800"}`, strings.Repeat(`{"id":`, 20_000)} {
		for _, headers := range [][]string{
			{"Content-Type", "application/json"},
			{"Content-Type", "application/json; charset=UTF-8"},
			{"Content-Type", "application/json", "Connect-Protocol-Version", "1"},
		} {
			answer, text := do(t, httpClient(t, 1), "POST", "http://"+w.http+"/user.v1.UserService/GetUser", body, headers...)
			var failed struct {
				Code    string `json:"code"`
				Details []struct {
					Type string `json:"type"`
				} `json:"details"`
			}
			err := json.Unmarshal([]byte(text), &failed)
			if err != nil || answer.StatusCode != http.StatusBadRequest || failed.Code != "invalid_argument" || len(failed.Details) != 2 ||
				failed.Details[1].Type != "google.rpc.BadRequest" {
				t.Errorf("%.20q: %s %s", body, answer.Status, text)
			}
		}
	}
}

func TestPlainJSONAndREST(t *testing.T) {
	w := newWorld(t, newUsers(t))
	c, base := httpClient(t, 1), "http://"+w.http
	kind := []string{"Content-Type", "application/json"}
	for _, step := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"POST", "/v1/users", `{"id":"u-1","email":"ada@example.com","displayName":"Ada"}`, 200, `"role":"ROLE_MEMBER"`},
		{"POST", "/v1/users", `{"id":"u-1","email":"x"}`, 400, `BadRequest`},
		{"POST", "/v1/users", `{"emial":"x"}`, 400, `emial`},
		{"GET", "/v1/users/u-1", "", 200, `"displayName":"Ada"`},
		{"GET", "/v1/users/u-2", "", 404, `ErrorInfo`},
		{"PATCH", "/v1/users/u-1", `{"displayName":"Ada L."}`, 200, `"displayName":"Ada L."`},
		{"PATCH", "/v1/users/u-1?updateMask=role", `{"role":"ROLE_ADMIN","displayName":"not this"}`, 200, `"displayName":"Ada L."`},
		{"GET", "/v1/users?pageSize=1&filter=role%20%3D%20ADMIN", "", 200, `"id":"u-1"`},
		{"GET", "/v1/users?pageSize=many", "", 400, `page_size`},
		{"GET", "/v1/users:batchGet?ids=u-1&ids=u-9", "", 200, `"missingIds":["u-9"]`},
		{"PUT", "/v1/users/u-1", "{}", 405, ""},
		{"GET", "/v1/nothing", "", 404, `user.v1.UserService`},
		{"POST", "/user.v1.UserService/GetUser", `{"id":"u-1"}`, 200, `"id":"u-1"`},
		{"POST", "/user.v1.UserService/WatchUsers", `{}`, 415, `application/connect+json`},
		{"DELETE", "/v1/users/u-1", "", 200, `{}`},
	} {
		headers := kind
		if step.body == "" {
			headers = nil
		}
		answer, text := do(t, c, step.method, base+step.path, step.body, headers...)
		if answer.StatusCode != step.code || !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(text, ": ", ":"), ", ", ","), step.want) {
			t.Errorf("%s %s %s: %s %s, want %d and %s", step.method, step.path, step.body, answer.Status, text, step.code, step.want)
		}
	}
}

func TestOnlyConfiguredOriginsMayCall(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr, func(o *edge.Options) { o.Origins = []string{"https://app.example.com"} })
	c, url := httpClient(t, 1), "http://"+w.http+"/user.v1.UserService/GetUser"
	preflight := func(origin string) *http.Response {
		answer, _ := do(t, c, "OPTIONS", url, "", "Origin", origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-grpc-web,authorization")
		return answer
	}
	if a := preflight("https://app.example.com"); a.StatusCode != http.StatusNoContent ||
		a.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		a.Header.Get("Access-Control-Allow-Headers") != "content-type,x-grpc-web,authorization" ||
		!strings.Contains(a.Header.Get("Access-Control-Allow-Methods"), "POST") || a.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %s %v", a.Status, a.Header)
	}
	if a := preflight("https://other.example.com"); a.StatusCode != http.StatusForbidden || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another origin: %s %v", a.Status, a.Header)
	}
	for _, p := range protocols() {
		if p.name == "connect GET" {
			continue // changes nothing, so anybody's page may send it; none may read the answer
		}
		for origin, want := range map[string]connect.Code{"https://app.example.com": 0, "http://" + w.http: 0, "https://other.example.com": connect.CodePermissionDenied} {
			r := connect.NewRequest(&userv1.GetUserRequest{Id: "u-1"})
			r.Header().Set("Origin", origin)
			answer, err := getUser(t, w, p).CallUnary(deadline(t), r)
			if err != nil && connect.CodeOf(err) != want || err == nil && want != 0 {
				t.Errorf("%s from %s: %v", p.name, origin, err)
			}
			if origin == "https://app.example.com" && err == nil {
				exposed := answer.Header().Get("Access-Control-Expose-Headers")
				for _, name := range []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin", "X-Said", "X-Request-Id"} {
					if !strings.Contains(exposed, name) {
						t.Errorf("%s: exposed are %q, want %s", p.name, exposed, name)
					}
				}
			}
		}
	}
	open := newWorld(t, addr, func(o *edge.Options) { o.Origins = []string{"*"} })
	if answer, _ := do(t, c, "GET", "http://"+open.http+"/v1/users/u-1", "", "Origin", "https://any.example.com"); answer.Header.Get("Access-Control-Allow-Origin") != "https://any.example.com" {
		t.Errorf("with *: %v", answer.Header)
	}
}

// A page of others can send a form without asking first.
func TestAFormOfAnotherSiteChangesNothing(t *testing.T) {
	s, addr := newStub(t)
	w := newWorld(t, addr)
	for _, headers := range [][]string{
		{"Origin", "https://evil.example.com", "Content-Type", "text/plain"},
		{"Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"},
	} {
		answer, body := do(t, httpClient(t, 1), "POST", "http://"+w.http+"/v1/users", `{"email":"x@example.com"}`, headers...)
		if answer.StatusCode != http.StatusForbidden || !strings.Contains(body, `"code":7`) {
			t.Errorf("%q: %s %s", headers, answer.Status, body)
		}
	}
	if len(s.seen) > 0 {
		t.Error("the service was called")
	}
}

// panicking is a channel to a service that panics.
type panicking struct{ grpc.ClientConnInterface }

func (panicking) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { panic("secret") }

func (panicking) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	panic("secret")
}

func TestAPanicCostsOneCall(t *testing.T) {
	log := &record{}
	w := newWorld(t, "127.0.0.1:1")
	server, err := kit.New(t.Context(), kit.Options{Config: kit.Config{Listen: "127.0.0.1:0", Plaintext: true}, Service: edge.Name, LogTo: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	e, err := edge.New(panicking{}, edge.Options{Log: server.Log(), ServerOptions: server.Chain()})
	if err != nil {
		t.Fatal(err)
	}
	w.http = serveHTTP(t, e.Handler())
	for _, p := range protocols() {
		_, err := getUser(t, w, p).CallUnary(deadline(t), connect.NewRequest(&userv1.GetUserRequest{Id: "u-1"}))
		if connect.CodeOf(err) != connect.CodeInternal || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want INTERNAL", p.name, err)
		}
	}
	if text := log.String(); !strings.Contains(text, "handler panicked") || !strings.Contains(text, "secret") {
		t.Errorf("log: %s", text)
	}
}

func TestAClientThatNeverReadsIsCutOff(t *testing.T) {
	s, addr := newStub(t)
	w := newWorld(t, addr, func(o *edge.Options) { o.WriteTimeout = 100 * time.Millisecond })
	for _, major := range []int{1, 2} {
		r, err := http.NewRequestWithContext(deadline(t), http.MethodPost, "http://"+w.http+"/user.v1.UserService/WatchUsers",
			strings.NewReader("\x00\x00\x00\x00\x07\x12\x05flood"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/grpc-web+proto")
		answer, err := httpClient(t, major).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		select { // nobody reads the body
		case <-s.ended:
		case <-deadline(t).Done():
			t.Errorf("HTTP/%d: the service still sends", major)
		}
		answer.Body.Close()
	}
}

func TestARequestThatComesTooSlowlyIsCutOff(t *testing.T) {
	_, addr := newStub(t)
	w := newWorld(t, addr, func(o *edge.Options) { o.UnaryTimeout = 100 * time.Millisecond })
	conn, err := net.Dial("tcp", w.http)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /user.v1.UserService/GetUser HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	if err == nil {
		err = conn.SetReadDeadline(time.Now().Add(15 * time.Second))
	}
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return // hung up: as good
	}
	if err != nil {
		t.Fatalf("the edge still waits: %v", err)
	}
	answer.Body.Close()
	if answer.StatusCode < 400 {
		t.Errorf("%s", answer.Status)
	}
}
