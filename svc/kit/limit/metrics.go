package limit

import "github.com/prometheus/client_golang/prometheus"

// descriptions are those of the metrics of a Set.
var (
	callsDesc = prometheus.NewDesc("kit_limit_calls_total",
		"Calls that a limit decided on: admitted, rejected, or shadow (let in though it is too much).",
		[]string{"limit", "kind", "result"}, nil)
	currentDesc = prometheus.NewDesc("kit_limit_concurrency",
		"Calls that may be in flight, as the limit has adapted.", []string{"limit"}, nil)
	inFlightDesc = prometheus.NewDesc("kit_limit_in_flight",
		"Calls in flight that the limit counts.", []string{"limit"}, nil)
	callersDesc = prometheus.NewDesc("kit_limit_callers",
		"Callers that a rate limit tells apart at present.", []string{"limit"}, nil)
)

// Describe implements prometheus.Collector.
func (s *Set) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{callsDesc, currentDesc, inFlightDesc, callersDesc} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (s *Set) Collect(metrics chan<- prometheus.Metric) {
	for _, r := range s.rates {
		r.counts.collect(metrics, r.name, Rate)
		metrics <- prometheus.MustNewConstMetric(callersDesc, prometheus.GaugeValue, float64(r.callers()), r.name)
	}
	if c := s.concurrency; c != nil {
		now := c.status()
		c.counts.collect(metrics, c.name, Concurrency)
		metrics <- prometheus.MustNewConstMetric(currentDesc, prometheus.GaugeValue, float64(now.Current), c.name)
		metrics <- prometheus.MustNewConstMetric(inFlightDesc, prometheus.GaugeValue, float64(now.InFlight), c.name)
	}
}

func (c *counts) collect(metrics chan<- prometheus.Metric, name string, kind Kind) {
	for result, n := range map[string]int64{
		"admitted": c.admitted.Load(),
		"rejected": c.rejected.Load(),
		"shadow":   c.shadowed.Load(),
	} {
		metrics <- prometheus.MustNewConstMetric(callsDesc, prometheus.CounterValue, float64(n), name, kind.String(), result)
	}
}
