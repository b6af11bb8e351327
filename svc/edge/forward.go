package edge

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// forwarder passes calls on as they are.
type forwarder struct {
	conn     grpc.ClientConnInterface
	calls    []grpc.CallOption
	timeout  time.Duration // of unary calls without a deadline
	stopping <-chan struct{}
	drop     map[string]bool // headers of requests that are not forwarded
	own      map[string]bool // headers of answers that are not
	header   string          // that says whom a call is for, or ""
	caller   func(context.Context) string
	errors   *unreached
}

func newForwarder(conn grpc.ClientConnInterface, o *Options) *forwarder {
	return &forwarder{
		conn: conn,
		calls: []grpc.CallOption{
			grpc.ForceCodecV2(rawCodec{}),
			grpc.MaxCallRecvMsgSize(o.MaxMessageBytes),
			grpc.MaxCallSendMsgSize(o.MaxMessageBytes),
		},
		timeout:  o.UnaryTimeout,
		stopping: o.Stopping,
		drop:     dropped(append([]string{o.CallerHeader}, o.DropHeaders...)),
		header:   o.CallerHeader,
		caller:   o.Caller,
		own:      dropped([]string{requestID}), // the edge says it itself
		errors:   newUnreached(o),
	}
}

// service describes a forwarded service to a gRPC server.
func (f *forwarder) service(sd protoreflect.ServiceDescriptor) *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: string(sd.FullName()), Metadata: sd.ParentFile().Path()}
	for i := range sd.Methods().Len() {
		md := sd.Methods().Get(i)
		name, m := string(md.Name()), newMethod(md)
		if !md.IsStreamingClient() && !md.IsStreamingServer() {
			desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: name, Handler: f.unary(m)})
			continue
		}
		stream := grpc.StreamDesc{StreamName: name, ClientStreams: md.IsStreamingClient(), ServerStreams: md.IsStreamingServer()}
		call := &streamCall{forwarder: f, method: m, desc: stream}
		stream.Handler = call.handle
		desc.Streams = append(desc.Streams, stream)
	}
	return desc
}

// method is what is known of a method that is forwarded.
type method struct {
	path       string
	answers    bool // in a stream
	idempotent bool // by the schema: two calls do what one does
}

func newMethod(md protoreflect.MethodDescriptor) *method {
	options, _ := md.Options().(*descriptorpb.MethodOptions)
	return &method{
		path: methodPath(md), answers: md.IsStreamingServer(),
		idempotent: options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN,
	}
}

// methodPath is the path of a method in HTTP.
func methodPath(md protoreflect.MethodDescriptor) string {
	return "/" + string(md.Parent().FullName()) + "/" + string(md.Name())
}

// unary forwards the calls of a unary method.
func (f *forwarder) unary(m *method) grpc.MethodHandler {
	handler := func(ctx context.Context, request any) (any, error) { return f.invoke(ctx, m, request) }
	return func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		request := &frame{}
		if err := decode(request); err != nil {
			return nil, err
		}
		defer request.free()
		if interceptor == nil {
			return handler(ctx, request)
		}
		return interceptor(ctx, request, &grpc.UnaryServerInfo{FullMethod: m.path}, handler)
	}
}

func (f *forwarder) invoke(ctx context.Context, m *method, request any) (any, error) {
	if err := refused(ctx); err != nil {
		return nil, err
	}
	out, reach := withReach(metadata.NewOutgoingContext(ctx, f.request(ctx)))
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		out, cancel = context.WithTimeout(out, f.timeout)
		defer cancel()
	}
	var header, trailer metadata.MD
	response := &frame{}
	err := f.conn.Invoke(out, m.path, request, response, f.options(&header, &trailer)...)
	// Both fail only where the call is over, and then nobody is there to see.
	_ = grpc.SetHeader(ctx, f.answer(header))
	_ = grpc.SetTrailer(ctx, f.answer(trailer))
	if err != nil {
		return nil, f.errors.public(ctx, m, reach, err)
	}
	return response, nil
}

func (f *forwarder) options(header, trailer *metadata.MD) []grpc.CallOption {
	return append(f.calls[:len(f.calls):len(f.calls)], grpc.Header(header), grpc.Trailer(trailer))
}

// streamCall forwards the calls of a method with a stream.
type streamCall struct {
	*forwarder

	method *method
	desc   grpc.StreamDesc
}

func (c *streamCall) handle(_ any, in grpc.ServerStream) error {
	ctx, reach := withReach(metadata.NewOutgoingContext(in.Context(), c.request(in.Context())))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // ends with the call
		select {
		case <-c.stopping:
			cancel(c.errors.stopping())
		case <-ctx.Done():
		}
	}()
	return c.errors.public(in.Context(), c.method, reach, cause(ctx, c.pass(ctx, cancel, in)))
}

// pass opens the stream to the service and passes messages on until it ends.
func (c *streamCall) pass(ctx context.Context, cancel context.CancelCauseFunc, in grpc.ServerStream) error {
	out, err := c.conn.NewStream(ctx, &c.desc, c.method.path, c.calls...)
	if err != nil {
		return err
	}
	if c.desc.ClientStreams {
		go send(in, out, cancel) //nolint:contextcheck // the streams have theirs; ends when the stream of the caller does, which is when this returns
		return c.receive(in, out)
	}
	request := &frame{}
	defer request.free()                                                         // when no attempt can need it any more
	if err := sendOne(in, out, request); err != nil && !errors.Is(err, io.EOF) { //nolint:contextcheck // receive learns why; the streams have contexts
		return err
	}
	return c.receive(in, out)
}

// cause returns why a stream was given up on this side, else err.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); err != nil && why != nil && !errors.Is(why, context.Canceled) && !errors.Is(why, context.DeadlineExceeded) {
		return why
	}
	return err
}

// send passes requests on until there are no more.
func send(in grpc.ServerStream, out grpc.ClientStream, cancel context.CancelCauseFunc) {
	for {
		request := &frame{}
		err := sendOne(in, out, request)
		request.free()
		switch {
		case errors.Is(err, io.EOF):
			return // the receiver learns why
		case err != nil:
			cancel(err)
			return
		}
	}
}

// sendOne passes one request on, or the end of the requests. The error is io.EOF
// if there is nothing more to do.
func sendOne(in grpc.ServerStream, out grpc.ClientStream, request *frame) error {
	err := in.RecvMsg(request)
	if errors.Is(err, io.EOF) {
		_ = out.CloseSend() // a failed stream tells the receiver
		return io.EOF
	}
	if err == nil {
		err = refused(in.Context())
	}
	if err != nil {
		return err
	}
	return out.SendMsg(request)
}

// receive passes responses on until the call ends.
func (c *streamCall) receive(in grpc.ServerStream, out grpc.ClientStream) error {
	if !c.desc.ClientStreams {
		_ = out.CloseSend() // a failed stream tells below
	}
	header, err := out.Header()
	if err == nil && header != nil { // without headers the status comes at once, and alone
		if err := in.SendHeader(c.answer(header)); err != nil {
			return err
		}
	}
	err = c.responses(in, out)
	in.SetTrailer(c.answer(out.Trailer()))
	return err
}

func (c *streamCall) responses(in grpc.ServerStream, out grpc.ClientStream) error {
	for {
		response := &frame{}
		err := out.RecvMsg(response)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = in.SendMsg(response)
		response.free()
		if err != nil || !c.desc.ServerStreams {
			return err
		}
	}
}
