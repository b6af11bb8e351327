package kit

import (
	"context"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

// Status returns an error with a code, a text and details.
func Status(code codes.Code, text string, details ...protoadapt.MessageV1) error {
	s := status.New(code, text)
	if detailed, err := s.WithDetails(details...); err == nil {
		s = detailed
	}
	return s.Err()
}

// guard turns a panic in a handler into INTERNAL, and writes to the log what
// callers do not get to see: panics, and errors that say more than the status
// they stand for.
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
		return
	}
	if *err != nil && status.Convert(*err).Err().Error() != (*err).Error() {
		g.log.WarnContext(ctx, "call failed", "method", method, "error", *err)
	}
}
