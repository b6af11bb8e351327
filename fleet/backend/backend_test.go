package backend_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T, o backend.Options) *backend.Client {
	t.Helper()
	o.Name = "prometheus"
	c, err := backend.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhatIsSentAndWhere(t *testing.T) {
	asked := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mon/api/v1/query" || r.URL.Query().Get("query") != "up" ||
			r.Header.Get("X-Scope-Orgid") != "me" || r.Header.Get("Authorization") != "Bearer tok" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	c := client(t, backend.Options{
		URL: url + "/mon/", Headers: map[string]string{"X-Scope-OrgID": "me"},
		Authorization: func(context.Context) (string, error) { asked++; return "Bearer tok", nil },
	})
	for range 2 {
		body, err := c.Get(t.Context(), "/api/v1/query", map[string][]string{"query": {"up"}})
		if err != nil || string(body) != "{}" {
			t.Errorf("%q, %v", body, err)
		}
	}
	if asked != 1 {
		t.Errorf("the token was asked for %d times", asked)
	}
	if got := c.URL("/api/traces/:id", map[string]string{"id": "a"}).Path; got != "/mon/api/traces/a" {
		t.Error(got)
	}
}

func TestPasswordsAreSentAndNotShown(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "s3cret" {
			t.Errorf("%v", r.Header)
		}
		w.WriteHeader(http.StatusForbidden)
	})
	c := client(t, backend.Options{URL: strings.Replace(url, "://", "://me:s3cret@", 1)})
	_, err := c.Get(t.Context(), "/x", nil)
	if err == nil || strings.Contains(err.Error()+c.Source(), "s3cret") {
		t.Errorf("%v, %s", err, c.Source())
	}
}

func TestEachAnswerThatIsNoneSaysWhatToDo(t *testing.T) {
	answer := func(code int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		handler    http.HandlerFunc
		what, hint string
	}{
		"401": {answer(401, "application/json", "{}"), "401 Unauthorized", "credentials"},
		"403": {answer(403, "text/plain", "no"), "403 Forbidden", "may not read"},
		"404": {answer(404, "text/plain", "no"), "404", "path prefix"},
		"429": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "429", "after 7 s"},
		"429 until": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "429", "after 2026-10-21T07:28:00Z"},
		"500":  {answer(500, "text/plain", "boom\x1b[2J\nmore"), "500 Internal Server Error: boom[2J", "its own log"},
		"502":  {answer(502, "text/html", "<html>"), "web page", "prometheus"},
		"page": {answer(200, "text/html", "<!DOCTYPE html>"), "200 with a web page", "sign-on"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://sso.example/login", http.StatusFound)
		}, "on to http://sso.example/login", "sign-on"},
		"half": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"data"`)
		}, "cut off", "try again"},
		"long":  {answer(200, "application/json", strings.Repeat("x", 2<<20)), "longer than 1 MiB", "shorter range"},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer in time (100ms)", "hanging"},
	} {
		t.Run(name, func(t *testing.T) {
			o := backend.Options{URL: serve(t, c.handler), MaxBytes: 1 << 20}
			if name == "hangs" {
				o.Timeout = 100 * time.Millisecond
			}
			_, err := client(t, o).Get(t.Context(), "/api", nil)
			var fe *fleet.Error
			if !errors.As(err, &fe) || !strings.Contains(err.Error(), c.what) || !strings.Contains(fe.Hint, c.hint) {
				t.Errorf("%v, hint %q", err, fe.Hint)
			}
		})
	}
}

func TestWhatIsNotServedIsToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		code       int
		kind, body string
		want       bool
	}{
		"404":                  {404, "text/plain", "404 page not found", true},
		"web interface":        {200, "text/html", "<!doctype html>", true},
		"an error of the API":  {500, "text/plain", "boom", false},
		"a proxy without it":   {502, "text/plain", "", false},
		"credentials":          {401, "text/plain", "", false},
		"JSON called text":     {404, "text/plain; charset=utf-8", "{\"error\":{}}\n", false},
		"JSON that is cut off": {404, "application/json", "{\"error\":", true},
	} {
		t.Run(name, func(t *testing.T) {
			cl := client(t, backend.Options{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				w.WriteHeader(c.code)
				_, _ = io.WriteString(w, c.body)
			})})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, cl.URL("/x", nil).String(), http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err = cl.Do(t.Context(), req); errors.Is(err, backend.ErrNotServed) != c.want {
				t.Error(err)
			}
		})
	}
}

func TestNobodyThereAndTheWrongProtocol(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	_ = listener.Close()
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	tlsServer := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tlsServer.Close)
	tlsServer.Config.ErrorLog = nil
	for url, want := range map[string]string{
		closed: "connection refused",
		strings.Replace(plain, "http:", "https:", 1): "speaks plain HTTP",
		tlsServer.URL:               "unknown authority",
		"http://no-such.invalid:90": "no such host",
	} {
		_, err := client(t, backend.Options{URL: url}).Get(t.Context(), "/", nil)
		var fe *fleet.Error
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), want) || fe.Hint == "" {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestCancellingIsTheCallersOwn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	if _, err := client(t, backend.Options{URL: url}).Get(ctx, "/", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWrongOptionsAreSaidAtOnce(t *testing.T) {
	for _, o := range []backend.Options{
		{URL: "prometheus:9090"}, {URL: ""}, {URL: "ftp://x"},
		{URL: "https://x", TLS: backend.TLS{CACert: "no-such-file"}},
		{URL: "https://x", TLS: backend.TLS{Cert: "no-such-file", Key: "x"}},
	} {
		if _, err := backend.New(o); fleet.KindOf(err) != fleet.Usage {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
