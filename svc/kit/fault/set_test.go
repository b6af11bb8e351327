package fault_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gctl-dev/gctl/svc/kit/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const get = "/user.v1.UserService/GetUser"

// call makes a unary call of a method through the faults.
func call(ctx context.Context, s *fault.Set, method string) error {
	_, err := s.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return "answer", nil })
	return err
}

type stream struct {
	grpc.ServerStream

	ctx context.Context
}

func (s stream) Context() context.Context { return s.ctx }

func open(ctx context.Context, s *fault.Set, method string) error {
	return s.Stream(nil, stream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: method}, func(any, grpc.ServerStream) error { return nil })
}

func put(t *testing.T, s *fault.Set, name string, f fault.Fault) {
	t.Helper()
	if err := s.Put(name, f); err != nil {
		t.Fatal(err)
	}
}

func TestWhichCallsAFaultMeets(t *testing.T) {
	for pattern, want := range map[string]map[string]bool{
		"user.v1.UserService/GetUser": {
			get: true, "/user.v1.UserService/GetUsers": false, "/user.v1.UserService/ListUsers": false, "/a.user.v1.UserService/GetUser": false,
		},
		"user.v1.UserService/*": {
			get: true, "/user.v1.UserService/ListUsers": true, "/user.v1.UserServices/GetUser": false, "/user.v1.UserService": true,
		},
		"*": {
			get: true, "/a.B/C": true,
			"/grpc.health.v1.Health/Check": false, "/grpc.health.v1.Health/Watch": false,
			"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      false,
			"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": false,
			"/grpc.channelz.v1.Channelz/GetServers":                          false,
			"/gctl.control.v1.ControlService/SetFault":                       false,
		},
		"grpc.health.v1.Health/*": {"/grpc.health.v1.Health/Check": true, get: false},
	} {
		s := fault.New(fault.Options{})
		put(t, s, "f", fault.Fault{Method: pattern, Percentage: 100, Code: codes.Unavailable})
		for method, met := range want {
			for kind, err := range map[string]error{"unary": call(t.Context(), s, method), "stream": open(t.Context(), s, method)} {
				if (status.Code(err) == codes.Unavailable) != met {
					t.Errorf("%s against %s (%s): %v, want met = %v", pattern, method, kind, err, met)
				}
			}
		}
	}
}

func TestWhatIsNoFault(t *testing.T) {
	s := fault.New(fault.Options{})
	for name, f := range map[string]fault.Fault{
		"no method":           {Percentage: 1, Code: codes.Internal},
		"no slash":            {Method: "GetUser", Percentage: 1, Code: codes.Internal},
		"a leading slash":     {Method: get, Percentage: 1, Code: codes.Internal},
		"a wild service":      {Method: "user.*/GetUser", Percentage: 1, Code: codes.Internal},
		"half a wild method":  {Method: "a.B/Get*", Percentage: 1, Code: codes.Internal},
		"control":             {Method: "gctl.control.v1.ControlService/SetFault", Percentage: 1, Code: codes.Internal},
		"all of control":      {Method: "gctl.control.v1.ControlService/*", Percentage: 1, Code: codes.Internal},
		"no share":            {Method: "*", Code: codes.Internal},
		"too large a share":   {Method: "*", Percentage: 100.5, Code: codes.Internal},
		"a code that is none": {Method: "*", Percentage: 1, Code: 17},
		"negative latency":    {Method: "*", Percentage: 1, Latency: -1, Code: codes.Internal},
		"nothing at all":      {Method: "*", Percentage: 1},
	} {
		if err := s.Put("f", f); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := call(t.Context(), s, get); err != nil {
		t.Error(err)
	}
}

func TestTheShareOfCalls(t *testing.T) {
	next := 0.0
	s := fault.New(fault.Options{Random: func() float64 { next += 0.01; return next - 0.01 }})
	put(t, s, "f", fault.Fault{Method: "*", Percentage: 25, Code: codes.Internal})
	failed := 0
	for range 100 {
		if call(t.Context(), s, get) != nil {
			failed++
		}
	}
	if failed != 25 {
		t.Errorf("%d of 100 calls failed, want 25", failed)
	}
}

func TestAnInjectedStatusSaysSo(t *testing.T) {
	s := fault.New(fault.Options{})
	put(t, s, "outage", fault.Fault{Method: "*", Percentage: 100, Code: codes.Unavailable})
	got := status.Convert(call(t.Context(), s, get))
	info, ok := got.Details()[0].(*errdetails.ErrorInfo)
	if !ok || info.GetReason() != "FAULT_INJECTED" || info.GetDomain() != "gctl.kit" || info.GetMetadata()["fault"] != "outage" {
		t.Errorf("details = %v", got.Details())
	}
	if !strings.Contains(got.Message(), "outage") {
		t.Errorf("text = %q", got.Message())
	}
	if !s.Remove("outage") || s.Remove("outage") {
		t.Error("Remove does not tell what was there")
	}
	if err := call(t.Context(), s, get); err != nil {
		t.Errorf("after its end: %v", err)
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fault.New(fault.Options{})
		put(t, s, "slow", fault.Fault{Method: "*", Percentage: 100, Latency: 3 * time.Second})
		put(t, s, "then", fault.Fault{Method: "*", Percentage: 100, Latency: time.Second, Code: codes.Aborted})
		start := time.Now()
		if err := call(t.Context(), s, get); status.Code(err) != codes.Aborted {
			t.Errorf("error = %v", err)
		}
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("took %v, want the latency of both", took)
		}

		start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := open(ctx, s, get); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("error = %v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v, want no more than the deadline", took)
		}
	})
}

func TestTheEndOfAFaultLetsCallsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fault.New(fault.Options{})
		put(t, s, "slow", fault.Fault{Method: "*", Percentage: 100, Latency: time.Minute, Code: codes.Internal})
		start, done := time.Now(), make(chan error)
		go func() { done <- call(t.Context(), s, get) }()
		synctest.Wait()
		s.Remove("slow")
		if err := <-done; err != nil || time.Since(start) != 0 {
			t.Errorf("error = %v after %v", err, time.Since(start))
		}
	})
}

func TestMetrics(t *testing.T) {
	s := fault.New(fault.Options{})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(s)
	put(t, s, "a", fault.Fault{Method: "*", Percentage: 100, Latency: 1})
	put(t, s, "b", fault.Fault{Method: "*", Percentage: 100, Code: codes.Internal})
	for range 3 {
		call(t.Context(), s, get)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			words := []string{family.GetName()}
			for _, label := range m.GetLabel() {
				words = append(words, label.GetName()+"="+label.GetValue())
			}
			got[strings.Join(words, " ")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	want := map[string]float64{
		"gctl_faults_active": 2, "gctl_faults_injected_total kind=latency": 3, "gctl_faults_injected_total kind=status": 3,
	}
	if !maps.Equal(got, want) {
		t.Errorf("metrics = %v, want %v", got, want)
	}
}

func TestFaultsChangeWhileCallsRun(t *testing.T) {
	s := fault.New(fault.Options{})
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			for range 500 {
				if err := call(t.Context(), s, get); err != nil && status.Code(err) != codes.Aborted {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		put(t, s, "f", fault.Fault{Method: "*", Percentage: 50, Latency: time.Microsecond, Code: codes.Aborted})
		if f, ok := s.Get("f"); !ok || f.String() != "*: 50 %, +1µs, Aborted" {
			t.Error(f, ok)
		}
		s.Remove("f")
	}
	calls.Wait()
	if _, ok := s.Get("f"); ok {
		t.Error("a removed fault is still there")
	}
}

// An empty set costs next to nothing, and allocates nothing.
func BenchmarkEmpty(b *testing.B) {
	s := fault.New(fault.Options{})
	info := &grpc.UnaryServerInfo{FullMethod: get}
	handler := func(context.Context, any) (any, error) { return "answer", nil }
	b.ReportAllocs()
	for b.Loop() {
		s.Unary(b.Context(), nil, info, handler)
	}
}
