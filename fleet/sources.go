package fleet

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The names of the sources below.
const (
	HealthFeed  = "health"
	BreakerFeed = "breakers"
	MetricsFeed = "metrics"
)

// How a HealthSource asks.
const (
	askEvery  = 10 * time.Second
	askAtOnce = 64
	askWhole  = 3 * time.Minute // all instances of a large fleet, most of which hang
)

// Patience is how long one instance is waited for where many are asked: those that
// hang hold up nobody, and cost their own answer only.
const Patience = 2 * time.Second

// HealthSource asks each instance of the catalog for the health of the server as
// a whole, every ten seconds.
func HealthSource(p Prober) Source {
	return Source{
		Name: HealthFeed, Follows: CatalogFeed, Interval: askEvery, Timeout: askWhole,
		Poll: func(ctx context.Context, known *Snapshot) (Facts, error) {
			instances := instancesOf(known)
			answers := make([]Health, len(instances))
			slots := make(chan struct{}, askAtOnce)
			var all sync.WaitGroup
			for i := range instances {
				slots <- struct{}{}
				all.Go(func() {
					limited, cancel := context.WithTimeout(ctx, Patience)
					defer cancel()
					answers[i] = p.Health(limited, instances[i], "")
					<-slots
				})
			}
			all.Wait()
			return Facts{Health: answers}, ctx.Err()
		},
	}
}

// BreakerSource reads the breakers in all instances of the catalog, every so
// often. Those of an instance that could not be asked stay as they were last
// read, with the time of then; the Missing of the source say which and why.
func BreakerSource(r BreakerReader, every time.Duration) Source {
	return Source{
		Name: BreakerFeed, Follows: CatalogFeed, Interval: every, Timeout: askWhole,
		Poll: func(ctx context.Context, known *Snapshot) (Facts, error) {
			list, err := r.Breakers(ctx, instancesOf(known), "")
			return Facts{Breakers: append(list.Breakers, lastRead(known, list.Missing)...), Missing: list.Missing}, err
		},
	}
}

// lastRead are the breakers that are known of those who could not be asked now.
func lastRead(known *Snapshot, missing []Missing) []Breaker {
	var kept []Breaker
	for _, m := range missing {
		s := known.Service(m.Instance.Service)
		if s == nil || errors.Is(m.Err, ErrNoControl) || errors.Is(m.Err, ErrNoPart) {
			continue
		}
		for _, b := range s.BreakersOf(m.Instance.ID) {
			if b.Provenance.Feed == BreakerFeed {
				kept = append(kept, *b)
			}
		}
	}
	return kept
}

// MetricsSource reads how the calls of every service go, as its servers counted
// them: of the service as a whole, by method and by instance. identity joins the
// names; nil leaves that to the reader.
func MetricsSource(r MetricsReader, every, window time.Duration, identity func([]Instance) *Identity) Source {
	return Source{
		Name: MetricsFeed, Follows: CatalogFeed, Interval: every, Timeout: askWhole,
		Poll: func(ctx context.Context, known *Snapshot) (Facts, error) {
			q := REDQuery{Instances: instancesOf(known), Side: ServerSide, Window: window}
			if identity != nil {
				q.Identity = identity(q.Instances)
			}
			list, err := REDSplits(ctx, r, q, [][]Dimension{nil, {ByMethod}, {ByInstance}})
			return Facts{REDs: list.REDs, Missing: list.Missing}, err
		},
	}
}

func instancesOf(known *Snapshot) []Instance {
	var all []Instance
	for _, s := range known.Services() {
		for _, in := range s.Instances {
			all = append(all, in.Instance)
		}
	}
	return all
}
