package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
)

// openStore starts a store over the sources of the selected context, but those that
// are named.
func openStore(ctx context.Context, f *Factory, without ...string) (*fleet.Store, error) {
	sources, err := f.Sources(ctx)
	if err != nil {
		return nil, err
	}
	sources = slices.DeleteFunc(sources, func(s fleet.Source) bool { return slices.Contains(without, s.Name) })
	return fleet.NewStore(ctx, fleet.StoreOptions{Sources: sources, Now: f.Now}), nil
}

// follow shows what changes until ctx ends.
func (o *eventsOptions) follow(ctx context.Context, p *output.Printer, pastToo bool) error {
	slow := time.AfterFunc(catalogSlow, func() { noteSlow(o.f) })
	err := o.checkService(ctx)
	slow.Stop()
	if err != nil {
		return err
	}
	store, err := openStore(ctx, o.f, fleet.MetricsFeed) // of which no events come
	if err != nil {
		return err
	}
	defer store.Close()
	if pastToo {
		if err := o.showPast(ctx, p); err != nil {
			return err
		}
	}
	last := store.Snapshot()
	awaitCatalog(ctx, o.f, store)
	w := &sourceWatch{f: o.f}
	for snap := range store.Snapshots(ctx) { //nolint:contextcheck // a printer has its context
		w.look(snap)
		for _, e := range snap.EventsSince(last) {
			if o.service != "" && e.Service != o.service {
				continue
			}
			if err := printEvent(p, o.f, e); err != nil {
				return err
			}
		}
		last = snap
	}
	return ctx.Err()
}

// catalogSlow is after how long gctl says that it waits for the catalog.
const catalogSlow = 1500 * time.Millisecond

func noteSlow(f *Factory) { f.Notef("waiting for the catalog, which has not answered yet") }

// awaitCatalog waits until the catalog has answered or failed, or says that it
// keeps gctl waiting.
func awaitCatalog(ctx context.Context, f *Factory, store *fleet.Store) {
	limited, cancel := context.WithTimeout(ctx, catalogSlow)
	defer cancel()
	for snap := range store.Snapshots(limited) {
		if s, ok := snap.Source(fleet.CatalogFeed); !ok || s.Status != fleet.SourceStarting {
			return
		}
	}
	if ctx.Err() == nil {
		noteSlow(f)
	}
}

// showPast shows what is known of the past before what changes; that nothing is
// known is no reason not to begin.
func (o *eventsOptions) showPast(ctx context.Context, p *output.Printer) error {
	events, err := o.past(ctx)
	if err != nil {
		o.f.Notef("note: %v", err)
	}
	for _, e := range events {
		if err := printEvent(p, o.f, e); err != nil { //nolint:contextcheck // a printer has its context
			return err
		}
	}
	return nil
}

// sourceWatch says on stderr how the sources stand when they begin: from then on
// there are events about them.
type sourceWatch struct {
	f    *Factory
	told map[string]bool
}

func (w *sourceWatch) look(snap *fleet.Snapshot) {
	if w.told == nil {
		w.told = map[string]bool{}
	}
	for _, s := range snap.Sources() {
		switch {
		case w.told[s.Name] || s.Status == fleet.SourceStarting:
			continue
		case s.Err != nil:
			w.f.Notef("warning: %s: %v", s.Name, s.Err)
			var e *fleet.Error
			if errors.As(s.Err, &e) && e.Hint != "" {
				w.f.Notef("hint: %s", e.Hint)
			}
		default:
			c := snap.Counts()
			w.f.Notef("watching %s: %d services, %d instances", s.Name, len(snap.Services()), c.Instances)
		}
		for _, note := range s.Notes {
			w.f.Notef("note: %s", note)
		}
		w.told[s.Name] = true
	}
}

// eventLine is an event as a line of text.
func eventLine(r eventRow, how string) string {
	words := []string{r.At.Format(time.RFC3339), how, string(r.Event)}
	for _, word := range []string{r.Service, r.Instance, r.Subject} {
		if word != "" {
			words = append(words, word)
		}
	}
	switch {
	case r.From != "" && r.To != "":
		words = append(words, r.From+" -> "+r.To)
	case r.From != "" || r.To != "":
		words = append(words, r.From+r.To)
	}
	return term.CleanLine(strings.Join(words, "  "))
}
