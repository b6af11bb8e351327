package fleet

import (
	"context"
	"time"
)

// The names of the sources below.
const (
	HealthFeed  = "health"
	BreakerFeed = "breakers"
	MetricsFeed = "metrics"
)

// askWhole bounds a round over all instances of a large fleet, most of which hang.
const askWhole = 3 * time.Minute

// PrometheusAway is the What of the first Missing of metrics that the instances told
// themselves since the Prometheus that was to be asked did not answer.
const PrometheusAway = "prometheus"

// Patience is how long one instance is waited for where many are asked: those that
// hang hold up nobody, and cost their own answer only.
const Patience = 2 * time.Second

// MetricsSource reads how the calls of every service go, as its servers counted
// them: of the service as a whole, by method and by instance; and who calls whom,
// as the callers counted them. identity joins the names; nil leaves that to the
// reader.
func MetricsSource(r MetricsReader, every, window time.Duration, identity func([]Instance) *Identity) Source {
	return Source{
		Name: MetricsFeed, Follows: CatalogFeed, Interval: every, Timeout: askWhole,
		Poll: func(ctx context.Context, known *Snapshot) (Facts, error) {
			q := REDQuery{Instances: instancesOf(known), Side: ServerSide, Window: window}
			if identity != nil {
				q.Identity = identity(q.Instances)
			}
			list, err := REDSplits(ctx, r, q, [][]Dimension{nil, {ByMethod}, {ByInstance}})
			if err != nil {
				return Facts{}, err
			}
			q.Side, q.By = ClientSide, []Dimension{ByCaller}
			calls, err := r.RED(ctx, q) // whose callers count nothing is no failure, and what is missing was said
			return Facts{REDs: list.REDs, Missing: list.Missing, Dependencies: Dependencies(calls.REDs)}, err
		},
	}
}

func instancesOf(known *Snapshot) []Instance {
	all := make([]Instance, 0, known.Counts().Instances)
	for _, s := range known.Services() {
		for _, in := range s.Instances {
			all = append(all, in.Instance)
		}
	}
	return all
}
