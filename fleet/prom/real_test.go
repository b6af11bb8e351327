package prom_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/prom"
	"github.com/gctl-dev/gctl/internal/stack"
)

// world is a Prometheus that scrapes one instance, and the instance.
func world(t *testing.T, handler http.Handler, o stack.PrometheusOptions) (*prom.Reader, fleet.Instance) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	addr := strings.TrimPrefix(s.URL, "http://")
	o.Targets = map[string][]string{"user": {addr}}
	p := stack.PrometheusFor(t, o)
	return reader(t, "http://"+p.Addr), fleet.Instance{ID: "user-1", Service: "user", Addr: "10.0.0.1:1", Meta: map[string]string{"metrics": addr}}
}

func eventually(t *testing.T, check func() error) {
	t.Helper()
	end := time.Now().Add(40 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		select {
		case <-t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestNativeHistograms(t *testing.T) {
	registry := prometheus.NewRegistry()
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "grpc_server_handling_seconds", Help: "Durations.", NativeHistogramBucketFactor: 1.1,
	}, []string{"grpc_type", "grpc_service", "grpc_method"})
	handled := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "grpc_server_handled_total", Help: "Calls."}, []string{"grpc_type", "grpc_service", "grpc_method", "grpc_code"})
	registry.MustRegister(seconds, handled)
	inner := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // each scrape finds ten calls more
		for i := range 10 {
			took := 0.020
			if i >= 8 {
				took = 0.200
			}
			seconds.WithLabelValues("unary", "user.v1.UserService", "GetUser").Observe(took)
			handled.WithLabelValues("unary", "user.v1.UserService", "GetUser", "OK").Inc()
		}
		inner.ServeHTTP(w, r)
	})
	r, in := world(t, handler, stack.PrometheusOptions{Features: []string{"native-histograms"}})
	eventually(t, func() error {
		list, err := r.RED(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{in}, Window: 3 * time.Second, By: []fleet.Dimension{fleet.ByMethod}})
		if err != nil || len(list.REDs) != 1 {
			return fmt.Errorf("%+v, %w", list, err)
		}
		red := list.REDs[0]
		if math.Abs(red.P50-.020) > .002 || math.Abs(red.P99-.200) > .02 || red.ErrorRatio != 0 || red.Rate < 20 {
			return fmt.Errorf("%+v", red)
		}
		return nil
	})
}

// A rate over five minutes of which there are only seconds would be far too low.
func TestAWindowIsAsLongAsThereAreSamples(t *testing.T) {
	calls := 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // Prometheus scrapes four times a second
		calls += 10
		_, _ = fmt.Fprintf(w, "# TYPE grpc_server_handled_total counter\ngrpc_server_handled_total{grpc_type=\"unary\",grpc_service=\"user.v1.UserService\",grpc_method=\"GetUser\",grpc_code=\"OK\"} %d\n", calls)
	})
	r, in := world(t, handler, stack.PrometheusOptions{})
	read := func(window time.Duration, short string) error {
		list, err := r.RED(t.Context(), fleet.REDQuery{Service: "user", Instances: []fleet.Instance{in}, Window: window})
		if err != nil || len(list.REDs) != 1 {
			return fmt.Errorf("%+v, %w", list, err)
		}
		red := list.REDs[0]
		if red.Rate < 25 || red.Rate > 60 || red.Window < time.Second || red.Window > time.Minute || len(red.Notes) != 1 || !strings.HasSuffix(red.Notes[0], "not of "+short) {
			return fmt.Errorf("%+v", red)
		}
		return nil
	}
	eventually(t, func() error { return read(5*time.Minute, "5m") })
	eventually(t, func() error { return read(30*24*time.Hour, "720h") })
}

func TestBreakersAndSinceWhen(t *testing.T) {
	began := time.Now()
	state := func(state string, now bool) string {
		value := 0
		if now {
			value = 1
		}
		return fmt.Sprintf("gobreaker__state{name=\"user/read\",state=%q} %d\n", state, value)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		open := time.Since(began) > 12*time.Second // targets wait for their first scrape for up to 5 s
		_, _ = io.WriteString(w, state("open", open)+state("closed", !open)+"gobreaker__trips_total{name=\"user/read\"} 7\nmy_cb_state{name=\"x\"} 1\n")
	})
	r, in := world(t, handler, stack.PrometheusOptions{})
	stranger := fleet.Instance{ID: "other-1", Service: "other", Addr: "10.0.0.2:1"}
	eventually(t, func() error {
		list, err := r.Breakers(t.Context(), []fleet.Instance{in, stranger}, "")
		if err != nil || len(list.Breakers) != 2 || len(list.Missing) != 1 {
			return fmt.Errorf("%+v, %w", list, err)
		}
		b := list.Breakers[0]
		if b.Name != "user/read" || b.State != fleet.BreakerOpen || b.Trips != 7 || b.Caller.ID != "user-1" || b.Since.IsZero() {
			return fmt.Errorf("%+v", b)
		}
		if age := b.Since.Sub(began.Add(12 * time.Second)); age < -time.Second || age > 8*time.Second {
			return fmt.Errorf("since %s after it opened", age)
		}
		if raw := list.Breakers[1]; raw.State != fleet.BreakerUnknown || raw.Raw != "1" || !raw.Since.IsZero() {
			return fmt.Errorf("%+v", raw)
		}
		return nil
	})
	if list, err := r.Breakers(t.Context(), []fleet.Instance{in}, "user"); err != nil || len(list.Breakers) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if d := r.Interval(t.Context()); d < time.Second || d > time.Minute {
		t.Error(d)
	}
}

func TestPlainQueries(t *testing.T) {
	r, _ := world(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "answer 42\n") }), stack.PrometheusOptions{})
	eventually(t, func() error {
		got, err := r.Query(t.Context(), "answer", time.Time{})
		if err != nil || len(got.Series) != 1 || got.Series[0].Points[0].Value != 42 || got.Series[0].Labels["job"] != "user" {
			return fmt.Errorf("%+v, %w", got, err)
		}
		return nil
	})
	end := time.Now()
	got, err := r.QueryRange(t.Context(), "vector(1)", end.Add(-10*time.Second), end, time.Second)
	if err != nil || len(got.Series) != 1 || len(got.Series[0].Points) != 11 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := r.Query(t.Context(), "0/0", time.Time{}); err != nil || !math.IsNaN(got.Series[0].Points[0].Value) || got.Provenance.Query != "0/0" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, wrong := range []string{"up{", "sum by (", `"text"`} {
		if _, err := r.Query(t.Context(), wrong, time.Time{}); fleet.KindOf(err) != fleet.Usage {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
