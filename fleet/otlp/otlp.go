// Package otlp is a receiver of traces over OTLP, for where there is no Jaeger: it
// takes spans over gRPC and HTTP, in protobuf and JSON, keeps the last traces in
// memory, and serves them by the paths of Jaeger's newer HTTP API (/api/v3), so that
// fleet/jaeger reads it from another process.
//
// https://opentelemetry.io/docs/specs/otlp has the protocol. Metrics and logs are
// refused.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
)

// The addresses and limits that hold where Options say nothing.
const (
	DefaultGRPC   = "127.0.0.1:4317"
	DefaultHTTP   = "127.0.0.1:4318"
	DefaultTraces = 6000
	DefaultSpans  = 10_000    // of one trace
	DefaultBytes  = 256 << 20 // of all traces, by estimate
)

// maxMessage is the size in bytes of one request, decompressed.
const maxMessage = 16 << 20

// Options say where a receiver listens and what it keeps.
type Options struct {
	GRPC, HTTP string // host:port
	Traces     int    // the last of them are kept
	Spans      int    // of one trace; those beyond are counted
	Bytes      int64  // of all traces, by estimate

	// Notify is told the spans of each request once they are kept. Calls may
	// overlap, and the sender waits for them.
	Notify func([]spans.Span)
}

// Receiver takes and serves traces until Close.
type Receiver struct {
	GRPC, HTTP string // host:port where it listens

	store  *store
	notify func([]spans.Span)
	grpc   *grpc.Server
	http   *http.Server
	serve  sync.WaitGroup
}

func (o *Options) defaults() {
	if o.GRPC == "" {
		o.GRPC = DefaultGRPC
	}
	if o.HTTP == "" {
		o.HTTP = DefaultHTTP
	}
	if o.Traces <= 0 {
		o.Traces = DefaultTraces
	}
	if o.Spans <= 0 {
		o.Spans = DefaultSpans
	}
	if o.Bytes <= 0 {
		o.Bytes = DefaultBytes
	}
	if o.Notify == nil {
		o.Notify = func([]spans.Span) {}
	}
}

// Start listens. An address that is taken or none at all is a *fleet.Error.
func Start(ctx context.Context, o Options) (*Receiver, error) {
	o.defaults()
	r := &Receiver{store: newStore(&o), notify: o.Notify}
	var listen net.ListenConfig
	forGRPC, err := listen.Listen(ctx, "tcp", o.GRPC)
	if err != nil {
		return nil, cannotListen("OTLP over gRPC", o.GRPC, err)
	}
	forHTTP, err := listen.Listen(ctx, "tcp", o.HTTP)
	if err != nil {
		_ = forGRPC.Close()
		return nil, cannotListen("OTLP over HTTP", o.HTTP, err)
	}
	r.GRPC, r.HTTP = forGRPC.Addr().String(), forHTTP.Addr().String()
	r.grpc = r.grpcServer()
	r.http = &http.Server{Handler: r.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	r.serve.Go(func() { _ = r.grpc.Serve(forGRPC) }) // ends by Close
	r.serve.Go(func() { _ = r.http.Serve(forHTTP) })
	return r, nil
}

func cannotListen(what, addr string, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return &fleet.Error{
		What: fmt.Sprintf("listen for %s at %s", what, addr), Err: err,
		Hint: "another collector may be there; choose other addresses: --grpc 127.0.0.1:0 --http 127.0.0.1:0",
	}
}

// closing is how long Close waits for requests under way.
const closing = 2 * time.Second

// Close stops listening; what was kept is gone.
func (r *Receiver) Close() error {
	r.grpc.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	err := r.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = r.http.Close()
	}
	r.serve.Wait()
	return err
}

// take keeps spans and tells of them. It returns how many of the request's were
// left out.
func (r *Receiver) take(list []spans.Span, left int) int {
	kept, full := r.store.add(list)
	if len(kept) > 0 {
		r.notify(kept)
	}
	return left + full
}
