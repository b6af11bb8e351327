package fleet

import (
	"context"
	"slices"
	"sync"
	"time"
)

// How a HealthSource asks: fifteen instances a second at most, which is little for
// gctl and for the fleet, however large it is.
const (
	askEvery  = 10 * time.Second
	askInTurn = 150 // of a larger fleet, in each round
	askAtOnce = 64
)

// How many instances a HealthSource watches.
const (
	healthShown = 200
	healthMost  = 300
)

// HealthSource learns the health of each instance of the catalog, that of the server
// as a whole. Instances that somebody looks at (Store.Attend), up to 200, and those
// that are not well, up to 300 in all, are watched: a change is known at once. The
// others are asked every ten seconds; of more than 150, 150 each time, in turn, and
// what the others said last stays. A prober may have a Ready(ctx) error, which opens
// what it needs before each round; if that fails, the source does.
func HealthSource(p Prober) Source {
	w := (&watching[Health]{
		shown: healthShown, most: healthMost, sick: unwell,
		follow: func(ctx context.Context, in Instance, say func(Health, bool)) error {
			return followHealth(ctx, p, in, say)
		},
		facts: healthFacts,
	}).begin()
	var turns turns
	return Source{
		Name: HealthFeed, Follows: CatalogFeed, Interval: askEvery, Timeout: askWhole, Watch: w.run,
		Poll: func(ctx context.Context, known *Snapshot) (Facts, error) {
			if opener, ok := p.(interface {
				Ready(ctx context.Context) error
			}); ok {
				if err := opener.Ready(ctx); err != nil {
					return Facts{}, err
				}
			}
			began := time.Now()
			asked := turns.next(known, began, askInTurn, w.silent)
			answers := make([]Health, len(asked))
			slots := make(chan struct{}, askAtOnce)
			var all sync.WaitGroup
			for i := range asked {
				slots <- struct{}{}
				all.Go(func() {
					limited, cancel := context.WithTimeout(ctx, Patience)
					defer cancel()
					answers[i] = p.Health(limited, asked[i], "")
					<-slots
				})
			}
			all.Wait()
			round := &turn{at: began, began: turns.complete, of: subjects(asked)}
			return Facts{Partial: true, Health: answers, Gone: healthGone(known, asked), turn: round, settle: func(f *Facts) {
				f.Health = slices.DeleteFunc(f.Health, func(h Health) bool { return w.covers(h.Instance.Service, h.Instance.ID) })
				f.Gone = slices.DeleteFunc(f.Gone, func(g Gone) bool { return w.covers(g.Service, g.Key[0]) })
				round.of = append(round.of, w.covered()...)
			}}, ctx.Err()
		},
	}
}

// followHealth watches the health of one instance. How long it took to connect is
// known of the first word only.
func followHealth(ctx context.Context, p Prober, in Instance, say func(Health, bool)) error {
	var latency time.Duration
	return p.WatchHealth(ctx, in, "", func(h Health) {
		switch {
		case h.Latency > 0:
			latency = h.Latency
		case h.State == Serving || h.State == NotServing:
			h.Latency = latency
		}
		say(h, true)
	})
}

func healthFacts(_ *Snapshot, words []word[Health]) Facts {
	f := Facts{Partial: true}
	for i := range words {
		h := words[i].says
		h.Instance = words[i].in
		f.Health = append(f.Health, h)
	}
	return f
}

// unwell lists the instances of a service that say, or show, that they do not serve.
func unwell(f *ServiceFacts) []string {
	var ids []string
	for _, h := range f.Health {
		if h.Name == "" && (h.State == NotServing || h.State == Unreachable || h.State == TimedOut) {
			ids = append(ids, h.Instance.ID)
		}
	}
	return ids
}

// healthGone is what the HealthSource said of instances that are gone, or are
// another process now that was not asked.
func healthGone(known *Snapshot, asked []Instance) []Gone {
	answer := make(map[Subject]bool, len(asked))
	for i := range asked {
		answer[Subject{asked[i].Service, asked[i].ID}] = true
	}
	var gone []Gone
	for _, f := range known.Services() {
		for _, h := range f.Health {
			in := f.Instance(h.Instance.ID)
			if h.Provenance.Feed == HealthFeed && (in == nil || in.Addr != h.Instance.Addr && !answer[Subject{f.Name, in.ID}]) {
				gone = append(gone, Gone{Kind: healthKind.name, Service: f.Name, Key: [4]string(healthKind.key(h))})
			}
		}
	}
	return gone
}
