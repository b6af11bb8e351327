package file

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

const (
	// checkTurn is how many addresses are checked in each round: of a larger list so
	// many in turn.
	checkTurn = 500
	// firstTime is how long the first check of all may take.
	firstTime = time.Minute
)

// Source watches the whole list at once.
func (c *Catalog) Source() fleet.Source {
	return fleet.Source{Name: fleet.CatalogFeed, Timeout: firstTime, Watch: func(ctx context.Context, feed *fleet.Feed) error {
		w := &whole{catalog: c, feed: feed}
		return c.follow(ctx, func() { w.look(ctx) })
	}}
}

// whole is the list as it was told last.
type whole struct {
	catalog *Catalog
	feed    *fleet.Feed

	data    []byte // that content was parsed from
	content *catalog
	addrs   []string                    // that are to be checked
	seen    map[string]fleet.Status     // by address
	turn    int                         // the address that is checked next
	told    map[string][]fleet.Instance // by service; nil before the first time
	failed  bool
}

// look reads the file, checks some of its instances, and tells what changed.
func (w *whole) look(ctx context.Context) {
	changed, err := w.read()
	if err != nil {
		w.failed = true
		w.feed.Fail(err)
		return
	}
	changed = w.check(ctx) || changed
	switch {
	case ctx.Err() != nil: // what was not checked to the end says nothing
		return
	case changed || w.told == nil:
		w.tell()
	case w.failed:
		w.feed.Confirm()
	}
	w.failed = false
}

// read tells whether the file says something else than before.
func (w *whole) read() (changed bool, err error) {
	data, err := w.catalog.read()
	if err != nil {
		return false, err
	}
	if w.content != nil && bytes.Equal(data, w.data) {
		return false, nil
	}
	content, err := w.catalog.understand(data)
	if err != nil {
		return false, err
	}
	seen := map[string]fleet.Status{}
	w.data, w.content, w.addrs = data, content, nil
	for _, s := range content.services {
		for _, in := range content.byName[s.Name] {
			if content.check && checkable(&in) {
				w.addrs = append(w.addrs, in.Addr)
			}
			if status, ok := w.seen[in.Addr]; ok {
				seen[in.Addr] = status
			}
		}
	}
	w.seen = seen
	return true, nil
}

// check checks the addresses that are due, and tells whether one is not as it was.
func (w *whole) check(ctx context.Context) (changed bool) {
	due := w.due()
	for i, status := range connectAll(ctx, due) {
		if w.seen[due[i]] != status {
			w.seen[due[i]], changed = status, true
		}
	}
	return changed
}

// due are the addresses that are checked now: those that never were, and those whose
// turn it is.
func (w *whole) due() []string {
	if len(w.addrs) <= checkTurn {
		return w.addrs
	}
	var due []string
	for _, addr := range w.addrs {
		if _, seen := w.seen[addr]; !seen {
			due = append(due, addr)
		}
	}
	if len(due) > 0 {
		return due
	}
	begin := w.turn % len(w.addrs)
	w.turn = begin + checkTurn
	return slices.Concat(w.addrs[begin:], w.addrs[:begin])[:checkTurn]
}

// tell says what changed since the last time.
func (w *whole) tell() {
	facts := fleet.Facts{Partial: w.told != nil, Provenance: w.catalog.provenance("services")}
	now := make(map[string][]fleet.Instance, len(w.content.services))
	for _, s := range w.content.services {
		list := slices.Clone(w.content.byName[s.Name])
		for i := range list {
			if status, ok := w.seen[list[i].Addr]; ok && checkable(&list[i]) {
				list[i].Catalog = worse(list[i].Catalog, status)
			}
		}
		now[s.Name] = list
		if before, known := w.told[s.Name]; known && slices.EqualFunc(before, list, fleet.Instance.Equal) {
			continue
		}
		facts.Of = append(facts.Of, s.Name)
		facts.Services = append(facts.Services, fleet.Service{Name: s.Name})
		facts.Instances = append(facts.Instances, list...)
	}
	for name := range w.told {
		if _, still := now[name]; !still {
			facts.Of = append(facts.Of, name)
		}
	}
	w.told = now
	w.feed.Say(facts)
}
