package fleet

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// The names of the sources below.
const (
	HealthFeed  = "health"
	BreakerFeed = "breakers"
	MetricsFeed = "metrics"
)

// How a HealthSource asks: fifteen instances a second at most, which is little for
// gctl and for the fleet, however large it is.
const (
	askEvery  = 10 * time.Second
	askInTurn = 150 // of a larger fleet, in each round
	askAtOnce = 64
	askWhole  = 3 * time.Minute // all instances of a large fleet, most of which hang
)

// Patience is how long one instance is waited for where many are asked: those that
// hang hold up nobody, and cost their own answer only.
const Patience = 2 * time.Second

// HealthSource asks each instance of the catalog for the health of the server as
// a whole, every ten seconds; of more than 150 instances, 150 each time, in turn,
// and what the others said last stays.
func HealthSource(p Prober) Source {
	var last Instance // of those that were asked
	return Source{
		Name: HealthFeed, Follows: CatalogFeed, Interval: askEvery, Timeout: askWhole,
		Poll: func(ctx context.Context, known *Snapshot) (Facts, error) {
			turn, rest := inTurn(instancesOf(known), &last, askInTurn)
			answers := make([]Health, len(turn))
			slots := make(chan struct{}, askAtOnce)
			var all sync.WaitGroup
			for i := range turn {
				slots <- struct{}{}
				all.Go(func() {
					limited, cancel := context.WithTimeout(ctx, Patience)
					defer cancel()
					answers[i] = p.Health(limited, turn[i], "")
					<-slots
				})
			}
			all.Wait()
			return Facts{Health: slices.Concat(answers, lastSaid(known, rest))}, ctx.Err()
		},
	}
}

// inTurn takes up to most of the instances, which are sorted, beginning after the
// one that was the last, and returns those and the others.
func inTurn(all []Instance, last *Instance, most int) (turn, rest []Instance) {
	if len(all) <= most {
		return all, nil
	}
	begin, found := slices.BinarySearchFunc(all, *last, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.ID, b.ID))
	})
	if found {
		begin++
	}
	all = append(slices.Clone(all[begin:]), all[:begin]...)
	*last = all[most-1]
	return all[:most], all[most:]
}

// lastSaid is what is known of the health of instances, as the HealthSource heard it.
func lastSaid(known *Snapshot, instances []Instance) []Health {
	var said []Health
	for i := range instances {
		for _, h := range known.Service(instances[i].Service).HealthOf(instances[i].ID) {
			if h.Provenance.Feed == HealthFeed && h.Instance.Addr == instances[i].Addr {
				said = append(said, *h)
			}
		}
	}
	return said
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
