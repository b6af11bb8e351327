package edge

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// requestID is the header that names a request in every log on its way.
const requestID = "X-Request-Id"

// maxRequestID bounds what a caller may have written into the logs, in bytes.
const maxRequestID = 128

// front is what every request passes first: it gets an ID, a panic costs only
// the request, and the log says how it ended.
type front struct {
	log  *slog.Logger
	next http.Handler
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	attrs := []slog.Attr{ // now, because a request is changed on its way
		slog.String("http.request.method", r.Method), slog.String("path", r.URL.Path), slog.String("protocol", r.Proto),
		slog.String("content_type", r.Header.Get("Content-Type")), slog.String("peer", hostOf(r.RemoteAddr)),
	}
	id := r.Header.Get(requestID)
	if !validID(id) {
		id = rand.Text()
		r.Header.Set(requestID, id)
	}
	seen := &outcome{}
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), outcomeKey{}, seen))
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = &body{r.Body, cancel}
	answer := &answer{ResponseWriter: w}
	answer.Header().Set(requestID, id)
	defer func() { //nolint:contextcheck // the request has it
		p := recover()
		if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // panics with this very value
			f.log.ErrorContext(r.Context(), "handler panicked", "path", r.URL.Path, "panic", p, "request_id", id, "stack", string(debug.Stack()))
			if answer.code == 0 {
				writeError(answer, http.StatusInternalServerError, connect.CodeInternal, "internal error")
			}
		}
		f.access(r.Context(), append(attrs, slog.String("request_id", id)), answer, seen, time.Since(start))
		if p != nil && answer.bytes > 0 {
			panic(http.ErrAbortHandler) // what was sent is half an answer
		}
	}()
	f.next.ServeHTTP(answer, r)
}

// body ends the request where reading it fails: with HTTP/1.1 net/http looks for a
// client that has gone away only once it has the whole of the request.
type body struct {
	io.ReadCloser

	gone context.CancelFunc
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.gone()
	}
	return n, err
}

// access writes the log line of a request.
func (f *front) access(ctx context.Context, attrs []slog.Attr, a *answer, seen *outcome, took time.Duration) {
	attrs = append(attrs, slog.Int("status", a.code), slog.Int64("bytes", a.bytes), slog.Duration("duration", took))
	if code, ok := seen.code(); ok {
		attrs = append(attrs, slog.String("grpc_code", code.String()))
	}
	level := slog.LevelDebug // as the access log of gRPC: what goes well is no news
	if a.code >= http.StatusInternalServerError {
		level = slog.LevelInfo
	}
	f.log.LogAttrs(ctx, level, "request", attrs...)
}

func validID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for _, b := range []byte(id) {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return true
}

// outcome is where a forwarded call leaves its status for the log.
type outcome struct{ set atomic.Int64 }

type outcomeKey struct{}

// note remembers how a forwarded call ended.
func note(ctx context.Context, err error) {
	if o, ok := ctx.Value(outcomeKey{}).(*outcome); ok {
		o.set.Store(int64(status.Code(err)) + 1)
	}
}

func (o *outcome) code() (codes.Code, bool) {
	n := o.set.Load()
	return codes.Code(max(n-1, 0)), n > 0
}

// answer remembers what was answered.
type answer struct {
	http.ResponseWriter

	code  int
	bytes int64
}

// Unwrap lets http.ResponseController reach the writer.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
	a.ResponseWriter.WriteHeader(code)
}

// Write implements io.Writer.
func (a *answer) Write(b []byte) (int, error) {
	if a.code == 0 {
		a.code = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher.
func (a *answer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

// writeError answers with an error as Connect writes it, which is JSON that
// everybody can read.
func writeError(w http.ResponseWriter, code int, status connect.Code, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	raw, err := json.Marshal(map[string]string{"code": status.String(), "message": text})
	if err == nil {
		_, _ = w.Write(raw)
	}
}

// guard turns a panic while a call is forwarded into INTERNAL: it happens in a
// goroutine of the gRPC server, where front does not see it.
type guard struct{ log *slog.Logger }

func (g guard) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
	defer g.recover(ctx, info.FullMethod, &err)
	return handler(ctx, request)
}

func (g guard) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer g.recover(stream.Context(), info.FullMethod, &err)
	return handler(srv, stream)
}

func (g guard) recover(ctx context.Context, method string, err *error) {
	if p := recover(); p != nil {
		g.log.ErrorContext(ctx, "handler panicked", "method", method, "panic", p, "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "internal error")
		note(ctx, *err)
	}
}

// asConnect gives an error of the edge a code and details.
func asConnect(code connect.Code, text string, details ...*connect.ErrorDetail) error {
	err := connect.NewError(code, errors.New(text))
	for _, d := range details {
		err.AddDetail(d)
	}
	return err
}
