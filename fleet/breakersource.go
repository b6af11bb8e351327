package fleet

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// How many callers a BreakerSource asks in a round, in turn, of those with a control
// API, and how many it watches.
const (
	callersInTurn = 60
	breakersShown = 50
	breakersMost  = 100
)

// BreakerWatcher is a BreakerReader that can watch, too.
type BreakerWatcher interface {
	// WatchBreakers calls notify with the present breakers of an instance that has a
	// control API, and after each change, as Controller.WatchBreakers does.
	WatchBreakers(ctx context.Context, in Instance, notify func(BreakerUpdate)) error
}

// BreakerSource learns the breakers in all instances of the catalog. If r is a
// BreakerWatcher, those with a control API that somebody looks at (Store.Attend), up
// to 50, and those with a breaker that is not closed, up to 100 in all, are watched.
// The others are read every so often; of more than 60 with a control API 60 each
// time, in turn. Those of an instance that could not be asked stay as they were last
// read, with the time of then; the Missing of the source say which and why.
func BreakerSource(r BreakerReader, every time.Duration) Source {
	w := (&watching[[]Breaker]{
		shown: breakersShown, most: breakersMost, sick: broken,
		able:  func(in *InstanceFact) bool { return in.Meta[MetaAdmin] != "" },
		facts: breakerFacts,
	}).begin()
	source := Source{Name: BreakerFeed, Follows: CatalogFeed, Interval: every, Timeout: askWhole}
	if watcher, ok := r.(BreakerWatcher); ok {
		source.Watch = w.run
		w.follow = func(ctx context.Context, in Instance, say func([]Breaker, bool)) error {
			return watcher.WatchBreakers(ctx, in, func(u BreakerUpdate) { say(u.Breakers, u.Err == nil) })
		}
	}
	var last Instance // of those that were asked
	missing := map[Subject]Missing{}
	source.Poll = func(ctx context.Context, known *Snapshot) (Facts, error) {
		all := instancesOf(known)
		var able []Instance
		asked := make([]Instance, 0, len(all))
		for i := range all {
			if all[i].Meta[MetaAdmin] != "" {
				able = append(able, all[i])
			} else {
				asked = append(asked, all[i])
			}
		}
		asked = append(asked, inTurn(w.others(able), &last, callersInTurn)...)
		list, err := r.Breakers(ctx, asked, "")
		if err != nil {
			return Facts{}, err
		}
		return Facts{
			Partial: true, Breakers: list.Breakers, Gone: breakersGone(known, asked, &list), Missing: remember(missing, known, asked, list.Missing, w.covers),
			settle: func(f *Facts) {
				f.Breakers = slices.DeleteFunc(f.Breakers, func(b Breaker) bool { return w.covers(b.Caller.Service, b.Caller.ID) })
				f.Gone = slices.DeleteFunc(f.Gone, func(g Gone) bool { return w.covers(g.Service, g.Key[0]) })
			},
		}, nil
	}
	return source
}

// remember brings up to date what is missing, and lists all of it: of those who were
// asked now, what is missing now. Of those who are gone, or watched, nothing is.
func remember(missing map[Subject]Missing, known *Snapshot, asked []Instance, now []Missing, covers func(service, id string) bool) []Missing {
	delete(missing, Subject{}) // about no instance
	for _, in := range asked {
		delete(missing, Subject{in.Service, in.ID})
	}
	for _, m := range now {
		missing[Subject{m.Instance.Service, m.Instance.ID}] = m
	}
	maps.DeleteFunc(missing, func(s Subject, _ Missing) bool {
		f := known.Service(s.Service)
		return s.Instance != "" && (f == nil || f.Instance(s.Instance) == nil || covers(s.Service, s.Instance))
	})
	list := slices.AppendSeq(make([]Missing, 0, len(missing)), maps.Values(missing)) // not nil: nothing is missing any more
	slices.SortFunc(list, func(a, b Missing) int { return compareInstances(a.Instance, b.Instance) })
	return list
}

// breakersGone are the breakers that were known of callers that are gone, or that
// answered, and do not have them any more.
func breakersGone(known *Snapshot, asked []Instance, list *BreakerList) []Gone {
	silent := map[Subject]bool{} // could not be asked: what they said stays
	for _, m := range list.Missing {
		if !errors.Is(m.Err, ErrNoControl) && !errors.Is(m.Err, ErrNoPart) {
			silent[Subject{m.Instance.Service, m.Instance.ID}] = true
		}
	}
	heard := map[Subject]bool{}
	for i := range asked {
		if key := (Subject{asked[i].Service, asked[i].ID}); !silent[key] {
			heard[key] = true
		}
	}
	return lostBreakers(known, heard, list.Breakers)
}

// lostBreakers are those that are known, and not said now, of callers that are gone
// or have been heard.
func lostBreakers(known *Snapshot, heard map[Subject]bool, said []Breaker) []Gone {
	type name struct {
		caller Subject
		name   string
	}
	there := make(map[name]bool, len(said))
	for i := range said {
		there[name{Subject{said[i].Caller.Service, said[i].Caller.ID}, said[i].Name}] = true
	}
	var gone []Gone
	for _, f := range known.Services() {
		for _, b := range f.Breakers {
			caller := Subject{f.Name, b.Caller.ID}
			if b.Provenance.Feed == BreakerFeed && !there[name{caller, b.Name}] && (heard[caller] || f.Instance(b.Caller.ID) == nil) {
				gone = append(gone, Gone{Kind: breakerKind.name, Service: f.Name, Key: [4]string(breakerKind.key(b))})
			}
		}
	}
	return gone
}

// breakerFacts is what watches say: all breakers of each of their instances.
func breakerFacts(known *Snapshot, words []word[[]Breaker]) Facts {
	f := Facts{Partial: true}
	heard := map[Subject]bool{}
	for i := range words {
		heard[Subject{words[i].in.Service, words[i].in.ID}] = true
		f.Breakers = append(f.Breakers, words[i].says...)
	}
	f.Gone = lostBreakers(known, heard, f.Breakers)
	return f
}

// broken lists the instances of a service with a breaker that is not closed.
func broken(f *ServiceFacts) []string {
	var ids []string
	for _, b := range f.Breakers {
		if b.State != BreakerClosed || cmp.Or(b.Override, NotForced) != NotForced {
			ids = append(ids, b.Caller.ID)
		}
	}
	return slices.Compact(ids)
}
