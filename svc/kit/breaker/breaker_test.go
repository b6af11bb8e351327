package breaker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
	_ "github.com/gctl-dev/gctl/svc/user/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	get    = "/user.v1.UserService/GetUser"
	create = "/user.v1.UserService/CreateUser"
)

var errDown = status.Error(codes.Unavailable, "down")

// client calls through the breakers of a set, without a network.
type client struct {
	*testing.T

	set   *breaker.Set
	unary grpc.UnaryClientInterceptor
}

func newClient(t *testing.T, options breaker.Options) *client {
	set := breaker.New(options)
	return &client{t, set, set.UnaryClientInterceptor("user")}
}

// run makes a call that does what target does.
func (c *client) run(ctx context.Context, method string, target func(context.Context) error) error {
	return c.unary(ctx, method, nil, nil, nil, func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		return target(ctx)
	})
}

// call makes n calls that end with err, and returns how many reached the target.
func (c *client) call(n int, err error) (reached int) {
	for range n {
		_ = c.run(context.Background(), get, func(context.Context) error {
			reached++
			return err
		})
	}
	return reached
}

func (c *client) only() breaker.Status {
	c.Helper()
	all := c.set.Status()
	if len(all) != 1 {
		c.Fatalf("%d breakers: %+v", len(all), all)
	}
	return all[0]
}

func (c *client) wants(state breaker.State) {
	c.Helper()
	if got := c.only().State; got != state {
		c.Fatalf("the breaker is %v, want %v", got, state)
	}
}

func TestOpensAtTheRatio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		for range 8 {
			c.call(1, nil)
			c.call(1, errDown)
		}
		c.call(3, errDown)
		c.wants(breaker.Closed)
		before := c.only()
		if want := (breaker.Counts{Requests: 19, Successes: 8, Failures: 11, ConsecutiveFailures: 4}); before.Counts != want {
			t.Errorf("counts = %+v, want %+v", before.Counts, want)
		}
		time.Sleep(3 * time.Second)
		c.call(1, errDown)

		want := breaker.Status{
			Name: "user/read", Target: "user", MethodGroup: "read", State: breaker.Open,
			Since: time.Now(), Trips: 1, LastError: "UNAVAILABLE: down", NextProbe: time.Now().Add(5 * time.Second),
			Counts: breaker.Counts{Requests: 20, Successes: 8, Failures: 12, ConsecutiveFailures: 5},
		}
		if got := c.only(); got != want {
			t.Errorf("status = %+v\nwant     %+v", got, want)
		}
		if reached := c.call(5, nil); reached != 0 {
			t.Errorf("an open breaker let %d calls through", reached)
		}
		if got := c.only(); got != want {
			t.Errorf("after its own rejections = %+v\nwant %+v", got, want)
		}
	})
}

func TestOpensAtFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{Consecutive: 4})
		c.call(6, nil)
		c.call(3, errDown)
		time.Sleep(time.Second)
		c.call(1, nil)
		c.call(5, errDown)
		c.wants(breaker.Closed) // all at one moment
		time.Sleep(250 * time.Millisecond)
		if reached := c.call(3, errDown); reached != 1 {
			t.Errorf("%d calls reached the target, want one", reached)
		}
		c.wants(breaker.Open)
	})
}

func TestOneOfTwoInstancesFailingOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		for range 3000 {
			c.call(1, errDown)
			c.call(1, nil)
			time.Sleep(2 * time.Millisecond)
		}
		c.wants(breaker.Closed)
	})
}

func TestOneOfSixFailingOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		for i := range 6000 {
			if i%6 == 0 {
				c.call(1, errDown)
			} else {
				c.call(1, nil)
			}
			time.Sleep(2 * time.Millisecond)
		}
		c.wants(breaker.Closed)
	})
}

func TestAllFailingOpensWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		for range 1000 { // ten seconds of successes before
			c.call(1, nil)
			time.Sleep(10 * time.Millisecond)
		}
		start := time.Now()
		for c.only().State == breaker.Closed {
			c.call(1, errDown)
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestTheWindowForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		c.call(9, errDown)
		time.Sleep(11 * time.Second)
		if got := c.only().Counts; got != (breaker.Counts{}) {
			t.Errorf("after the window the counts are %+v", got)
		}
		c.call(9, errDown)
		c.wants(breaker.Closed)
	})
}

