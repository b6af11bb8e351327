package edge

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	rpccode "google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"

	"github.com/gctl-dev/gctl/svc/kit/identity"
	"github.com/gctl-dev/gctl/svc/kit/telemetry"
	"github.com/gctl-dev/gctl/svc/kit/telemetry/ecs"
)

// requestID is the header that names a request in every log on its way.
const requestID = "X-Request-Id"

// front is what every request passes first: it gets an ID, and the log says how
// it ended.
type front struct {
	log  *slog.Logger
	next http.Handler
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	about := aboutRequest(r) // now, because a request is changed on its way
	ctx := telemetry.WithRequestID(r.Context(), r.Header.Get(requestID))
	id := telemetry.RequestID(ctx)
	r.Header.Set(requestID, id)
	seen := &outcome{}
	ctx, cancel := context.WithCancel(context.WithValue(ctx, outcomeKey{}, seen))
	defer cancel()
	r = r.WithContext(ctx)
	seen.body = &body{ReadCloser: r.Body, gone: cancel}
	r.Body = seen.body
	answer := &answer{ResponseWriter: w, request: asked(r), id: id, seen: seen}
	defer func() { f.access(ctx, about, answer, time.Since(start)) }()
	defer f.recover(ctx, answer)
	f.next.ServeHTTP(answer, r)
	answer.end()
}

// asked returns what errors need to know of a request as it came: the transcoder
// writes into its own.
func asked(r *http.Request) *http.Request {
	u := *r.URL
	return &http.Request{Method: r.Method, URL: &u, ProtoMajor: r.ProtoMajor, Header: http.Header{"Content-Type": r.Header["Content-Type"]}}
}

// recover is deferred: a panic is logged and costs the request. Of what was sent
// the rest cannot come: the connection is cut, so that it passes for no answer.
func (f *front) recover(ctx context.Context, a *answer) {
	p := recover()
	if p == nil {
		return
	}
	a.broken = true
	if p != http.ErrAbortHandler { //nolint:errorlint // a panic's value
		f.log.ErrorContext(ctx, "handler panicked", "path", a.request.URL.Path, "panic", p, "stack", string(debug.Stack()))
		if a.code == 0 {
			a.fail()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// aboutRequest says by the names of ECS what came.
func aboutRequest(r *http.Request) []slog.Attr {
	return []slog.Attr{
		slog.String("http.request.method", r.Method), slog.String("url.path", r.URL.Path),
		slog.String("http.version", strconv.Itoa(r.ProtoMajor)+"."+strconv.Itoa(r.ProtoMinor)),
		slog.String("http.request.mime_type", r.Header.Get("Content-Type")),
		slog.String("client.address", identity.Host(r.RemoteAddr)),
	}
}

// access writes the log line of a request.
func (f *front) access(ctx context.Context, attrs []slog.Attr, a *answer, took time.Duration) {
	level := slog.LevelDebug // as the access log of gRPC: what goes well is no news
	if a.broken || a.code >= http.StatusInternalServerError {
		level = slog.LevelInfo
	}
	if !f.log.Enabled(ctx, level) {
		return
	}
	code, called := a.seen.status()
	attrs = append(attrs, ecs.Event("request", took, !a.broken && a.code > 0 && a.code < http.StatusBadRequest && code == codes.OK)...)
	attrs = append(attrs, slog.Int("http.response.status_code", a.code), slog.Int64("http.response.body.bytes", a.bytes))
	if called {
		attrs = append(attrs, slog.String("rpc.response.status_code", rpccode.Code(code).String()))
	}
	f.log.LogAttrs(ctx, level, "request", attrs...)
}

// body ends the request where reading it fails: with HTTP/1.1 net/http looks for a
// client that has gone away only once it has the whole of the request.
type body struct {
	io.ReadCloser

	gone  context.CancelFunc
	ended atomic.Bool // a read found nothing but the end
}

// Read implements io.Reader. The end comes alone.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF) && n > 0:
		return n, nil
	case errors.Is(err, io.EOF):
		b.ended.Store(true)
	case err != nil:
		b.gone()
	}
	return n, err
}

// outcome is what is found out about a request while it is answered.
type outcome struct {
	body    *body
	code    atomic.Int64          // the gRPC status of the call, plus 1
	retry   atomic.Int64          // seconds after which to come back; 0 where nobody said
	refused atomic.Pointer[error] // why the transcoder refused a message of the request
}

type outcomeKey struct{}

// outcomeOf returns the outcome of the request that a context belongs to, or nil.
func outcomeOf(ctx context.Context) *outcome {
	o, _ := ctx.Value(outcomeKey{}).(*outcome)
	return o
}
