package telemetry

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The clock is inside, so this test is too.

// gathered returns the attempts by instance and code, and whose durations are
// known.
func gathered(t *testing.T, registry *prometheus.Registry) (attempts map[string]float64, timed []string) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	attempts = map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if m.GetHistogram() != nil {
				timed = append(timed, labels["grpc_target_instance"])
			} else {
				attempts[labels["grpc_target_instance"]+" "+labels["grpc_status"]] = m.GetCounter().GetValue()
			}
		}
	}
	slices.Sort(timed)
	return attempts, timed
}

func TestInstancesThatAreGoneAreForgotten(t *testing.T) {
	m := newInstanceMetrics()
	now := time.Unix(1000, 0)
	m.now = func() time.Time { return now }
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	m.count(t.Context(), instanceKey{"user", "old"}, true, time.Millisecond, nil)
	now = now.Add(40 * time.Minute)
	m.count(t.Context(), instanceKey{"user", "new"}, true, time.Millisecond, status.Error(codes.Unavailable, ""))
	if attempts, timed := gathered(t, registry); len(attempts) != 2 || !slices.Equal(timed, []string{"new", "old"}) {
		t.Errorf("after 40 min: %v, %v", attempts, timed)
	}
	now = now.Add(40 * time.Minute)
	if attempts, timed := gathered(t, registry); !maps.Equal(attempts, map[string]float64{"new UNAVAILABLE": 1}) || !slices.Equal(timed, []string{"new"}) {
		t.Errorf("after 80 min: %v, %v", attempts, timed)
	}
	// One that comes back begins anew, as a counter may.
	m.count(t.Context(), instanceKey{"user", "old"}, false, time.Hour, nil)
	if attempts, timed := gathered(t, registry); attempts["old OK"] != 1 || len(timed) != 2 {
		t.Errorf("after it came back: %v, %v", attempts, timed)
	}
}

func TestInstancesAreBounded(t *testing.T) {
	m := newInstanceMetrics()
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)
	for i := range maxInstances + 50 {
		m.count(t.Context(), instanceKey{"user", fmt.Sprint("user-", i)}, true, time.Millisecond, status.Error(codes.Code(99), ""))
	}
	attempts, timed := gathered(t, registry)
	if len(attempts) != maxInstances+1 || len(timed) != maxInstances+1 || attempts["other UNKNOWN"] != 50 {
		t.Errorf("%d and %d series, %v attempts of others; want one for each of %d and one for 50 others",
			len(attempts), len(timed), attempts["other UNKNOWN"], maxInstances)
	}
}
