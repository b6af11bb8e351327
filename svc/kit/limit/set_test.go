package limit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/gctl-dev/gctl/svc/kit/limit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gather returns the metrics of a set by name and label values.
func gather(t *testing.T, set *limit.Set) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(set); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := map[string]string{}
			for _, l := range m.GetLabel() {
				name[l.GetName()] = l.GetValue()
			}
			key := strings.Join([]string{f.GetName(), name["limit"], name["kind"], name["result"]}, " ")
			all[strings.TrimSpace(key)] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return all
}

func TestStatusIsSortedAndWhole(t *testing.T) {
	set := newSet(t, "10..200,shadow", "test.Work/*=30/m,burst=7", "*=5/s")
	want := []limit.Status{
		{Name: "concurrency", Kind: limit.Concurrency, Methods: "*", Current: 200, Settings: limit.Settings{MinConcurrency: 10, MaxConcurrency: 200, Shadow: true}},
		{Name: "rate/default", Kind: limit.Rate, Methods: "*", Settings: limit.Settings{Rate: 5, Burst: 5}},
		{Name: "rate/test.Work/*", Kind: limit.Rate, Methods: "test.Work/*", Settings: limit.Settings{Rate: .5, Burst: 7}},
	}
	if got := set.Status(); !reflect.DeepEqual(got, want) {
		t.Errorf("status = %+v\nwant %+v", got, want)
	}
	metrics := gather(t, set)
	if metrics["kit_limit_concurrency concurrency"] != 200 || len(metrics) != 3*3+2+2 {
		t.Errorf("metrics = %v", metrics)
	}
}

func TestSetSaysWhatIsWrong(t *testing.T) {
	set := newSet(t, "10..200", "*=5/s")
	before := set.Status()
	for _, c := range []struct {
		name     string
		settings limit.Settings
		want     string
	}{
		{"rate/other", limit.Settings{Rate: 1, Burst: 1}, "no such limit: rate/other"},
		{"rate/default", limit.Settings{Rate: -1, Burst: 1}, "0 or more"},
		{"rate/default", limit.Settings{Rate: math.NaN(), Burst: 1}, "must be a number"},
		{"rate/default", limit.Settings{Rate: math.Inf(1), Burst: 1}, "must be a number"},
		{"rate/default", limit.Settings{Rate: 1}, "burst of 0"},
		{"rate/default", limit.Settings{Rate: 1, Burst: 1_000_001}, "between 0 and 1000000"},
		{"rate/default", limit.Settings{Rate: 1, Burst: 1, MaxConcurrency: 1}, "no bounds"},
		{"concurrency", limit.Settings{MinConcurrency: 0, MaxConcurrency: 5}, "at least 1"},
		{"concurrency", limit.Settings{MinConcurrency: 6, MaxConcurrency: 5}, "above the upper"},
		{"concurrency", limit.Settings{MinConcurrency: 1, MaxConcurrency: 1_000_001}, "at most"},
		{"concurrency", limit.Settings{MinConcurrency: 1, MaxConcurrency: 2, Rate: 1}, "no rate"},
	} {
		for what, err := range map[string]error{"Set": set.Set(c.name, c.settings), "Check": set.Check(c.name, c.settings)} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s(%s, %+v) = %v, want %q", what, c.name, c.settings, err, c.want)
			}
			if errors.Is(err, limit.ErrUnknown) != strings.Contains(c.want, "no such") {
				t.Errorf("%s(%s): %v is of the wrong kind", what, c.name, err)
			}
		}
	}
	if err := set.Reset("nothing"); !errors.Is(err, limit.ErrUnknown) {
		t.Errorf("Reset = %v", err)
	}
	if err := set.Check("rate/default", limit.Settings{Rate: 7, Burst: 7}); err != nil {
		t.Errorf("Check = %v", err)
	}
	if after := set.Status(); !reflect.DeepEqual(after, before) {
		t.Errorf("a refused change left %+v", after)
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	one := limit.Limit{Name: "a", Kind: limit.Concurrency, Methods: "*", Settings: limit.Settings{MinConcurrency: 1, MaxConcurrency: 1}}
	two, some, nameless, kindless := one, one, one, one
	two.Name, some.Methods, nameless.Name, kindless.Kind = "b", "test.Work/*", "", 0
	for want, limits := range map[string][]limit.Limit{
		"given twice":  {one, one},
		"already":      {one, two},
		"covers all":   {some},
		"no name":      {nameless},
		"unknown kind": {kindless},
	} {
		if _, err := limit.New(limit.Options{Limits: limits}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v) = %v, want %q", limits, err, want)
		}
	}
}

// Limits are read and changed while calls come in.
func TestConcurrentUse(t *testing.T) {
	set := newSet(t, "1..1000", "*=1000000/s,burst=1000000")
	through := func(ctx context.Context) error {
		_, err := set.UnaryRate(ctx, nil, info, func(ctx context.Context, request any) (any, error) {
			return set.UnaryConcurrency(ctx, request, info, nothing)
		})
		return err
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 500 {
				if err := through(from(fmt.Sprintf("10.0.%d.%d", i, n%250))); err != nil {
					t.Errorf("with limits far away: %v", err)
				}
			}
		})
		all.Go(func() {
			err := set.StreamConcurrency(nil, streamOf{ctx: t.Context()}, &grpc.StreamServerInfo{FullMethod: "/test.Work/Watch"}, func(any, grpc.ServerStream) error { return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	for n := range 100 {
		errs := []error{
			set.Set("rate/default", limit.Settings{Rate: float64(1_000_000 + n), Burst: 1_000_000}),
			set.Set("concurrency", limit.Settings{MinConcurrency: 100, MaxConcurrency: 500 + n}),
			set.Reset("concurrency"),
		}
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		gather(t, set)
	}
	all.Wait()
	for _, s := range set.Status() {
		if want := map[limit.Kind]int64{limit.Rate: 2000, limit.Concurrency: 2004}[s.Kind]; s.Admitted != want || s.InFlight != 0 {
			t.Errorf("%+v, want %d", s, want)
		}
	}
}
