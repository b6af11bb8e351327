package fleet

import (
	"slices"
	"sync"
)

// Subject is what somebody looks at: an instance by its ID, or, where that is
// empty, a service.
type Subject struct{ Service, Instance string }

// Attend says what somebody looks at, the most important first, in place of what
// was said before: of that, sources that can watch single instances tell each change
// at once, as of what is in trouble. It never blocks.
func (s *Store) Attend(subjects []Subject) { s.looked.set(slices.Clone(subjects)) }

// attention is what is looked at. Its zero value is nothing.
type attention struct {
	mu       sync.Mutex
	subjects []Subject
	newer    chan struct{} // closed when there is something else to look at
}

// get returns what is looked at, and what is closed when that has changed.
func (a *attention) get() ([]Subject, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.newer == nil {
		a.newer = make(chan struct{})
	}
	return a.subjects, a.newer
}

func (a *attention) set(subjects []Subject) {
	a.mu.Lock()
	same := slices.Equal(a.subjects, subjects)
	a.subjects = subjects
	a.mu.Unlock()
	if !same {
		a.stir()
	}
}

// stir makes those look again who heed it.
func (a *attention) stir() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.newer != nil {
		close(a.newer)
		a.newer = nil
	}
}
