package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
)

// backfillAgain is how long to wait for a source that remembers, where there was
// none.
const backfillAgain = time.Minute

// backfill is the command that learns how calls went before the dashboard came. It
// tries until it has: what remembers may come later.
func (m *model) backfill() tea.Cmd {
	if m.o.Env.Metrics == nil {
		return nil
	}
	o, ctx, seen := m.o, m.ctx, m.look.History
	return func() tea.Msg {
		for !o.backfill(ctx, seen) {
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

// backfill learns how calls went before anybody looked, and tells whether somebody
// knew. Where nobody does, the sources of the store say it.
func (o *Options) backfill(ctx context.Context, seen *history.History) bool {
	if o.Env.Metrics == nil {
		return false
	}
	snap, err := firstCatalog(ctx, o.Store)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	reader, err := o.Env.Metrics(ctx)
	if err != nil {
		return false
	}
	q := fleet.REDQuery{Side: fleet.ServerSide, Window: 5 * time.Minute, Instances: make([]fleet.Instance, 0, snap.Counts().Instances)}
	for _, s := range snap.Services() {
		for _, in := range s.Instances {
			q.Instances = append(q.Instances, in.Instance)
		}
	}
	if o.Env.Identity != nil {
		q.Identity = o.Env.Identity(q.Instances)
	}
	end := o.Now().Truncate(seen.Step())
	list, err := reader.REDRange(ctx, q, end.Add(-seen.Span()), end, seen.Step())
	if err != nil {
		return false
	}
	seen.Backfill(list)
	return true
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
