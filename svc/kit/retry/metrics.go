package retry

import "github.com/prometheus/client_golang/prometheus"

// Outcomes of a retry, or why there was none.
const (
	answered = "answered"  // by OK or another status that is not repeated
	failed   = "failed"    // in a way that could be repeated once more, or by the breaker
	noBudget = "no_budget" // the budget was spent
	noTime   = "no_time"   // the deadline was too close, or the server asked for too long a wait
)

type metrics struct {
	retries *prometheus.CounterVec
	left    prometheus.GaugeFunc
}

func newMetrics(target string, b *budget) metrics {
	labels := prometheus.Labels{"target": target}
	return metrics{
		prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kit_client_retries_total", ConstLabels: labels,
			Help: "Retries by their outcome: answered, failed; or not made: no_budget, no_time.",
		}, []string{"method", "outcome"}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kit_client_retry_budget", ConstLabels: labels,
			Help: "Retries that are left in the budget.",
		}, b.left),
	}
}

func (m metrics) count(method, outcome string) { m.retries.WithLabelValues(method, outcome).Inc() }

func (m metrics) Describe(to chan<- *prometheus.Desc) {
	m.retries.Describe(to)
	m.left.Describe(to)
}

func (m metrics) Collect(to chan<- prometheus.Metric) {
	m.retries.Collect(to)
	m.left.Collect(to)
}
