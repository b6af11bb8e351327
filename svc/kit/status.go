package kit

import (
	"context"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/gctl-dev/gctl/svc/kit/identity"
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
// they stand for. It counts the calls in flight.
type guard struct {
	log     *slog.Logger
	calls   *atomic.Int64
	refused *rate.Limiter // of lines about refused callers
}

// refusedLines is how many refused callers a second are logged.
const refusedLines = 5

func newGuard(log *slog.Logger, calls *atomic.Int64) guard {
	return guard{log, calls, rate.NewLimiter(refusedLines, refusedLines)}
}

func (g guard) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
	defer g.enter(info.FullMethod)()
	defer g.recover(ctx, info.FullMethod, &err)
	return handler(ctx, request)
}

func (g guard) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer g.enter(info.FullMethod)()
	defer g.recover(stream.Context(), info.FullMethod, &err)
	return handler(srv, stream)
}

// enter counts a call, unless it is one of those beside the API, until the
// returned function is called.
func (g guard) enter(method string) (leave func()) {
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	if beside(service) {
		return func() {}
	}
	g.calls.Add(1)
	return func() { g.calls.Add(-1) }
}

func (g guard) recover(ctx context.Context, method string, err *error) {
	if p := recover(); p != nil {
		g.log.ErrorContext(ctx, "handler panicked", "method", strings.TrimPrefix(method, "/"), "panic", p, "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "internal error")
		return
	}
	switch status.Code(*err) {
	case codes.Unauthenticated, codes.PermissionDenied:
		// Who is refused is news, here and nowhere else; a flood of them is not.
		if g.refused.Allow() {
			g.log.WarnContext(ctx, "caller refused", "method", strings.TrimPrefix(method, "/"), "caller", identity.Caller(ctx), "error", *err)
		}
		return
	}
	if *err != nil && status.Convert(*err).Err().Error() != (*err).Error() {
		g.log.WarnContext(ctx, "call failed", "method", strings.TrimPrefix(method, "/"), "error", *err)
	}
}
