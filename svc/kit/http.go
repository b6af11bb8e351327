package kit

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/time/rate"

	"github.com/gctl-dev/gctl/svc/kit/auth"
	"github.com/gctl-dev/gctl/svc/kit/identity"
)

// Limits on HTTP clients beside those of gRPC.
const (
	httpHeaderTimeout = 10 * time.Second
	httpIdleTimeout   = 2 * time.Minute
	httpStreams       = 250 // open requests on one connection
	httpPingAfter     = 30 * time.Second
	httpPingTimeout   = 15 * time.Second
	httpWriteTimeout  = 30 * time.Second // for a client to take something
)

// front is one HTTP server.
type front struct {
	server   *http.Server
	listener net.Listener
}

func (f *front) serve() error { return f.server.Serve(f.listener) }

// ServeHTTP lets the server listen on addr too and serve HTTP/1.1 and HTTP/2
// there, with the server's certificate, or, in plaintext, HTTP/2 with prior
// knowledge. Who may call is as for the API, unless it is public: then nobody is
// asked for a certificate, as browsers have none. It drains with the rest:
// requests in flight count as calls do. It returns the address that it listens
// on. Call it before Run.
func (s *Server) ServeHTTP(ctx context.Context, addr string, handler http.Handler, public bool) (string, error) {
	var config *tls.Config
	switch {
	case s.serverCerts == nil:
	case public:
		config = s.serverCerts.Public("h2", "http/1.1")
	default:
		config = s.serverCerts.Server("h2", "http/1.1")
		allowed, err := auth.NewList(s.options.Allow...)
		if err != nil {
			return "", fmt.Errorf("--allow: %w", err)
		}
		if s.options.TLSClientCA != "" {
			handler = s.allowed(allowed, handler)
		}
	}
	f, err := s.listenHTTP(ctx, addr, NewHTTPServer(s.counted(handler), config, s.log))
	if err != nil {
		return "", err
	}
	s.fronts = append(s.fronts, f)
	return f.listener.Addr().String(), nil
}

// allowed refuses whom the list does not name. TLS has verified the certificate.
func (s *Server) allowed(list *auth.List, next http.Handler) http.Handler {
	lines := rate.NewLimiter(refusedLines, refusedLines)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := ""
		if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
			id = identity.OfCertificate(r.TLS.VerifiedChains[0][0])
		}
		if !list.Allows(id) {
			if lines.Allow() {
				s.log.WarnContext(r.Context(), "caller refused", "path", r.URL.Path, "caller", id)
			}
			answerStatus(w, http.StatusForbidden, `{"code":7,"message":"this certificate may not call here"}`)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answerStatus answers with a google.rpc.Status.
func answerStatus(w http.ResponseWriter, code int, status string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, status) // fails where nobody is there to see
}

// counted counts the requests in flight with the calls.
func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		defer s.calls.Add(-1)
		begun := &begunWriter{ResponseWriter: w}
		defer s.recoverHTTP(begun, r)
		next.ServeHTTP(begun, r)
	})
}

// recoverHTTP is deferred: a panic of a handler is logged and costs the request.
func (s *Server) recoverHTTP(w *begunWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler { //nolint:errorlint // a panic's value
		s.log.ErrorContext(r.Context(), "handler panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
		if !w.begun {
			// Headers of an answer that does not come, but for a goodbye.
			maps.DeleteFunc(w.Header(), func(name string, _ []string) bool { return name != "Connection" })
			answerStatus(w, http.StatusInternalServerError, `{"code":13,"message":"internal error"}`)
			return
		}
	}
	panic(http.ErrAbortHandler) // what was sent is no answer: cut it off
}

// begunWriter knows whether some of an answer was sent.
type begunWriter struct {
	http.ResponseWriter

	begun bool
}

// Unwrap lets http.ResponseController reach the writer.
func (w *begunWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *begunWriter) WriteHeader(code int) {
	w.begun = w.begun || code >= http.StatusOK // what is less comes before an answer
	w.ResponseWriter.WriteHeader(code)
}

// Write implements io.Writer.
func (w *begunWriter) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (w *begunWriter) Flush() {
	w.begun = true
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// sayGoodbye ends connections with the answers to their requests, once clients
// should find another instance: with "Connection: close" in HTTP/1.1, which in
// HTTP/2 becomes a GOAWAY. Idle connections stay open, other than with the
// SetKeepAlivesEnabled of an http.Server: a request may be under way on them.
func (s *Server) sayGoodbye(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// listenHTTP binds the address of an HTTP server; the listener is closed with s.
func (s *Server) listenHTTP(ctx context.Context, addr string, server *http.Server) (*front, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if server.TLSConfig != nil {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	s.OnStop(func() error { return closed(listener.Close()) })
	server.Handler = s.sayGoodbye(server.Handler)
	return &front{server, listener}, nil
}

// NewHTTPServer returns a server with limits on what a client may ask for and how
// long it may take: 64 KiB of headers in 10 s, 250 open requests on one
// connection, two idle minutes. HTTP/1.1 and HTTP/2 are spoken, the latter in
// plaintext, where config is nil, by prior knowledge.
func NewHTTPServer(handler http.Handler, config *tls.Config, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(config == nil)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		TLSConfig:         config,
		ReadHeaderTimeout: httpHeaderTimeout,
		IdleTimeout:       httpIdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: httpStreams,
			SendPingTimeout:      httpPingAfter,
			PingTimeout:          httpPingTimeout,
			WriteByteTimeout:     httpWriteTimeout,
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
