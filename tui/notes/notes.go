// Package notes keeps what an engineer has noted while looking: at which time, about
// what.
package notes

import (
	"slices"
	"sync"
	"time"
)

// Note is a line about a moment.
type Note struct {
	At      time.Time // the moment that it is about
	Service string    // empty: about all
	Text    string
}

// Notes are all notes of a dashboard. The zero value is empty; it is safe for
// concurrent use.
type Notes struct {
	mu   sync.Mutex
	list []Note // sorted by time, never changed once it was handed out
}

// Add adds a note.
func (n *Notes) Add(note Note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := len(n.list)
	for i > 0 && n.list[i-1].At.After(note.At) {
		i--
	}
	n.list = slices.Insert(slices.Clone(n.list), i, note)
}

// List returns the notes, sorted by time. It must not be modified.
func (n *Notes) List() []Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.list
}
