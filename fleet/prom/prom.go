// Package prom reads metrics from Prometheus, or from what answers by its HTTP
// API (https://prometheus.io/docs/prometheus/latest/querying/api/).
//
// A question about a service begins with the targets (targets.go): which of them
// are its instances, and by which label its series are found. Then comes which
// dialects those speak, then one query for the calls and one for their durations
// in each dialect (red.go); package dialect writes the queries and reads the
// answers. Breakers are in breakers.go, plain PromQL in query.go.
package prom

import (
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
)

// Source is the name of Prometheus in a context's map.
const Source = "prometheus"

// Reader answers from one Prometheus. It is a fleet.MetricsReader, a
// fleet.Querier and a fleet.BreakerReader.
type Reader struct {
	client *backend.Client
	names  map[string]map[string]string
	now    func() time.Time
}

var (
	_ fleet.MetricsReader = (*Reader)(nil)
	_ fleet.Querier       = (*Reader)(nil)
	_ fleet.BreakerReader = (*Reader)(nil)
)

// Options say which Prometheus is read, and what its names mean.
type Options struct {
	Client *backend.Client
	// Map is the context's: of a service of the catalog, source to its name there.
	// It is used where a question brings no rules of its own.
	Map map[string]map[string]string
}

// New returns a reader.
func New(o Options) *Reader { return &Reader{client: o.Client, names: o.Map, now: time.Now} }

func (r *Reader) identity(instances []fleet.Instance) *fleet.Identity {
	return fleet.NewIdentity(fleet.IdentityOptions{Instances: instances, Map: r.names})
}

// Close ends idle connections.
func (r *Reader) Close() { r.client.Close() }

// Name is what provenance calls the Prometheus: with its address.
func (r *Reader) Name() string { return r.client.Source() }

func (r *Reader) provenance(query string) fleet.Provenance {
	return fleet.Provenance{Source: r.client.Source(), Query: query, At: r.now()}
}
