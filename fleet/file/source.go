package file

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

const (
	// checkTurn is how many addresses are checked each second: of a larger list so
	// many in turn.
	checkTurn = 200
	// firstTime is how long the first check of all may take.
	firstTime = time.Minute
)

// Source watches the whole list at once.
func (c *Catalog) Source() fleet.Source {
	return fleet.Source{Name: fleet.CatalogFeed, Timeout: firstTime, Watch: func(ctx context.Context, feed *fleet.Feed) error {
		w := &whole{catalog: c, feed: feed}
		return c.follow(ctx, func(check bool) {
			if check {
				w.ticks++
			}
			w.look(ctx, check && w.ticks%feed.Pace() == 0)
		})
	}}
}

// whole is the list as it was told last.
type whole struct {
	catalog *Catalog
	feed    *fleet.Feed

	data    []byte // as it was last
	content *catalog
	invalid error                       // what is wrong with data; content is what was before
	addrs   []string                    // that are to be checked
	seen    map[string]fleet.Status     // by address
	turn    int                         // the address that is checked next
	ticks   int                         // when it was time to check
	told    map[string][]fleet.Instance // by service; nil before the first time
	failed  bool
}

// look reads the file, checks those of its instances that never were, and with check
// those whose turn it is, and tells what changed.
func (w *whole) look(ctx context.Context, check bool) {
	changed, err := w.read()
	if err != nil {
		w.failed = true
		w.feed.Fail(err)
		return
	}
	changed = w.check(ctx, check) || changed
	switch {
	case ctx.Err() != nil: // what was not checked to the end says nothing
		return
	case changed || w.told == nil:
		w.tell()
	case w.failed || check:
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
	if w.data != nil && bytes.Equal(data, w.data) {
		return false, w.invalid
	}
	content, err := w.catalog.understand(data)
	w.data, w.invalid = data, err
	if err != nil {
		return false, err
	}
	seen := map[string]fleet.Status{}
	w.content, w.addrs = content, nil
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
func (w *whole) check(ctx context.Context, turn bool) (changed bool) {
	due := w.due(turn)
	for i, status := range connectAll(ctx, due) {
		if w.seen[due[i]] != status {
			w.seen[due[i]], changed = status, true
		}
	}
	return changed
}

// due are the addresses that are checked now: those that never were, or else those
// whose turn it is.
func (w *whole) due(turn bool) []string {
	var due []string
	for _, addr := range w.addrs {
		if _, seen := w.seen[addr]; !seen {
			due = append(due, addr)
		}
	}
	if len(due) > 0 || !turn {
		return due
	}
	for range min(checkTurn, len(w.addrs)) {
		w.turn %= len(w.addrs)
		due = append(due, w.addrs[w.turn])
		w.turn++
	}
	return due
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
