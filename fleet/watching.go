package fleet

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// How watches of single instances come and go.
const (
	adjustEvery = 250 * time.Millisecond // as often as a snapshot, at most
	wordsEvery  = 50 * time.Millisecond  // what many say at once is said at once
	watchGrace  = 30 * time.Second       // for what is not wanted any more: scrolling ends nothing
	watchPause  = 30 * time.Second       // after a watch that cannot go on
	beginAtOnce = 64                     // connections
)

// watching holds the watches of a source over single instances: of what somebody
// looks at, and then of what is in trouble, as far as there is room. W is what such
// a watch says.
type watching[W any] struct {
	shown, most int // instances that somebody looks at; all
	// able tells whether an instance can be watched; nil: all can.
	able func(*InstanceFact) bool
	// sick lists the IDs of the instances of a service that are in trouble.
	sick func(*ServiceFacts) []string
	// follow says each word of an instance until ctx ends or it cannot go on. With
	// false it says that nothing can be heard at present: others are to ask.
	follow func(ctx context.Context, in Instance, say func(says W, ok bool)) error
	// facts are what words amount to.
	facts func(known *Snapshot, words []word[W]) Facts

	mu    sync.Mutex
	of    map[Subject]*watched
	words map[Subject]W // to be said; the last of each
	wake  chan struct{}

	last *Snapshot           // of which ill is
	ill  map[string][]string // services and their instances in trouble
}

// word is what the watch of an instance says. The instance is as it is known now.
type word[W any] struct {
	in   Instance
	says W
}

// watched is an instance that is watched.
type watched struct {
	in     Instance // as it is known now
	stop   context.CancelFunc
	wanted time.Time // the last time
	spoke  bool      // it works: nobody else need ask
}

// begin makes it ready to run.
func (w *watching[W]) begin() *watching[W] {
	w.of, w.words, w.wake = map[Subject]*watched{}, map[Subject]W{}, make(chan struct{}, 1)
	w.last, w.ill = &Snapshot{}, map[string][]string{}
	return w
}

// run is the Watch of a Source. In a store whose pace is slow nobody looks, and
// nothing is wanted.
func (w *watching[W]) run(ctx context.Context, feed *Feed) error {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { w.saying(ctx, feed) })
	store := feed.run.store
	tick := time.NewTicker(watchGrace / 2)
	defer tick.Stop()
	for {
		subjects, stirred := store.looked.get()
		known := store.Snapshot()
		var wanted []Instance
		if store.pace.Load() == 1 {
			wanted = w.wanted(known, subjects)
		}
		more := w.adjust(ctx, known, wanted, &all)
		if err := waitFor(ctx, adjustEvery, nil); err != nil {
			return err
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-stirred:
		case <-known.newer:
		case <-tick.C:
		}
	}
}

// wanted lists the instances that are to be watched, the most important first.
func (w *watching[W]) wanted(known *Snapshot, subjects []Subject) []Instance {
	var list []Instance
	have := map[Subject]bool{}
	add := func(in *InstanceFact) bool {
		if in == nil || have[Subject{in.Service, in.ID}] || w.able != nil && !w.able(in) {
			return false
		}
		have[Subject{in.Service, in.ID}] = true
		list = append(list, in.Instance)
		return true
	}
	for i, s := range subjects {
		f, share := known.Service(s.Service), (w.shown-len(list))/(len(subjects)-i)
		switch {
		case f == nil || len(list) >= w.shown:
		case s.Instance != "":
			add(f.Instance(s.Instance))
		default: // of large services some, so that all have a share
			for n, left := 0, max(1, share); n < len(f.Instances) && left > 0; n++ {
				if add(f.Instances[n]) {
					left--
				}
			}
		}
	}
	w.diagnose(known)
	for _, name := range slices.Sorted(maps.Keys(w.ill)) {
		f := known.Service(name)
		for _, id := range w.ill[name] {
			if len(list) >= w.most {
				return list
			}
			add(f.Instance(id))
		}
	}
	return list
}

// diagnose finds out who is in trouble. Services that did not change need no look.
func (w *watching[W]) diagnose(known *Snapshot) {
	changed, gone := known.Since(w.last)
	w.last = known
	for _, name := range gone {
		delete(w.ill, name)
	}
	for _, f := range changed {
		if ids := w.sick(f); len(ids) > 0 {
			w.ill[f.Name] = ids
		} else {
			delete(w.ill, f.Name)
		}
	}
}

