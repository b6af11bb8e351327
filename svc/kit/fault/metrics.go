package fault

import "github.com/prometheus/client_golang/prometheus"

// A set is a prometheus.Collector. Its series are few whatever the faults are
// called.
var _ prometheus.Collector = (*Set)(nil)

func activeDesc() *prometheus.Desc {
	return prometheus.NewDesc("gctl_faults_active", "Faults that are in force.", nil, nil)
}

func injectedDesc() *prometheus.Desc {
	return prometheus.NewDesc("gctl_faults_injected_total",
		"How often a call was held up (kind latency) or failed (kind status) on purpose.", []string{"kind"}, nil)
}

// Describe implements prometheus.Collector.
func (s *Set) Describe(descs chan<- *prometheus.Desc) {
	descs <- activeDesc()
	descs <- injectedDesc()
}

// Collect implements prometheus.Collector.
func (s *Set) Collect(metrics chan<- prometheus.Metric) {
	active := 0
	if list := s.active.Load(); list != nil {
		active = len(*list)
	}
	metrics <- prometheus.MustNewConstMetric(activeDesc(), prometheus.GaugeValue, float64(active))
	metrics <- prometheus.MustNewConstMetric(injectedDesc(), prometheus.CounterValue, float64(s.delayed.Load()), "latency")
	metrics <- prometheus.MustNewConstMetric(injectedDesc(), prometheus.CounterValue, float64(s.failed.Load()), "status")
}
