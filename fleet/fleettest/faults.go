package fleettest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/gctl-dev/gctl/fleet"
)

// Patience is how long a reader under HTTPFaults and GRPCFaults may wait for an
// answer.
const Patience = 500 * time.Millisecond

// fault is a way in which a peer fails to answer.
type fault struct {
	name  string
	start func(t *testing.T) (addr string)
}

// HTTPFaults runs against every way in which what is asked over HTTP fails to
// answer. ask asks all its questions of the address (host:port), each with
// Patience and with the limits that the product has, and returns the errors by
// question. Each must be a *fleet.Error that names the address and says what to
// do, come in time, and be fit for a terminal; no more may be read than 200 MiB.
// Faults that are none to this reader are left out by their names.
func HTTPFaults(t *testing.T, ask func(t *testing.T, addr string) map[string]error, except ...string) {
	runFaults(t, httpFaults(), ask, except)
}

// GRPCFaults is HTTPFaults for what is asked over gRPC.
func GRPCFaults(t *testing.T, ask func(t *testing.T, addr string) map[string]error, except ...string) {
	runFaults(t, grpcFaults(), ask, except)
}

func runFaults(t *testing.T, faults []fault, ask func(t *testing.T, addr string) map[string]error, except []string) {
	t.Helper()
	for _, f := range faults {
		if !slices.Contains(except, f.name) {
			t.Run(f.name, func(t *testing.T) { f.run(t, ask) })
		}
	}
}

func (f *fault) run(t *testing.T, ask func(t *testing.T, addr string) map[string]error) {
	addr := f.start(t)
	began := time.Now()
	answers := ask(t, addr)
	if took := time.Since(began); took > patience {
		t.Errorf("it took %s", took)
	}
	if len(answers) == 0 {
		t.Error("nothing was asked")
	}
	for question, err := range answers {
		var e *fleet.Error
		switch {
		case !errors.As(err, &e):
			t.Errorf("%s: %v (%T), want an error for people", question, err, err)
			continue
		case e.Kind != fleet.Failed || errors.Is(err, fleet.ErrNotFound):
			t.Errorf("%s: %v: a fault is no answer", question, err)
		case e.Hint == "":
			t.Errorf("%s: %v has no hint", question, err)
		case !strings.Contains(err.Error(), addr):
			t.Errorf("%s: %v does not say where", question, err)
		case strings.ContainsFunc(err.Error()+e.Hint, unicode.IsControl) || len(err.Error()) > 2000:
			t.Errorf("%s: %q is not fit for a line", question, err)
		}
		t.Logf("%s: %v; hint: %s", question, err, e.Hint)
	}
}

// enormous is more than any reader may take.
const enormous = 200 << 20

func httpFaults() []fault {
	const kind, page = "application/json", "<!DOCTYPE html><html><title>Sign in\x1b[2J</title></html>"
	return append(faults(),
		served("garbage", answers(http.StatusOK, kind, "\x00\x1b[31m}{\xff")),
		served("nothing", answers(http.StatusOK, kind, "")),
		served("no content", answers(http.StatusNoContent, kind, "")),
		served("half a body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"data":[`)
		}),
		served("HTML", answers(http.StatusOK, "text/html; charset=utf-8", page)),
		served("HTML that says it is JSON", answers(http.StatusOK, kind, page)),
		served("HTML of a proxy", answers(http.StatusBadGateway, "text/html", page)),
		served("sent elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://sign-on.example/?\x1b", http.StatusFound)
		}),
		served("sent in circles", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }),
		served("401", answers(http.StatusUnauthorized, kind, "{}")),
		served("403", answers(http.StatusForbidden, "text/plain", "no")),
		served("429", answers(http.StatusTooManyRequests, "text/plain", "slow down\x1b[2J")),
		served("500", answers(http.StatusInternalServerError, "text/plain", "boom\x1b[2J\x00\nmore")),
		served("500 without a word", answers(http.StatusInternalServerError, "text/plain", "")),
		served("503", answers(http.StatusServiceUnavailable, "text/plain", "starting")),
		served("hanging before the answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		served("hanging in the answer", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"data":[`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}),
		served("dripping", func(w http.ResponseWriter, r *http.Request) {
			drip := time.NewTicker(Patience / 20)
			defer drip.Stop()
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				<-drip.C
			}
		}),
		served("headers without end", func(w http.ResponseWriter, _ *http.Request) {
			for i := range 64 {
				w.Header().Set("X-"+strings.Repeat("x", i+1), strings.Repeat("y", 64<<10))
			}
		}),
		endless("an enormous answer", "", strings.Repeat(" ", 1<<20)),
		endless("an enormous answer, packed", "gzip", packed()),
	)
}

