package limit

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// Usual values for a Deadline.
const (
	DefaultFloor = 5 * time.Millisecond
	DefaultMax   = 30 * time.Second
)

// Deadline are the bounds on the time that calls have.
type Deadline struct {
	// Floor is what must be left of a call's time when it arrives. What has less
	// is refused with DEADLINE_EXCEEDED: it would be work for nobody. 0: none.
	Floor time.Duration

	// Max is the time that a unary call gets that came without a deadline. 0: as
	// long as it takes. Streams may live for ever.
	Max time.Duration
}

// Unary is the interceptor for unary calls.
func (d Deadline) Unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if exempt(info.FullMethod) {
		return handler(ctx, request)
	}
	if err := d.tooShort(ctx); err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok && d.Max > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Max)
		defer cancel()
	}
	return handler(ctx, request)
}

// Stream is the interceptor for streams.
func (d Deadline) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if !exempt(info.FullMethod) {
		if err := d.tooShort(stream.Context()); err != nil {
			return err
		}
	}
	return handler(srv, stream)
}

func (d Deadline) tooShort(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if !ok || d.Floor <= 0 {
		return nil
	}
	left := time.Until(deadline)
	if left >= d.Floor {
		return nil
	}
	return refuse(codes.DeadlineExceeded,
		fmt.Sprintf("%v are left of the deadline, and nothing is begun with less than %v", left, d.Floor),
		info(ReasonDeadlineTooShort, map[string]string{"left": left.String(), "floor": d.Floor.String()}))
}
