package edge

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/svc/kit/telemetry/ecs"
)

// panicking serves a handler behind the front, makes one request and returns the
// answer, its body and the log. The error is that of a connection which was cut.
func panicking(t *testing.T, handler http.HandlerFunc, path string, headers ...string) (answer *http.Response, body, log string, err error) {
	t.Helper()
	text := &bytes.Buffer{}
	server := httptest.NewServer(&front{slog.New(ecs.NewHandler(text, ecs.Options{Level: slog.LevelDebug})), handler})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err = server.Client().Do(request)
	if err == nil {
		var raw []byte
		raw, err = io.ReadAll(answer.Body)
		body = string(raw)
		answer.Body.Close()
	}
	server.Close() // then the log is whole
	return answer, body, text.String(), err
}

// lineOf returns the line of the access log.
func lineOf(t *testing.T, log string) map[string]any {
	t.Helper()
	for line := range strings.Lines(log) {
		fields := map[string]any{}
		if json.Unmarshal([]byte(line), &fields) == nil && fields["message"] == "request" {
			return fields
		}
	}
	t.Fatalf("no line of the access log in %s", log)
	return nil
}

func TestAPanicIsAnsweredWhereNothingWasSent(t *testing.T) {
	for _, c := range []struct {
		name, path, kind, want string
		handler                http.HandlerFunc
	}{
		{"REST", "/v1/users", "application/json", `"code":13`, func(http.ResponseWriter, *http.Request) { panic("s3cret") }},
		{"Connect", "/user.v1.UserService/GetUser", "application/json", `"code":"internal"`, func(http.ResponseWriter, *http.Request) { panic("s3cret") }},
		{"after headers", "/v1/users", "", `"code":13`, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "7")
			w.Header().Set("Content-Encoding", "gzip")
			panic("s3cret")
		}},
		{"before the text of an error", "/v1/users", "", `"code":13`, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusBadRequest)
			panic("s3cret")
		}},
		{"after the transcoder wrote into the request", "/v1/users", "application/json", `"code":13`, func(_ http.ResponseWriter, r *http.Request) {
			r.URL.Path = "/user.v1.UserService/CreateUser"
			r.Header.Set("Content-Type", "application/grpc+proto")
			panic("s3cret")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, body, log, err := panicking(t, c.handler, c.path, "Content-Type", c.kind)
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != http.StatusInternalServerError || answer.Header.Get("Content-Type") != "application/json" || answer.Header.Get(requestID) == "" ||
				!strings.Contains(strings.ReplaceAll(body, ": ", ":"), c.want) || !strings.Contains(body, "internal error") || strings.Contains(body, "s3cret") {
				t.Errorf("%s %v %s", answer.Status, answer.Header, body)
			}
			line := lineOf(t, log)
			if line["event.outcome"] != "failure" || line["http.response.status_code"] != 500.0 {
				t.Errorf("the access log says %v", line)
			}
			if !strings.Contains(log, "handler panicked") || !strings.Contains(log, "s3cret") || !strings.Contains(log, "front_internal_test.go") {
				t.Errorf("the log does not say what happened: %s", log)
			}
		})
	}
}

// What was begun cannot be taken back: it must not look whole, nor go down as a
// success.
func TestAPanicCutsOffWhatWasBegun(t *testing.T) {
	for name, why := range map[string]any{"a panic": "s3cret", "a handler that gives up": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			_, body, log, err := panicking(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "half")
				w.(http.Flusher).Flush()
				panic(why)
			}, "/v1/users")
			if err == nil {
				t.Errorf("the answer looks whole: %q", body)
			}
			if line := lineOf(t, log); line["event.outcome"] != "failure" || line["http.response.status_code"] != 200.0 || line["log.level"] != "info" {
				t.Errorf("the access log says %v", line)
			}
			if told := strings.Contains(log, "handler panicked"); told != (why == "s3cret") {
				t.Errorf("the log tells of a panic: %v: %s", told, log)
			}
		})
	}
}
