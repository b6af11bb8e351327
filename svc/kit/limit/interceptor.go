package limit

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// UnaryRate is the interceptor of the rate limits for unary calls.
func (s *Set) UnaryRate(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := s.take(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	return handler(ctx, request)
}

// StreamRate is the interceptor of the rate limits for streams. A stream counts
// as one call, however many messages it has.
func (s *Set) StreamRate(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := s.take(stream.Context(), info.FullMethod); err != nil {
		return err
	}
	return handler(srv, stream)
}

// UnaryConcurrency is the interceptor of the concurrency limit for unary calls.
func (s *Set) UnaryConcurrency(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	c := s.concurrency
	if c == nil || exempt(info.FullMethod) {
		return handler(ctx, request)
	}
	start := time.Now()
	if r := c.enter(start); r != nil {
		return nil, overloaded(c.name, r)
	}
	end := aside // also of a panic
	defer func() { c.leave(info.FullMethod, start, time.Now(), end) }()
	response, err := handler(ctx, request)
	end = outcomeOf(err)
	return response, err
}

// StreamConcurrency is the interceptor of the concurrency limit for streams. A
// stream takes a place from its beginning until its first message goes out, it
// ends, or a second has gone by: its start is refused when the server has enough
// to do, and a watch that is silent for hours takes nothing from others. How
// long streams live says nothing about the server, so the limit does not learn
// from it.
func (s *Set) StreamConcurrency(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	c := s.concurrency
	if c == nil || exempt(info.FullMethod) {
		return handler(srv, stream)
	}
	held, r := c.enterStream(time.Now())
	if r != nil {
		return overloaded(c.name, r)
	}
	defer c.release(held)
	return handler(srv, &holdingStream{ServerStream: stream, limit: c, held: held})
}

// holdingStream gives its place back when the first message goes out.
type holdingStream struct {
	grpc.ServerStream

	limit *concurrency
	held  *hold
	sent  bool // SendMsg is never called by two goroutines at once
}

func (s *holdingStream) SendMsg(m any) error {
	err := s.ServerStream.SendMsg(m)
	if !s.sent {
		s.sent = true
		s.limit.release(s.held)
	}
	return err
}

// outcomeOf tells what the end of a call says about the server's latency. Calls
// that failed often took a shorter way; those whose time was up did not.
func outcomeOf(err error) outcome {
	if err == nil {
		return complete
	}
	switch status.FromContextError(err).Code() {
	case codes.DeadlineExceeded, codes.Canceled:
		return cut
	}
	switch status.Code(err) {
	case codes.DeadlineExceeded, codes.Canceled:
		return cut
	default:
		return aside
	}
}