// adjust begins and ends watches. It tells whether more are to begin, which are too
// many at once.
func (w *watching[W]) adjust(ctx context.Context, known *Snapshot, wanted []Instance, all *sync.WaitGroup) (more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	var fresh []Instance
	for _, in := range wanted {
		key := Subject{in.Service, in.ID}
		x := w.of[key]
		if x != nil && !sameWay(&x.in, &in) {
			w.end(key)
			x = nil
		}
		if x == nil {
			fresh = append(fresh, in)
			continue
		}
		x.in, x.wanted = in, now
	}
	w.prune(known, now, len(fresh))
	n := min(len(fresh), beginAtOnce, w.most-len(w.of))
	for _, in := range fresh[:n] {
		key := Subject{in.Service, in.ID}
		ctx, stop := context.WithCancel(ctx) // by end, or with all
		x := &watched{in: in, stop: stop, wanted: now}
		w.of[key] = x
		all.Go(func() { w.keep(ctx, key, x) })
	}
	return n < len(fresh)
}

// prune ends the watches that nobody has wanted for long, or that are of no use, and
// then as many others that are not wanted now as there is room needed.
func (w *watching[W]) prune(known *Snapshot, now time.Time, room int) {
	var idle []Subject
	for key, x := range w.of {
		if x.wanted.Equal(now) {
			continue
		}
		var in *InstanceFact
		if f := known.Service(key.Service); f != nil {
			in = f.Instance(key.Instance)
		}
		if in == nil || !sameWay(&x.in, &in.Instance) || now.Sub(x.wanted) >= watchGrace {
			w.end(key)
			continue
		}
		x.in = in.Instance
		idle = append(idle, key)
	}
	slices.SortFunc(idle, func(a, b Subject) int { return w.of[a].wanted.Compare(w.of[b].wanted) })
	for _, key := range idle {
		if len(w.of)+room <= w.most {
			return
		}
		w.end(key)
	}
}

// sameWay tells whether two instances are the same process, reached in the same way.
func sameWay(a, b *Instance) bool { return a.Addr == b.Addr && sameMap(a.Meta, b.Meta) }

func (w *watching[W]) end(key Subject) {
	w.of[key].stop()
	delete(w.of, key)
	delete(w.words, key)
}

// keep watches one instance until ctx ends.
func (w *watching[W]) keep(ctx context.Context, key Subject, x *watched) {
	in := x.in
	for ctx.Err() == nil {
		_ = w.follow(ctx, in, func(says W, ok bool) { w.hear(key, x, says, ok) })
		w.mu.Lock()
		x.spoke = false
		w.mu.Unlock()
		_ = waitFor(ctx, jitter(watchPause), nil)
	}
}

// hear takes a word of a watch that is still wanted.
func (w *watching[W]) hear(key Subject, x *watched, says W, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[key] != x {
		return
	}
	if x.spoke = ok; ok {
		w.words[key] = says
		notify(w.wake)
	}
}

// saying passes on what is heard.
func (w *watching[W]) saying(ctx context.Context, feed *Feed) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		w.mu.Lock()
		words := make([]word[W], 0, len(w.words))
		for key, says := range w.words {
			words = append(words, word[W]{w.of[key].in, says})
		}
		clear(w.words)
		w.mu.Unlock()
		if len(words) > 0 {
			feed.Say(w.facts(feed.Known(), words))
		}
		if waitFor(ctx, wordsEvery, nil) != nil {
			return
		}
	}
}

// covers tells whether a watch speaks for an instance.
func (w *watching[W]) covers(service, id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.of[Subject{service, id}]
	return x != nil && x.spoke
}

// silent tells whether no watch speaks for an instance.
func (w *watching[W]) silent(in *InstanceFact) bool { return !w.covers(in.Service, in.ID) }

// covered are the instances that watches speak for.
func (w *watching[W]) covered() []Subject {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []Subject
	for s, x := range w.of {
		if x.spoke {
			list = append(list, s)
		}
	}
	return list
}

// compareInstances orders instances as snapshots do.
func compareInstances(a, b Instance) int {
	return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.ID, b.ID))
}