func TestClassification(t *testing.T) {
	success, failure, ignored := breaker.Counts{Requests: 1, Successes: 1}, breaker.Counts{Requests: 1, Failures: 1, ConsecutiveFailures: 1}, breaker.Counts{}
	verdicts := map[codes.Code]breaker.Counts{
		codes.OK: success, codes.InvalidArgument: success, codes.NotFound: success, codes.AlreadyExists: success,
		codes.PermissionDenied: success, codes.FailedPrecondition: success, codes.Aborted: success,
		codes.OutOfRange: success, codes.Unimplemented: success, codes.Unauthenticated: success,
		codes.Unknown: failure, codes.DeadlineExceeded: failure, codes.Internal: failure, codes.Unavailable: failure, codes.DataLoss: failure,
		codes.Canceled: ignored, codes.ResourceExhausted: ignored,
	}
	if len(verdicts) != 17 {
		t.Fatalf("the table has %d of 17 codes", len(verdicts))
	}
	for code, want := range verdicts {
		c := newClient(t, breaker.Options{})
		c.call(1, status.Error(code, "x"))
		if got := c.only().Counts; got != want {
			t.Errorf("%v counts as %+v, want %+v", code, got, want)
		}
	}
	for err, want := range map[error]breaker.Counts{
		context.Canceled: ignored, context.DeadlineExceeded: failure, errors.New("no status"): failure,
	} {
		c := newClient(t, breaker.Options{})
		c.call(1, err)
		if got := c.only().Counts; got != want {
			t.Errorf("%v counts as %+v, want %+v", err, got, want)
		}
	}
}

func TestTinyDeadlinesDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) error {
			<-ctx.Done()
			return status.FromContextError(ctx.Err()).Err()
		}
		for timeout, failures := range map[time.Duration]int64{19 * time.Millisecond: 0, 20 * time.Millisecond: 1} {
			c := newClient(t, breaker.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			_ = c.run(ctx, get, hang)
			cancel()
			if got := c.only().Counts; got.Failures != failures || got.Requests != failures {
				t.Errorf("%v: counts %+v, want %d failures", timeout, got, failures)
			}
		}
	})
}

func TestACallCountsWhenItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		done := make(chan error)
		for range 20 { // each longer than the window
			go func() {
				done <- c.run(t.Context(), get, func(context.Context) error {
					time.Sleep(time.Minute)
					return errDown
				})
			}()
		}
		for range 20 {
			<-done
		}
		c.wants(breaker.Open)
	})
}

func TestStatusNeverMovesABreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{})
		c.call(20, errDown)
		opened := c.only()
		time.Sleep(time.Hour)
		gather(t, c.set)
		if got := c.only(); got != opened {
			t.Errorf("an hour later = %+v\nwant %+v", got, opened)
		}
		if err := c.set.Override("user/read", breaker.ForcedClosed); err != nil {
			t.Fatal(err)
		}
		if err := c.set.Override("user/read", breaker.None); err != nil {
			t.Fatal(err)
		}
		c.wants(breaker.Open)
		c.call(1, nil)
		c.wants(breaker.HalfOpen)
	})
}

func TestLastErrorIsShortAndPrintable(t *testing.T) {
	c := newClient(t, breaker.Options{})
	c.call(1, status.Error(codes.Internal, "a\x1b[31m\r\nb\u202e\xff"+strings.Repeat("ä", 1000)))
	got := c.only().LastError
	if !strings.HasPrefix(got, "INTERNAL: a [31m  b ää") || !strings.HasSuffix(got, "ä…") {
		t.Errorf("last error = %q", got)
	}
	if len(got) > 256 || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%d bytes, %q", len(got), got)
	}
}

func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, breaker.Options{Probes: 1})
		c.call(1, nil)
		for i := range 2 { // three changes each
			if c.only().Flapping {
				t.Errorf("flapping after %d changes", 3*i)
			}
			c.call(20, errDown)
			time.Sleep(5*time.Second + time.Millisecond)
			c.call(1, nil)
		}
		if !c.only().Flapping {
			t.Error("not flapping after 6 changes")
		}
		time.Sleep(10*time.Minute - 11*time.Second)
		if !c.only().Flapping {
			t.Error("not flapping any more before ten minutes are over")
		}
		time.Sleep(2 * time.Second)
		if c.only().Flapping {
			t.Error("flapping ten minutes later")
		}
	})
}
