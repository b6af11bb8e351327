package breaker

import (
	"slices"
	"sync"
	"sync/atomic"
)

// events tell watchers of changes, in order. Changes are added under the locks
// of a breaker and delivered without any, by whichever call comes by next; so
// there is no goroutine to own.
type events struct {
	mu        sync.Mutex
	watchers  []*watcher // replaced, never written to
	queue     []event
	delivered bool // somebody is delivering
	pending   atomic.Bool
}

type watcher struct {
	notify  func(Status)
	stopped atomic.Bool
}

type event struct {
	status   Status
	watchers []*watcher // those of the time of the change
}

func (e *events) watch(notify func(Status)) (stop func()) {
	w := &watcher{notify: notify}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watchers = append(slices.Clip(e.watchers), w)
	return func() {
		w.stopped.Store(true)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.watchers = slices.DeleteFunc(slices.Clone(e.watchers), func(other *watcher) bool { return other == w })
	}
}

func (e *events) add(s Status) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.watchers) > 0 {
		e.queue = append(e.queue, event{s, e.watchers})
		e.pending.Store(true)
	}
}

// deliver returns at once where another call delivers already.
func (e *events) deliver() {
	if !e.pending.Load() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.delivered {
		return
	}
	e.delivered = true
	defer func() { e.delivered = false }()
	for len(e.queue) > 0 {
		next := e.queue[0]
		e.queue = e.queue[1:]
		e.tell(next)
	}
	e.pending.Store(false)
}

// tell is called with mu held, and gives it up meanwhile.
func (e *events) tell(next event) {
	e.mu.Unlock()
	defer e.mu.Lock()
	for _, w := range next.watchers {
		if !w.stopped.Load() {
			w.notify(next.status)
		}
	}
}
