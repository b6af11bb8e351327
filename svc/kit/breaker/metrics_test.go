package breaker_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
)

// gather returns the metrics as name{labels} to value.
func gather(t *testing.T, set *breaker.Set) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(set)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			values[family.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

func TestMetrics(t *testing.T) {
	c := newClient(t, breaker.Options{})
	c.call(1, nil)
	c.call(20, errDown)
	c.call(2, nil)
	if err := c.set.Override("user/read", breaker.ForcedOpen); err != nil {
		t.Fatal(err)
	}
	c.call(1, nil)
	got := gather(t, c.set)
	want := map[string]float64{
		`gobreaker__state{name="user/read",state="closed"}`:                  0,
		`gobreaker__state{name="user/read",state="open"}`:                    1,
		`gobreaker__state{name="user/read",state="half-open"}`:               0,
		`gobreaker__override{name="user/read",override="none"}`:              0,
		`gobreaker__override{name="user/read",override="forced_open"}`:       1,
		`gobreaker__override{name="user/read",override="forced_closed"}`:     0,
		`gobreaker__state_changes_total{name="user/read",state="closed"}`:    0,
		`gobreaker__state_changes_total{name="user/read",state="open"}`:      1,
		`gobreaker__state_changes_total{name="user/read",state="half-open"}`: 0,
		`gobreaker__trips_total{name="user/read"}`:                           1,
		`gobreaker__rejected_total{name="user/read"}`:                        4,
		`gobreaker__requests_total{name="user/read",result="success"}`:       1,
		`gobreaker__requests_total{name="user/read",result="failure"}`:       19,
		`gobreaker__requests_total{name="user/read",result="ignored"}`:       0,
	}
	for name, value := range want {
		if have, ok := got[name]; !ok || have != value {
			t.Errorf("%s = %v, %v; want %v", name, have, ok, value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d series, want %d: %v", len(got), len(want), got)
	}
}
