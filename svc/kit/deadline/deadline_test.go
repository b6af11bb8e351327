package deadline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/deadline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serving is the call that is served while others are made.
type serving struct{}

func (serving) Method() string               { return "/test.Test/Serve" }
func (serving) SetHeader(metadata.MD) error  { return nil }
func (serving) SendHeader(metadata.MD) error { return nil }
func (serving) SetTrailer(metadata.MD) error { return nil }

// left returns how much time a unary call and a stream have below the
// interceptor, -1 where that is without end, and the errors of both.
func left(ctx context.Context, o deadline.Options) (unary, stream time.Duration, errs [2]error) {
	of := func(ctx context.Context) time.Duration {
		if end, ok := ctx.Deadline(); ok {
			return time.Until(end)
		}
		return -1
	}
	errs[0] = deadline.UnaryClientInterceptor(o)(ctx, "/a/b", nil, nil, nil, func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		unary = of(ctx)
		return ctx.Err()
	})
	_, errs[1] = deadline.StreamClientInterceptor(o)(ctx, nil, nil, "/a/b", func(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
		stream = of(ctx)
		return nil, ctx.Err()
	})
	return unary, stream, errs
}

func TestTimeOfCalls(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		options       deadline.Options
		serving       bool
		timeout       time.Duration // 0 for none
		unary, stream time.Duration // 0 for a call that is not sent
	}{
		"none":                          {timeout: 0, unary: 10 * time.Second, stream: -1},
		"none, configured":              {options: deadline.Options{Default: time.Second}, unary: time.Second, stream: -1},
		"none, while serving":           {serving: true, unary: 10 * time.Second, stream: -1},
		"longer than the default":       {timeout: time.Minute, unary: time.Minute, stream: time.Minute},
		"while serving":                 {serving: true, timeout: time.Second, unary: 990 * ms, stream: 990 * ms},
		"while serving, a tenth":        {serving: true, timeout: 50 * ms, unary: 45 * ms, stream: 45 * ms},
		"at the floor":                  {timeout: 2 * ms, unary: 2 * ms, stream: 2 * ms},
		"below the floor":               {timeout: 2*ms - 1},
		"below by the reserve":          {serving: true, timeout: 2 * ms},
		"below the floor as configured": {options: deadline.Options{Floor: time.Second}, timeout: 999 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.serving {
					ctx = grpc.NewContextWithServerTransportStream(ctx, serving{})
				}
				if test.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
				}
				unary, stream, errs := left(ctx, test.options)
				if unary != test.unary || stream != test.stream {
					t.Errorf("unary %v, stream %v; want %v, %v", unary, stream, test.unary, test.stream)
				}
				for _, err := range errs {
					if (err != nil) != (test.unary == 0) {
						t.Errorf("err = %v", err)
					}
				}
			})
		})
	}
}

func TestACallThatIsNotSentSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, _, errs := left(ctx, deadline.Options{})
		for _, err := range errs {
			s := status.Convert(err)
			if s.Code() != codes.DeadlineExceeded || s.Message() != "not sent: only 1ms left" || len(s.Details()) != 1 {
				t.Fatalf("status = %v", s)
			}
			if info, ok := s.Details()[0].(*errdetails.ErrorInfo); !ok || info.GetReason() != deadline.Reason || info.GetDomain() != deadline.Domain {
				t.Errorf("details = %v", s.Details())
			}
		}
	})
}

func TestACancelledCallKeepsItsReason(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	cancel()
	_, _, errs := left(ctx, deadline.Options{})
	for _, err := range errs {
		if status.FromContextError(err).Code() != codes.Canceled {
			t.Errorf("err = %v", err)
		}
	}
}

func TestAStreamEndsBeforeTheCallThatIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(grpc.NewContextWithServerTransportStream(t.Context(), serving{}), time.Second)
		defer cancel()
		start := time.Now()
		_, _ = deadline.StreamClientInterceptor(deadline.Options{})(ctx, nil, nil, "/a/b", func(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if took := time.Since(start); took != 990*time.Millisecond {
			t.Errorf("ended after %v", took)
		}
	})
}
