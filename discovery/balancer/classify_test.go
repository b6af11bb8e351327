package balancer

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

func TestWhatTheEndOfACallSaysAboutTheEndpoint(t *testing.T) {
	of := func(c codes.Code) error { return status.Error(c, "x") }
	late := time.Second
	cases := []struct {
		name string
		info balancer.DoneInfo
		age  time.Duration
		want outlier.Outcome
	}{
		{"an answer", balancer.DoneInfo{BytesSent: true}, 0, outlier.Answered},
		{"a connection that was gone before", balancer.DoneInfo{}, 0, outlier.Neutral},
		{"a deadline", balancer.DoneInfo{Err: of(codes.DeadlineExceeded), BytesSent: true}, late, outlier.Expired},
		{"a deadline of the context", balancer.DoneInfo{Err: context.DeadlineExceeded, BytesSent: true}, late, outlier.Expired},
		{"a deadline while waiting for a stream", balancer.DoneInfo{Err: of(codes.DeadlineExceeded)}, late, outlier.Expired},
		{"a deadline sooner than usual", balancer.DoneInfo{Err: of(codes.DeadlineExceeded), BytesSent: true}, time.Millisecond, outlier.Neutral},
		{"the deadline of a stream", balancer.DoneInfo{Err: of(codes.DeadlineExceeded), BytesSent: true, BytesReceived: true}, late, outlier.Neutral},
		{"an error that is no status", balancer.DoneInfo{Err: errors.New("x"), BytesSent: true}, 0, outlier.Failed},
		{"a caller that gave up", balancer.DoneInfo{Err: context.Canceled, BytesSent: true}, late, outlier.Abandoned},
		{"the end of a stream", balancer.DoneInfo{Err: context.Canceled, BytesSent: true, BytesReceived: true}, late, outlier.Neutral},
	}
	for code, want := range map[codes.Code]outlier.Outcome{
		codes.Canceled: outlier.Abandoned, codes.ResourceExhausted: outlier.Refused,
		codes.Unavailable: outlier.Failed, codes.Internal: outlier.Failed, codes.Unknown: outlier.Failed, codes.DataLoss: outlier.Failed,
		codes.InvalidArgument: outlier.Answered, codes.NotFound: outlier.Answered, codes.AlreadyExists: outlier.Answered,
		codes.PermissionDenied: outlier.Answered, codes.Unauthenticated: outlier.Answered, codes.FailedPrecondition: outlier.Answered,
		codes.Aborted: outlier.Answered, codes.OutOfRange: outlier.Answered, codes.Unimplemented: outlier.Answered,
	} {
		cases = append(cases, struct {
			name string
			info balancer.DoneInfo
			age  time.Duration
			want outlier.Outcome
		}{code.String(), balancer.DoneInfo{Err: of(code), BytesSent: true}, late, want})
	}
	for _, c := range cases {
		if got := classify(c.info, c.age, 10*time.Millisecond); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
