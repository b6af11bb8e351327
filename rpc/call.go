package rpc

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // --compress gzip, and servers that compress
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/fleet"
)

// Invocation is one RPC: what to call, what to send, and where what comes back
// goes. The functions are called from one goroutine each.
type Invocation struct {
	Method  protoreflect.MethodDescriptor
	Headers metadata.MD
	MaxTime time.Duration // of the RPC, from the moment the connection is there; 0: no limit

	// Next returns the next request, io.EOF after the last. It is called once
	// for a method that takes one message. Any other error ends the RPC and is
	// returned by Call.
	Next func() (proto.Message, error)
	// OnHeader is given the response's headers and who sent them; may be nil.
	OnHeader func(fleet.Instance, metadata.MD) error
	// OnMessage is given each response as it comes.
	OnMessage func(proto.Message) error
}

// Result is how an RPC ended.
type Result struct {
	Status   *status.Status // the server's, or a local deadline's
	Instance fleet.Instance // the one that answered, empty if none did
	Header   metadata.MD
	Trailer  metadata.MD
	Sent     int
	Received int
	Timing   Timing
}

// Timing says where the time of a call went; parts that did not happen are
// zero.
type Timing struct {
	ConnTiming
	FirstByte time.Duration // from the start of the RPC to the response's headers
	LastByte  time.Duration // from the start of the RPC to the status
}

// firstRequest is how long a stream waits for its first request before it is
// opened without one. A request that is wrong from the start is then found
// before anything is sent.
const firstRequest = 100 * time.Millisecond

// Call invokes a method of any kind and returns when the server has ended the
// RPC, whether or not all requests were taken. The error says that the RPC
// could not be made or was given up on this side; a status other than OK is no
// error but stands in the result.
func (c *Conn) Call(ctx context.Context, inv *Invocation) (*Result, error) {
	if err := c.Ready(ctx); err != nil {
		return nil, err
	}
	return call(ctx, inv, c)
}

// transport carries the RPC of a call.
type transport interface {
	// open starts it; the requests are sent and the answers read by the stream.
	open(ctx context.Context, desc *grpc.StreamDesc, path string) (grpc.ClientStream, error)
	// met tells who is at the other end and how long connecting took.
	met(stream grpc.ClientStream) (fleet.Instance, ConnTiming)
}

func call(ctx context.Context, inv *Invocation, via transport) (*Result, error) {
	ctx, cancel := context.WithCancelCause(metadata.NewOutgoingContext(ctx, inv.Headers))
	defer cancel(nil)
	if inv.MaxTime > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, inv.MaxTime)
		defer stop()
	}
	r := &running{via: via, inv: inv, ctx: ctx, cancel: cancel, start: time.Now()}
	if inv.Method.IsStreamingClient() {
		r.requests = make(chan request)
		go r.read()
		if err := r.first(); err != nil {
			return nil, err
		}
	} else if err := r.only(); err != nil {
		return nil, err
	}
	return r.run()
}

// running is a Call under way.
type running struct {
	via      transport
	inv      *Invocation
	ctx      context.Context //nolint:containedctx // of this one call
	cancel   context.CancelCauseFunc
	start    time.Time
	requests chan request // from read, for client streams
	pending  *request     // read already
	sent     atomic.Int64
	result   Result
}

type request struct {
	message proto.Message
	err     error
}

// inputError is an error of Next, to tell it from those of the stream.
type inputError struct{ error }

func (e inputError) Unwrap() error { return e.error }

// only gets the message of a method that takes one.
func (r *running) only() error {
	m, err := r.inv.Next()
	r.pending = &request{m, err}
	return err
}

