package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
)

// backfillAgain is how long to wait for a source that remembers, where there was
// none.
const backfillAgain = 30 * time.Second

// backfill is the command that learns how calls went before the dashboard came. It
// tries until it has: what remembers may come later.
func (m *model) backfill() tea.Cmd {
	if m.o.Env.Metrics == nil {
		return nil
	}
	remember, ctx := m.rememberer(), m.ctx
	return func() tea.Msg {
		for !remember() {
			timer := time.NewTimer(backfillAgain)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return nil
			}
		}
		return filledMsg{}
	}
}

// rememberer returns what asks once how calls went, and tells whether it was told.
func (m *model) rememberer() func() bool {
	open, seen, store, now, identity, ctx := m.o.Env.Metrics, m.look.History, m.o.Store, m.o.Now, m.o.Env.Identity, m.ctx
	return func() bool {
		snap, err := firstCatalog(ctx, store)
		if err != nil {
			return false
		}
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		reader, err := open(ctx)
		if err != nil {
			return false // the sources of the store say it
		}
		q := fleet.REDQuery{Side: fleet.ServerSide, Window: 5 * time.Minute}
		for _, s := range snap.Services() {
			for _, in := range s.Instances {
				q.Instances = append(q.Instances, in.Instance)
			}
		}
		if identity != nil {
			q.Identity = identity(q.Instances)
		}
		end := now().Truncate(seen.Step())
		list, err := reader.REDRange(ctx, q, end.Add(-seen.Span()), end, seen.Step())
		if err != nil {
			return false
		}
		seen.Backfill(list)
		return true
	}
}

// firstCatalog waits until the catalog has answered.
func firstCatalog(ctx context.Context, store *fleet.Store) (*fleet.Snapshot, error) {
	snap := store.Snapshot()
	for {
		if s, ok := snap.Source(fleet.CatalogFeed); ok && s.Status == fleet.SourceFresh && len(snap.Services()) > 0 {
			return snap, nil
		}
		next, err := store.Wait(ctx, snap.Version())
		if err != nil {
			return nil, err
		}
		snap = next
	}
}
