package limit_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/limit"
)

// from returns the context of a call from a host.
func from(host string) context.Context {
	return peer.NewContext(context.Background(), &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(host), Port: 1}})
}

// call sends one call through the rate limits.
func call(ctx context.Context, set *limit.Set, method string) error {
	_, err := set.UnaryRate(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) {
		return nil, nil //nolint:nilnil // nobody looks
	})
	return err
}

// admitted sends n calls at once and returns how many came through.
func admitted(ctx context.Context, t *testing.T, set *limit.Set, method string, n int) int {
	t.Helper()
	in := 0
	for range n {
		switch err := call(ctx, set, method); status.Code(err) {
		case codes.OK:
			in++
		case codes.ResourceExhausted:
		default:
			t.Fatal(err)
		}
	}
	return in
}

func detail[T any](t *testing.T, err error) T {
	t.Helper()
	for _, d := range status.Convert(err).Details() {
		if d, ok := d.(T); ok {
			return d
		}
	}
	var none T
	t.Fatalf("%v has no %T in %v", err, none, status.Convert(err).Details())
	return none
}

// One caller that asks for ten times its share gets its share, and costs a
// modest one nothing.
func TestOneCallerDoesNotTakeFromAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "", "*=100/s,burst=20")
		greedy, modest := from("10.0.0.1"), from("10.0.0.2")
		var got, served int
		for range 100 { // 10 s, in steps of 100 ms
			time.Sleep(100 * time.Millisecond)
			got += admitted(greedy, t, set, "/test.Work/Do", 100)
			served += admitted(modest, t, set, "/test.Work/Do", 5)
		}
		if got < 1000 || got > 1020 {
			t.Errorf("the greedy caller got %d calls in 10 s, want 1,000 and the burst", got)
		}
		if served != 500 {
			t.Errorf("the modest caller got %d of its 500 calls", served)
		}
	})
}

func TestRetryInfoIsWhenTheNextTokenIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "", "*=2/s,burst=1")
		ctx := from("10.0.0.1")
		if n := admitted(ctx, t, set, "/test.Work/Do", 1); n != 1 {
			t.Fatal("the first call was refused")
		}
		time.Sleep(200 * time.Millisecond)
		err := call(ctx, set, "/test.Work/Do")
		wait := detail[*errdetails.RetryInfo](t, err).GetRetryDelay().AsDuration()
		if wait != 300*time.Millisecond {
			t.Errorf("wait = %v, want 300 ms", wait)
		}
		time.Sleep(wait - time.Millisecond)
		if err := call(ctx, set, "/test.Work/Do"); err == nil {
			t.Error("a call was let in before its time")
		}
		time.Sleep(time.Millisecond)
		if err := call(ctx, set, "/test.Work/Do"); err != nil {
			t.Errorf("at the time that was told: %v", err)
		}
	})
}

// A call passes every limit that covers it, and takes nothing if one refuses.
func TestRatesOfMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "", "*=1/s,burst=10", "test.Work/Write=1/s,burst=2", "test.Work/Never=0/s", "other.Work/*=1/s,burst=3")
		ctx := from("10.0.0.1")
		for _, step := range []struct {
			method string
			want   int
		}{
			{"/test.Work/Write", 2}, {"/test.Work/Never", 0}, {"/other.Work/Any", 3},
			{"/other.Workshop/Any", 5}, // 2 + 3 + 5 are the burst of "*"
			{"/test.Work/Read", 0}, {"/other.Work/Any", 0},
			{"/grpc.health.v1.Health/Check", 20}, {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", 20},
			{"/grpc.channelz.v1.Channelz/GetServers", 20}, {"/gctl.control.v1.ControlService/ListLimits", 20},
		} {
			if got := admitted(ctx, t, set, step.method, 20); got != step.want {
				t.Errorf("%s: %d calls were let in, want %d", step.method, got, step.want)
			}
		}
		err := call(ctx, set, "/test.Work/Never")
		for _, d := range status.Convert(err).Details() {
			if _, ok := d.(*errdetails.RetryInfo); ok {
				t.Error("a method that is closed tells when to come back")
			}
		}
		want := map[string][2]int64{ // admitted, rejected
			"rate/default": {10, 35}, "rate/test.Work/Write": {2, 18}, "rate/test.Work/Never": {0, 21}, "rate/other.Work/*": {3, 37},
		}
		for _, s := range set.Status() {
			if got := [2]int64{s.Admitted, s.Rejected}; got != want[s.Name] {
				t.Errorf("%s: %v, want %v", s.Name, got, want[s.Name])
			}
		}
	})
}

func TestARefusedCallTakesNothingOfOtherLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "", "*=0/s", "test.Work/*=1/h,burst=5")
		ctx := from("10.0.0.1")
		if n := admitted(ctx, t, set, "/test.Work/Do", 20); n != 0 {
			t.Fatalf("%d calls were let in", n)
		}
		if err := set.Set("rate/default", limit.Settings{Rate: 100, Burst: 100}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if n := admitted(ctx, t, set, "/test.Work/Do", 20); n != 5 {
			t.Errorf("%d calls were let in, want all 5 that nothing was taken of", n)
		}
		for _, s := range set.Status() {
			if s.Name == "rate/test.Work/*" && (s.Admitted != 5 || s.Rejected != 15) {
				t.Errorf("counted = %+v, want nothing of the calls that another limit refused", s)
			}
		}
	})
}

func TestRateInShadow(t *testing.T) {
	set := newSet(t, "", "*=1/h,burst=2,shadow", "test.Work/Do=1/h,burst=5")
	if n := admitted(from("10.0.0.1"), t, set, "/test.Work/Do", 10); n != 5 {
		t.Errorf("%d calls were let in, want the 5 of the limit that is in force", n)
	}
	for _, s := range set.Status() {
		if s.Name == "rate/default" && (s.Admitted != 2 || s.Rejected != 3) {
			t.Errorf("the limit in shadow counted %+v, want 2 and 3 of the 5 that came through", s)
		}
	}
	if got := gather(t, set); got["kit_limit_calls_total rate/default rate shadow"] != 3 || got["kit_limit_calls_total rate/default rate rejected"] != 0 {
		t.Errorf("metrics = %v", got)
	}
}

// New settings are there for callers that have a bucket, too.
func TestSetRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "", "*=1/s,burst=1")
		ctx := from("10.0.0.1")
		admitted(ctx, t, set, "/test.Work/Do", 1)
		if err := set.Set("rate/default", limit.Settings{Rate: 100, Burst: 50}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		if n := admitted(ctx, t, set, "/test.Work/Do", 100); n != 10 {
			t.Errorf("%d calls in 100 ms, want 10", n)
		}
		if err := set.Set("rate/default", limit.Settings{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if n := admitted(ctx, t, set, "/test.Work/Do", 100); n != 0 {
			t.Errorf("%d calls at a rate of 0", n)
		}
		if err := set.Reset("rate/default"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if n := admitted(ctx, t, set, "/test.Work/Do", 100); n != 1 {
			t.Errorf("%d calls with the configured settings, want 1", n)
		}
	})
}
