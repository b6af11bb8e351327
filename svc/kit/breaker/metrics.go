package breaker

import "github.com/prometheus/client_golang/prometheus"

// The double underscore is how a namespace without a subsystem has been joined
// in exporters of gobreaker, and what their dashboards ask for.
var (
	stateDesc    = desc("state", "1 for the state of the breaker, 0 for the others.", "state")
	overrideDesc = desc("override", "1 for the override of the breaker, 0 for the others.", "override")
	changesDesc  = desc("state_changes_total", "How often the breaker entered the state.", "state")
	tripsDesc    = desc("trips_total", "How often the breaker opened.")
	rejectedDesc = desc("rejected_total", "Calls that the breaker did not let through.")
	requestsDesc = desc("requests_total", "Calls that were let through, by what they said of the target.", "result")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("gobreaker__"+name, help, append([]string{"name"}, labels...), nil)
}

// Describe implements prometheus.Collector.
func (s *Set) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{stateDesc, overrideDesc, changesDesc, tripsDesc, rejectedDesc, requestsDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *Set) Collect(to chan<- prometheus.Metric) {
	for _, c := range s.all() {
		c.collect(func(d *prometheus.Desc, kind prometheus.ValueType, value int64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, kind, float64(value), append([]string{c.name}, labels...)...)
		})
	}
}

func (c *circuit) collect(send func(d *prometheus.Desc, kind prometheus.ValueType, value int64, labels ...string)) {
	state, _ := c.at()
	for _, s := range []State{Closed, Open, HalfOpen} {
		send(stateDesc, prometheus.GaugeValue, oneIf(s == state), s.String())
		send(changesDesc, prometheus.CounterValue, c.entered[s].Load(), s.String())
	}
	override := c.overridden()
	for _, o := range []Override{None, ForcedOpen, ForcedClosed} {
		send(overrideDesc, prometheus.GaugeValue, oneIf(o == override), o.String())
	}
	send(tripsDesc, prometheus.CounterValue, c.entered[Open].Load())
	send(rejectedDesc, prometheus.CounterValue, c.rejected.Load())
	for v, word := range map[verdict]string{success: "success", failure: "failure", ignored: "ignored"} {
		send(requestsDesc, prometheus.CounterValue, c.results[v].Load(), word)
	}
}

func oneIf(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
