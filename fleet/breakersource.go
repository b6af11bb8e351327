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

// BreakerSource learns the breakers in all instances of the catalog. Those who say
// where their control API is are read there by control, so often: of more than 60, 60
// each time, in turn. If control is a BreakerWatcher, those of them that somebody looks
// at (Store.Attend), up to 50, and those with a breaker that is not closed, up to 100 in
// all, are watched instead. About the others, and those whose control API has no
// breakers, rest is asked, each restEvery. The breakers of an instance that could not be
// asked stay as they were last read, with the time of then; the Missing of the source
// say which and why.
func BreakerSource(control, rest BreakerReader, every, restEvery time.Duration) Source {
	able := func(in *InstanceFact) bool { return in.Meta[MetaAdmin] != "" }
	w := (&watching[[]Breaker]{shown: breakersShown, most: breakersMost, sick: broken, able: able, facts: breakerFacts}).begin()
	source := Source{Name: BreakerFeed, Follows: CatalogFeed, Interval: every, Timeout: askWhole}
	if watcher, ok := control.(BreakerWatcher); ok {
		source.Watch = w.run
		w.follow = func(ctx context.Context, in Instance, say func([]Breaker, bool)) error {
			return watcher.WatchBreakers(ctx, in, func(u BreakerUpdate) { say(u.Breakers, u.Err == nil) })
		}
	}
	p := &breakerRounds{control: control, rest: rest, restEvery: restEvery, lack: map[Subject]error{}}
	missing := map[Subject]Missing{}
	source.Poll = func(ctx context.Context, known *Snapshot) (Facts, error) {
		began := time.Now()
		asked, list, err := p.round(ctx, known, began, func(in *InstanceFact) bool { return able(in) && w.silent(in) }, able)
		if err != nil {
			return Facts{}, err
		}
		heard := answered(asked, &list)
		round := &turn{at: began, began: earlier(p.turns.complete, p.before), of: slices.Collect(maps.Keys(heard))}
		return Facts{
			Partial: true, Breakers: list.Breakers, Gone: lostBreakers(known, heard, list.Breakers), turn: round,
			Missing: remember(missing, known, asked, list.Missing, w.covers),
			settle: func(f *Facts) {
				f.Breakers = slices.DeleteFunc(f.Breakers, func(b Breaker) bool { return w.covers(b.Caller.Service, b.Caller.ID) })
				f.Gone = slices.DeleteFunc(f.Gone, func(g Gone) bool { return w.covers(g.Service, g.Key[0]) })
				round.of = append(round.of, w.covered()...)
			},
		}, nil
	}
	return source
}

// breakerRounds asks two readers, each at its own pace.
type breakerRounds struct {
	control, rest BreakerReader
	restEvery     time.Duration

	turns  turns
	lack   map[Subject]error // whose control API has no breakers, and what it says
	asked  time.Time         // when the rest was asked last
	before time.Time         // and the time before; zero where there is none
}

// round asks those of the wanted whose turn it is, and the rest if it is time, which
// are those that are not able, or lack breakers. It returns who was asked in vain or
// not, without those who are for the rest to answer for.
func (p *breakerRounds) round(ctx context.Context, known *Snapshot, now time.Time, wanted, able func(*InstanceFact) bool) (asked []Instance, list BreakerList, err error) {
	if turn := p.turns.next(known, now, callersInTurn, wanted); len(turn) > 0 {
		if list, err = p.control.Breakers(ctx, turn, ""); err != nil {
			return nil, list, err
		}
		asked = p.controlled(turn, &list)
	}
	if !p.asked.IsZero() && now.Sub(p.asked) < p.restEvery {
		return asked, list, nil
	}
	rest, alone := p.others(known, able)
	var more BreakerList
	if len(rest) > 0 {
		more, err = p.rest.Breakers(ctx, rest, "")
	}
	switch {
	case ctx.Err() != nil:
		return nil, list, context.Cause(ctx)
	case err != nil && alone:
		return nil, list, err
	case err != nil:
		more = BreakerList{}
		for _, in := range rest {
			more.Missing = append(more.Missing, Missing{Instance: in, What: "breakers", Err: err})
		}
	}
	if p.before = p.asked; p.before.IsZero() {
		p.before = now
	}
	if p.asked = now; len(rest) == 0 {
		p.before = time.Time{}
	}
	for i := range more.Missing {
		m := &more.Missing[i]
		if lack := p.lack[Subject{m.Instance.Service, m.Instance.ID}]; lack != nil && cannotTell(m.Err) {
			m.Err = lack // which knows best
		}
	}
	list.Breakers, list.Missing = append(list.Breakers, more.Breakers...), append(list.Missing, more.Missing...)
	return append(asked, rest...), list, nil
}

// controlled notes whose control API has no breakers, and leaves them out.
func (p *breakerRounds) controlled(turn []Instance, list *BreakerList) (asked []Instance) {
	for _, s := range subjects(turn) {
		delete(p.lack, s)
	}
	list.Missing = slices.DeleteFunc(list.Missing, func(m Missing) bool {
		lacks := cannotTell(m.Err)
		if lacks {
			p.lack[Subject{m.Instance.Service, m.Instance.ID}] = m.Err
		}
		return lacks
	})
	for _, in := range turn {
		if p.lack[Subject{in.Service, in.ID}] == nil {
			asked = append(asked, in)
		}
	}
	return asked
}

// others are whom the rest is asked about, and whether there is nobody else. Those who
// are gone lack nothing any more.
func (p *breakerRounds) others(known *Snapshot, able func(*InstanceFact) bool) (rest []Instance, alone bool) {
	lack := make(map[Subject]error, len(p.lack))
	alone = true
	for _, f := range known.Services() {
		for _, in := range f.Instances {
			key := Subject{f.Name, in.ID}
			if err := p.lack[key]; err != nil && able(in) {
				lack[key] = err
			} else if able(in) {
				alone = false
				continue
			}
			rest = append(rest, in.Instance)
		}
	}
	p.lack = lack
	return rest, alone
}

// cannotTell tells whether an instance has no way to tell, and is not in trouble.
func cannotTell(err error) bool { return errors.Is(err, ErrNoControl) || errors.Is(err, ErrNoPart) }

// earlier is the earlier of two times, of which zero ones do not count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
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

// answered are those who were asked and did not fail: what the others said stays.
func answered(asked []Instance, list *BreakerList) map[Subject]bool {
	heard := make(map[Subject]bool, len(asked))
	for _, s := range subjects(asked) {
		heard[s] = true
	}
	for _, m := range list.Missing {
		if !cannotTell(m.Err) {
			delete(heard, Subject{m.Instance.Service, m.Instance.ID})
		}
	}
	return heard
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
			if b.Provenance.Feed == BreakerFeed && (heard[caller] && !there[name{caller, b.Name}] || f.Instance(b.Caller.ID) == nil) {
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
