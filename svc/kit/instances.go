package kit

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gctl-dev/gctl/discovery/balancer"
)

// maxInstanceSeries bounds the series about the instances of one target. Further
// ones are only counted.
const maxInstanceSeries = 2000

// instanceStates are the values of the label "state", by the balancer's names.
var instanceStates = map[balancer.State]string{ //nolint:gochecknoglobals // a constant
	balancer.InRotation: "serving", balancer.Ejected: "ejected", balancer.OnTrial: "on_trial", balancer.Disconnected: "disconnected",
}

// instances are the metrics of what the balancer thinks of the instances of a
// target. They are read from it at each scrape: what leaves the catalog has no
// series any more.
type instances struct {
	status func() []balancer.Status

	states, ejected *prometheus.Desc
	ejections       *prometheus.CounterVec
}

func newInstances(target string, status func() []balancer.Status) *instances {
	labels := prometheus.Labels{"target": target}
	i := &instances{
		status: status,
		states: prometheus.NewDesc("kit_client_instances",
			"Instances of the target by state: serving, ejected, on_trial, or disconnected, which says NOT_SERVING or has no connection.",
			[]string{"state"}, labels),
		// Prometheus has a label "instance" of its own.
		ejected: prometheus.NewDesc("kit_client_instance_ejected",
			"1 while the instance gets no calls since it did worse than its siblings, 0 otherwise.",
			[]string{"target_instance"}, labels),
		ejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kit_client_ejections_total", ConstLabels: labels,
			Help: "Ejections of instances by reason: failures, slow, hanging.",
		}, []string{"reason"}),
	}
	for _, reason := range []balancer.Reason{balancer.Failures, balancer.Slow, balancer.Hanging} {
		i.ejections.WithLabelValues(string(reason))
	}
	return i
}

// count notes what the balancer decided.
func (i *instances) count(e balancer.Event) {
	if e.State == balancer.Ejected {
		i.ejections.WithLabelValues(string(e.Reason)).Inc()
	}
}

// Describe implements prometheus.Collector.
func (i *instances) Describe(to chan<- *prometheus.Desc) {
	to <- i.states
	to <- i.ejected
	i.ejections.Describe(to)
}

// Collect implements prometheus.Collector.
func (i *instances) Collect(to chan<- prometheus.Metric) {
	count, ejected := map[balancer.State]int{}, map[string]float64{}
	for _, e := range i.status() {
		count[e.State]++
		id := strings.ToValidUTF8(e.Endpoint, "\uFFFD")
		if _, known := ejected[id]; !known && len(ejected) >= maxInstanceSeries {
			continue
		}
		if ejected[id] += 0; e.State == balancer.Ejected { // one ID may stand at two addresses
			ejected[id] = 1
		}
	}
	for state, name := range instanceStates {
		to <- prometheus.MustNewConstMetric(i.states, prometheus.GaugeValue, float64(count[state]), name)
	}
	for id, is := range ejected {
		to <- prometheus.MustNewConstMetric(i.ejected, prometheus.GaugeValue, is, id)
	}
	i.ejections.Collect(to)
}