// read passes requests on until the input or the call ends. A read that blocks
// on a terminal ends with the process.
func (r *running) read() {
	defer close(r.requests)
	for {
		m, err := r.inv.Next()
		select {
		case r.requests <- request{m, err}:
		case <-r.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// first waits a moment for the first request, so that a wrong one is found
// before the RPC starts.
func (r *running) first() error {
	timer := time.NewTimer(firstRequest)
	defer timer.Stop()
	select {
	case req := <-r.requests:
		r.pending = &req
		if req.err != nil && !errors.Is(req.err, io.EOF) {
			return req.err
		}
	case <-timer.C:
	case <-r.ctx.Done():
	}
	return nil
}

func (r *running) run() (*Result, error) {
	md := r.inv.Method
	desc := &grpc.StreamDesc{ClientStreams: md.IsStreamingClient(), ServerStreams: md.IsStreamingServer()}
	r.start = time.Now()
	stream, err := r.via.open(r.ctx, desc, Path(md))
	if err != nil {
		return r.end(nil, err)
	}
	if desc.ClientStreams {
		go r.send(stream)
	} else if err := stream.SendMsg(r.pending.message); err == nil {
		r.sent.Add(1)
	} else if !errors.Is(err, io.EOF) { // EOF: the status tells why
		return r.end(stream, err)
	}
	return r.end(stream, r.receive(stream))
}

func (c *Conn) open(ctx context.Context, desc *grpc.StreamDesc, path string) (grpc.ClientStream, error) {
	var opts []grpc.CallOption
	if c.opts.Compress != "" {
		opts = append(opts, grpc.UseCompressor(c.opts.Compress))
	}
	return c.NewStream(ctx, desc, path, opts...)
}

// Path returns the path of a method in HTTP/2.
func Path(md protoreflect.MethodDescriptor) string {
	return "/" + string(md.Parent().FullName()) + "/" + string(md.Name())
}

// send sends what read reads.
func (r *running) send(stream grpc.ClientStream) {
	next := func() (request, bool) {
		if req := r.pending; req != nil {
			r.pending = nil
			return *req, true
		}
		select {
		case req, ok := <-r.requests:
			return req, ok
		case <-stream.Context().Done():
			return request{}, false
		}
	}
	for {
		req, ok := next()
		switch {
		case !ok:
			return
		case errors.Is(req.err, io.EOF):
			_ = stream.CloseSend() // a failed stream tells the receiver
			return
		case req.err != nil:
			r.cancel(inputError{req.err})
			return
		}
		if stream.SendMsg(req.message) != nil {
			return // the receiver learns why
		}
		r.sent.Add(1)
	}
}

// receive hands on what comes until the RPC ends; io.EOF is its good end.
func (r *running) receive(stream grpc.ClientStream) error {
	header, err := stream.Header()
	r.result.Timing.FirstByte = time.Since(r.start)
	if err == nil {
		r.result.Header = header
		r.meet(stream)
		if r.inv.OnHeader != nil {
			if err := r.inv.OnHeader(r.result.Instance, header); err != nil {
				return inputError{err}
			}
		}
	}
	for {
		m := dynamicpb.NewMessage(r.inv.Method.Output())
		if err := stream.RecvMsg(m); err != nil {
			return err
		}
		r.result.Received++
		if err := r.inv.OnMessage(m); err != nil {
			return inputError{err}
		}
		if !r.inv.Method.IsStreamingServer() {
			return io.EOF
		}
	}
}

// meet learns who is at the other end.
func (r *running) meet(stream grpc.ClientStream) {
	r.result.Instance, r.result.Timing.ConnTiming = r.via.met(stream)
}

func (c *Conn) met(stream grpc.ClientStream) (fleet.Instance, ConnTiming) {
	p, ok := peer.FromContext(stream.Context())
	if !ok {
		return fleet.Instance{}, ConnTiming{}
	}
	in, _ := c.Instance(p)
	return in, c.Timing(p)
}

func (r *running) end(stream grpc.ClientStream, err error) (*Result, error) {
	var input inputError
	if errors.As(err, &input) {
		return nil, input.error
	}
	if errors.As(context.Cause(r.ctx), &input) {
		return nil, input.error
	}
	var unconnected *ConnectError
	if errors.As(err, &unconnected) {
		return nil, unconnected
	}
	if stream != nil {
		r.meet(stream)
		r.result.Trailer = stream.Trailer()
	}
	r.result.Timing.LastByte = time.Since(r.start)
	r.result.Sent = int(r.sent.Load())
	if errors.Is(err, io.EOF) {
		err = nil
	}
	r.result.Status = status.Convert(err)
	return &r.result, nil
}
