package retry_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
	"github.com/gctl-dev/gctl/svc/kit/retry"
	_ "github.com/gctl-dev/gctl/svc/user/api"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	get    = "/user.v1.UserService/GetUser"
	update = "/user.v1.UserService/UpdateUser"
	create = "/user.v1.UserService/CreateUser"
)

var errDown = status.Error(codes.Unavailable, "down")

// after returns an error with a RetryInfo.
func after(t *testing.T, code codes.Code, delay time.Duration) error {
	t.Helper()
	s, err := status.New(code, "later").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

// target answers with one error after the other, then with the last one.
type target struct {
	answers []error
	at      []time.Time // of the attempts
}

func (tg *target) answer() error {
	tg.at = append(tg.at, time.Now())
	return tg.answers[min(len(tg.at), len(tg.answers))-1]
}

func call(ctx context.Context, r *retry.Retrier, method string, request any, tg *target) error {
	return r.UnaryClientInterceptor()(ctx, method, request, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
		return tg.answer()
	})
}

// metrics returns the metrics as "name outcome" to value.
func metrics(t *testing.T, r *retry.Retrier) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			values[strings.Join(labels, " ")] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

// raw is a request as a gateway passes it on.
type raw string

func (r raw) Bytes() []byte { return []byte(r) }

func encoded(t *testing.T, m proto.Message) raw {
	t.Helper()
	bytes, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw(bytes)
}

func TestWhatIsRepeated(t *testing.T) {
	exhausted := status.Error(codes.ResourceExhausted, "")
	for _, test := range []struct {
		name     string
		method   string
		request  any
		answers  []error
		attempts int
		code     codes.Code
	}{
		{"a success", get, nil, []error{nil}, 1, codes.OK},
		{"no side effects", get, nil, []error{errDown, nil}, 2, codes.OK},
		{"idempotent", update, nil, []error{errDown, nil}, 2, codes.OK},
		{"up to three attempts", get, nil, []error{errDown}, 3, codes.Unavailable},
		{"an answer of the second", get, nil, []error{errDown, status.Error(codes.NotFound, "")}, 2, codes.NotFound},
		{"not idempotent", create, nil, []error{errDown}, 1, codes.Unavailable},
		{"unknown", "/other.Service/Get", nil, []error{errDown}, 1, codes.Unavailable},
		{"by configuration", "/other.Service/Put", nil, []error{errDown, nil}, 2, codes.OK},
		{"with a key", "/other.Service/Add", wrapperspb.String("k-1"), []error{errDown, nil}, 2, codes.OK},
		{"with an empty key", "/other.Service/Add", wrapperspb.String(""), []error{errDown}, 1, codes.Unavailable},
		{"no such key", "/other.Service/Odd", wrapperspb.String("k-1"), []error{errDown}, 1, codes.Unavailable},
		{"no message", "/other.Service/Add", []byte("k-1"), []error{errDown}, 1, codes.Unavailable},
		{"with a key in raw bytes", create, encoded(t, &userv1.CreateUserRequest{RequestId: "k-1"}), []error{errDown, nil}, 2, codes.OK},
		{"without a key in raw bytes", create, encoded(t, &userv1.CreateUserRequest{User: &userv1.User{Id: "k-1"}}), []error{errDown}, 1, codes.Unavailable},
		{"raw bytes that are no message", create, raw("\xff"), []error{errDown}, 1, codes.Unavailable},
		{"raw bytes of an unknown method", "/other.Service/Add", raw(""), []error{errDown}, 1, codes.Unavailable},
		{"exhausted", get, nil, []error{exhausted}, 1, codes.ResourceExhausted},
		{"exhausted until", get, nil, []error{after(t, codes.ResourceExhausted, time.Second), nil}, 2, codes.OK},
		{"by deadline", get, nil, []error{status.Error(codes.DeadlineExceeded, "")}, 1, codes.DeadlineExceeded},
		{"internal", get, nil, []error{status.Error(codes.Internal, "")}, 1, codes.Internal},
		{"aborted", get, nil, []error{status.Error(codes.Aborted, "")}, 1, codes.Aborted},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := retry.New("user", retry.Options{
					Methods: []string{"/other.Service/Put"},
					Keys:    map[string]string{create: "request_id", "/other.Service/Add": "value", "/other.Service/Odd": "no_such_field"},
				})
				tg := &target{answers: test.answers}
				err := call(t.Context(), r, test.method, test.request, tg)
				if len(tg.at) != test.attempts || status.Code(err) != test.code {
					t.Errorf("%d attempts, %v; want %d, %v", len(tg.at), err, test.attempts, test.code)
				}
			})
		})
	}
}

func TestRejectionsOfABreakerAreNotRepeated(t *testing.T) {
	breakers := breaker.New(breaker.Options{})
	guard := breakers.UnaryClientInterceptor("user")
	attempt := func(err error) error {
		return guard(t.Context(), get, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return err })
	}
	_ = attempt(nil)
	if err := breakers.Override("user/read", breaker.ForcedOpen); err != nil {
		t.Fatal(err)
	}
	tg := &target{answers: []error{attempt(nil)}}
	if err := call(t.Context(), retry.New("user", retry.Options{}), get, nil, tg); len(tg.at) != 1 || !breaker.Rejected(err) {
		t.Errorf("%d attempts, %v", len(tg.at), err)
	}
}

func TestBackOffIsJitteredAndGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("user", retry.Options{Attempts: 5, Burst: 10000, BaseDelay: 100 * time.Millisecond, MaxDelay: 300 * time.Millisecond})
		longest, sum := make([]time.Duration, 4), make([]time.Duration, 4)
		const calls = 200
		for range calls {
			tg := &target{answers: []error{errDown}}
			_ = call(t.Context(), r, get, nil, tg)
			for i := range 4 {
				wait := tg.at[i+1].Sub(tg.at[i])
				longest[i] = max(longest[i], wait)
				sum[i] += wait
			}
		}
		for i, bound := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond, 300 * time.Millisecond} {
			mean := sum[i] / calls
			if longest[i] > bound || longest[i] < bound*9/10 || mean < bound*4/10 || mean > bound*6/10 {
				t.Errorf("wait %d: longest %v, mean %v, bound %v", i+1, longest[i], mean, bound)
			}
		}
	})
}

func TestRetryInfoIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("user", retry.Options{})
		tg := &target{answers: []error{after(t, codes.Unavailable, 2*time.Second), after(t, codes.Unavailable, -time.Second), nil}}
		if err := call(t.Context(), r, get, nil, tg); err != nil {
			t.Fatal(err)
		}
		if wait := tg.at[1].Sub(tg.at[0]); wait < 2*time.Second || wait > 2025*time.Millisecond {
			t.Errorf("waited %v, want 2s and a little", wait)
		}
		tg = &target{answers: []error{after(t, codes.Unavailable, 6*time.Second)}}
		if err := call(t.Context(), r, get, nil, tg); err == nil || len(tg.at) != 1 {
			t.Errorf("%d attempts, %v: six seconds are too long to wait", len(tg.at), err)
		}
	})
}

func TestNoRetryThatCannotFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for timeout, attempts := range map[time.Duration]int{1009 * time.Millisecond: 1, 1035 * time.Millisecond: 2} {
			r := retry.New("user", retry.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			start := time.Now()
			tg := &target{answers: []error{after(t, codes.Unavailable, time.Second), nil}}
			_ = call(ctx, r, get, nil, tg)
			cancel()
			if len(tg.at) != attempts {
				t.Errorf("%v: %d attempts, want %d", timeout, len(tg.at), attempts)
			}
			if attempts == 1 && (time.Since(start) != 0 || metrics(t, r)[get+" no_time user"] != 1) {
				t.Errorf("waited %v, metrics %v", time.Since(start), metrics(t, r))
			}
		}
	})
}

func TestAGivenUpCallIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("user", retry.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		tg := &target{answers: []error{after(t, codes.Unavailable, time.Second)}}
		done := make(chan error)
		go func() { done <- call(ctx, r, get, nil, tg) }()
		synctest.Wait()
		cancel()
		if err := <-done; status.Code(err) != codes.Canceled || len(tg.at) != 1 {
			t.Errorf("%d attempts, %v", len(tg.at), err)
		}
		tg = &target{answers: []error{errDown}}
		if err := call(ctx, r, get, nil, tg); status.Code(err) != codes.Unavailable || len(tg.at) != 1 {
			t.Errorf("already given up: %d attempts, %v", len(tg.at), err)
		}
	})
}

func TestTheBudgetBoundsTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("user", retry.Options{})
		tg := &target{answers: []error{errDown}}
		const calls, perSecond = 10000, 500
		start := time.Now()
		for range calls {
			_ = call(t.Context(), r, get, nil, tg)
			time.Sleep(time.Second / perSecond)
		}
		retries, elapsed := float64(len(tg.at)-calls), time.Since(start).Seconds()
		// 0.2 a call, 5 a second and the 10 of the start.
		if bound := 0.2*calls + 5*elapsed + 10; retries > bound || retries < 0.95*bound {
			t.Errorf("%v retries in %v s, bound %v", retries, elapsed, bound)
		}
		got := metrics(t, r)
		if got[get+" failed user"] != retries || got[get+" no_budget user"] == 0 {
			t.Errorf("metrics = %v, %v retries", got, retries)
		}
	})
}

func TestTheBudgetIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("user", retry.Options{Burst: 20, Ratio: 1e-9, MinPerSecond: 1e-9, BaseDelay: 1})
		for range 5 {
			_ = call(t.Context(), r, update, nil, &target{answers: []error{errDown, nil}})
		}
		tg := &target{answers: []error{errDown}}
		_ = call(t.Context(), r, get, nil, tg)
		if got := metrics(t, r); got[update+" answered user"] != 1+1 || len(tg.at) != 1 {
			t.Errorf("two tokens: metrics %v, %d attempts of the last call", got, len(tg.at))
		}
	})
}

func TestMetricsOfTwoTargetsStandTogether(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	for _, name := range []string{"user", "order"} {
		if err := registry.Register(retry.New(name, retry.Options{})); err != nil {
			t.Error(err)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, fmt.Sprint(f.GetName(), len(f.GetMetric())))
	}
	if !slices.Equal(names, []string{"kit_client_retry_budget2"}) {
		t.Errorf("families: %v", names)
	}
}