// faults are those of whatever is asked over TCP.
func faults() []fault {
	return []fault{
		{name: "refused", start: func(t *testing.T) string {
			l := listen(t)
			_ = l.Close()
			return l.Addr().String()
		}},
		{name: "hanging", start: func(t *testing.T) string { return listen(t).Addr().String() }},
		raw("hung up", ""),
		raw("another protocol", "SSH-2.0-OpenSSH_9.6\r\n\x1b[2J\r\n"),
		raw("noise", strings.Repeat("\x00\xff\x1b\x07", 4<<10)),
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// raw says some bytes to who connects, and hangs up.
func raw(name, text string) fault {
	return fault{name: name, start: func(t *testing.T) string {
		l := listen(t)
		var all sync.WaitGroup
		all.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, text)
				_ = conn.Close()
			}
		})
		t.Cleanup(func() { _ = l.Close(); all.Wait() })
		return l.Addr().String()
	}}
}

func answers(code int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// served is an HTTP server, of HTTP/2 in the clear too.
func served(name string, handler http.HandlerFunc) fault {
	return fault{name: name, start: func(t *testing.T) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor == 1 { // until then the server does not see that the client has gone
				_, _ = io.Copy(io.Discard, r.Body)
			}
			handler(w, r)
		}))
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetHTTP1(true)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
		t.Cleanup(func() {
			s.CloseClientConnections()
			s.Close()
		})
		return s.Listener.Addr().String()
	}}
}

// endless repeats a part until nobody reads any more, which must be soon.
func endless(name, encoding, part string) fault {
	return fault{name: name, start: func(t *testing.T) string {
		return served(name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if encoding != "" {
				w.Header().Set("Content-Encoding", encoding)
			}
			for sent := 0; r.Context().Err() == nil; sent += len(part) {
				if sent > enormous {
					t.Errorf("%d MiB were read", sent>>20)
					return
				}
				if _, err := io.WriteString(w, part); err != nil {
					return
				}
			}
		}).start(t)
	}}
}

// packed is 64 MiB of blanks, in a few kB.
func packed() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for range 64 {
		_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	_ = w.Close()
	return b.String()
}

func grpcFaults() []fault {
	const kind, page = "application/grpc", "<!DOCTYPE html><html>\x1b[2J</html>"
	frame := func(length uint32, body string) string {
		return string([]byte{0, byte(length >> 24), byte(length >> 16), byte(length >> 8), byte(length)}) + body
	}
	ended := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Trailer", "Grpc-Status")
			_, _ = io.WriteString(w, body)
			w.Header().Set("Grpc-Status", "0")
		}
	}
	return append(faults(),
		served("garbage", ended(frame(4, "\xff\xff\xff\xff"))),
		served("no message", ended("")),
		served("half a message", ended(frame(100, "half"))),
		served("no trailers", answers(http.StatusOK, kind, frame(0, ""))),
		served("HTML", answers(http.StatusOK, "text/html", page)),
		served("HTML of a proxy", answers(http.StatusBadGateway, "text/html", page)),
		served("401", answers(http.StatusUnauthorized, "text/plain", "no")),
		served("403", answers(http.StatusForbidden, "text/plain", "no")),
		served("429", answers(http.StatusTooManyRequests, "text/plain", "slow down")),
		served("500", answers(http.StatusInternalServerError, "text/plain", "boom\x1b[2J")),
		served("hanging before the answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		served("hanging in the answer", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, frame(100, "half"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}),
		served("an enormous answer", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, frame(1<<30, ""))
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("\x00", 64<<10)); err != nil {
					return
				}
			}
		}),
	)
}

// InTime returns a context for questions that have no time limit of their own.
func InTime(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}
