package breaker

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// StreamClientInterceptor guards the streams of a connection to target as
// UnaryClientInterceptor guards its unary calls.
func (s *Set) StreamClientInterceptor(target string) grpc.StreamClientInterceptor {
	methods := &methods{set: s, target: target}
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		c := methods.circuit(method)
		if c == nil {
			return streamer(ctx, desc, cc, method, opts...)
		}
		t, err := c.admit(ctx)
		if err != nil {
			return nil, err
		}
		guarded := &stream{ticket: t, single: !desc.ServerStreams}
		err = context.Canceled // of a panic
		defer func() {
			if guarded.ClientStream == nil {
				guarded.end(err)
			}
		}()
		below, err := streamer(ctx, desc, cc, method, opts...)
		if err != nil {
			return nil, err
		}
		guarded.ClientStream = below
		// Callers may abandon a stream by its context, without reading on.
		guarded.release = context.AfterFunc(ctx, func() { guarded.end(ctx.Err()) })
		return guarded, nil
	}
}

// stream is judged once: by the status that ends it, or by its context.
type stream struct {
	grpc.ClientStream

	ticket   *ticket
	single   bool        // the one response ends it
	answered atomic.Bool // by a message, or a header that was asked for
	ended    atomic.Bool
	release  func() bool
}

func (s *stream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	switch {
	case errors.Is(err, io.EOF):
		s.finish(nil)
	case err != nil || s.single:
		s.finish(err)
	default:
		s.answer()
	}
	return err
}

func (s *stream) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	if header != nil {
		s.answer()
	}
	return header, err
}

// answer takes note of the first sign of life.
func (s *stream) answer() {
	if !s.answered.Swap(true) {
		s.ticket.proved()
	}
}

func (s *stream) SendMsg(message any) error {
	err := s.ClientStream.SendMsg(message)
	if err != nil && !errors.Is(err, io.EOF) { // which leaves the status to RecvMsg
		s.finish(context.Canceled) // the error is the client's own
	}
	return err
}

func (s *stream) finish(err error) {
	s.release()
	s.end(err)
}

// end judges the stream, nil being a clean end.
func (s *stream) end(err error) {
	if s.ended.Swap(true) {
		return
	}
	s.ticket.settle(s.judge(err), err)
}

func (s *stream) judge(err error) verdict {
	v := judge(err, s.ticket.hurried)
	if v != failure {
		return v
	}
	switch statusOf(err).Code() {
	case codes.DeadlineExceeded:
		if s.works() {
			return ignored
		}
	case codes.Unavailable:
		if s.ticket.age() > s.ticket.circuit.set.options.Window {
			return ignored
		}
	default:
	}
	return failure
}

// works tells whether an ended stream was answered, if only by a header, as a
// watch of what did not change is.
func (s *stream) works() bool {
	if s.answered.Load() {
		return true
	}
	if s.ClientStream == nil {
		return false
	}
	header, _ := s.ClientStream.Header() // does not wait any more
	return header != nil
}
