package dialect_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect"
)

func gauge(name string, value float64, labels ...string) dialect.Gauge {
	g := dialect.Gauge{Name: name, Value: value, Labels: dialect.Labels{}}
	for i := 0; i < len(labels); i += 2 {
		g.Labels[labels[i]] = labels[i+1]
	}
	return g
}

func TestBreakersOfEveryKind(t *testing.T) {
	caller := fleet.Instance{ID: "edge-1", Service: "edge"}
	for name, c := range map[string]struct {
		gauges []dialect.Gauge
		want   string // name target state override raw trips
	}{
		"the kit's": {
			[]dialect.Gauge{
				gauge("gobreaker__state", 0, "name", "user/read", "state", "closed"), gauge("gobreaker__state", 1, "name", "user/read", "state", "half-open"),
				gauge("gobreaker__state", 0, "name", "user/read", "state", "open"), gauge("gobreaker__override", 1, "name", "user/read", "state", "forced_open"),
				gauge("gobreaker__override", 0, "name", "user/read", "state", "none"), gauge("gobreaker__trips_total", 3, "name", "user/read"),
			}, "user/read user half_open forced_open  3",
		},
		"resilience4j": {
			[]dialect.Gauge{gauge("resilience4j_circuitbreaker_state", 1, "name", "pay", "state", "forced_open"), gauge("resilience4j_circuitbreaker_state", 0, "name", "pay", "state", "closed")},
			"pay  open forced_open  0",
		},
		"resilience4j that is switched off": {
			[]dialect.Gauge{gauge("resilience4j_circuitbreaker_state", 1, "name", "pay", "state", "disabled")}, "pay  closed forced_closed disabled 0",
		},
		"dapr by label": {
			[]dialect.Gauge{
				gauge("dapr_resiliency_cb_state", 1, "name", "r", "flow_direction", "outbound", "target", "app_user", "status", "open"),
				gauge("dapr_resiliency_cb_state", 0, "name", "r", "flow_direction", "outbound", "target", "app_user", "status", "closed"),
			}, "r/outbound/app_user user open none  0",
		},
		"dapr by number": {[]dialect.Gauge{gauge("dapr_resiliency_cb_state", 1, "name", "r", "target", "app_user")}, "r/app_user user half_open none  0"},
		"envoy": {
			[]dialect.Gauge{
				gauge("envoy_cluster_circuit_breakers_default_cx_open", 0, "envoy_cluster_name", "outbound|50051||user.default.svc.cluster.local"),
				gauge("envoy_cluster_circuit_breakers_default_rq_pending_open", 1, "envoy_cluster_name", "outbound|50051||user.default.svc.cluster.local"),
			}, "outbound|50051||user.default.svc.cluster.local/default user open none rq_pending 0",
		},
		"envoy's ejections":   {[]dialect.Gauge{gauge("envoy_cluster_outlier_detection_ejections_active", 2, "envoy_cluster_name", "user")}, "user/outlier_detection user throttling none 2 hosts ejected 0"},
		"a number of nobody":  {[]dialect.Gauge{gauge("my_circuit_breaker_state", 2, "name", "x", "target", "user")}, "x user unknown none 2 0"},
		"NaN":                 {[]dialect.Gauge{gauge("my_cb_state", math.NaN(), "name", "x")}, "x  unknown none NaN 0"},
		"no state":            {[]dialect.Gauge{gauge("gobreaker__state", 0, "name", "x", "state", "open")}, "x  unknown none no state is 1 0"},
		"two states":          {[]dialect.Gauge{gauge("gobreaker__state", 1, "name", "x", "state", "open"), gauge("gobreaker__state", 1, "name", "x", "state", "closed")}, "x  unknown none closed+open 0"},
		"a state of its own":  {[]dialect.Gauge{gauge("gobreaker__state", 1, "name", "x", "state", "dazed")}, "x  unknown none dazed 0"},
		"nothing about those": {[]dialect.Gauge{gauge("go_goroutines", 1)}, ""},
	} {
		var got []string
		for _, b := range dialect.Breakers(caller, c.gauges) {
			got = append(got, fmt.Sprintf("%s %s %s %s %s %d", b.Name, b.Target, b.State, b.Override, b.Raw, b.Trips))
			if b.Caller.ID != "edge-1" {
				t.Errorf("%+v", b.Caller)
			}
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTowards(t *testing.T) {
	for _, c := range []struct {
		b      fleet.Breaker
		target string
		want   bool
	}{
		{fleet.Breaker{Name: "user/read", Target: "user"}, "user", true},
		{fleet.Breaker{Name: "user/read", Target: "user"}, "billing", false},
		{fleet.Breaker{Name: "x"}, "", true},
		{fleet.Breaker{Name: "user-breaker"}, "user", true},
	} {
		if got := dialect.Towards(&c.b, c.target); got != c.want {
			t.Errorf("%+v %s", c.b, c.target)
		}
	}
}
