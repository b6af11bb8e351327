// Package deadline sees to it that every call of a client ends.
//
// grpc-go propagates deadlines by itself: a call with the context of the one
// that is served ends with it. What it leaves open is added here, by
// interceptors that stand before all others:
//
//   - A unary call without a deadline gets one. A stream does not: it may be
//     meant to stay open.
//   - A call made while another one is served ends a little before that one, so
//     that there is time to answer with what became of it.
//   - A call with hardly any time left ends with DEADLINE_EXCEEDED before it is
//     sent. The target would only work for nobody.
package deadline

import (
	"cmp"
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Options say how much time calls get. What is zero has its default.
type Options struct {
	Default time.Duration // for unary calls that have no deadline; 10 s
	Reserve time.Duration // kept back of a deadline that came in, a tenth of what is left at most; 10 ms
	Floor   time.Duration // a call with less is not sent; 2 ms
}

// The ErrorInfo of a call that was not sent.
const (
	Reason = "DEADLINE_TOO_CLOSE"
	Domain = "gctl.kit"
)

func (o Options) withDefaults() Options {
	o.Default = cmp.Or(o.Default, 10*time.Second)
	o.Reserve = cmp.Or(o.Reserve, 10*time.Millisecond)
	o.Floor = cmp.Or(o.Floor, 2*time.Millisecond)
	return o
}

// UnaryClientInterceptor bounds the time of unary calls.
func UnaryClientInterceptor(options Options) grpc.UnaryClientInterceptor {
	o := options.withDefaults()
	return func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		end, err := o.end(ctx)
		if err != nil {
			return err
		}
		if _, ok := ctx.Deadline(); !ok {
			end = time.Now().Add(o.Default)
		}
		if !end.IsZero() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end)
			defer cancel()
		}
		return invoker(ctx, method, request, reply, cc, opts...)
	}
}

// StreamClientInterceptor bounds the time of the streams that have a deadline.
func StreamClientInterceptor(options Options) grpc.StreamClientInterceptor {
	o := options.withDefaults()
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		end, err := o.end(ctx)
		if err != nil {
			return nil, err
		}
		if !end.IsZero() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end)
			// The stream outlives this function, not the context: that ends with
			// the call that is served, or with its time.
			context.AfterFunc(ctx, cancel)
		}
		return streamer(ctx, desc, cc, method, opts...)
	}
}

// end returns when a call with this context is to end if that is earlier than
// the context does; an error if there is too little time for it.
func (o Options) end(ctx context.Context) (end time.Time, err error) {
	deadline, ok := ctx.Deadline()
	if !ok || errors.Is(ctx.Err(), context.Canceled) { // which is told as ever
		return time.Time{}, nil
	}
	left := time.Until(deadline)
	if grpc.ServerTransportStreamFromContext(ctx) != nil {
		reserve := max(0, min(o.Reserve, left/10))
		left -= reserve
		end = deadline.Add(-reserve)
	}
	if left >= o.Floor {
		return end, nil
	}
	s := status.New(codes.DeadlineExceeded, "not sent: only "+max(0, left).String()+" left")
	if detailed, err := s.WithDetails(&errdetails.ErrorInfo{Reason: Reason, Domain: Domain}); err == nil {
		s = detailed
	}
	return time.Time{}, s.Err()
}
