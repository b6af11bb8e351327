package commands

import (
	"context"
	"runtime/debug"

	"github.com/gctl-dev/gctl/fleet"
)

// leanPercent is how much garbage there may be, in percent of what is in use, until
// it is collected: a dashboard is open for hours and allocates little, so that less
// memory is worth more than fewer collections.
const leanPercent = 25

// lean keeps the memory of a dashboard small until release is called. GOGC, where it
// is set, says otherwise.
func (o *dashOptions) lean(ctx context.Context, store *fleet.Store) (release func()) {
	if o.f.Getenv("GOGC") != "" {
		return func() {}
	}
	percent := debug.SetGCPercent(leanPercent)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if answered(ctx, store) {
			debug.FreeOSMemory() // the first answers of all take most, and once
		}
	}()
	return func() {
		cancel()
		<-done
		debug.SetGCPercent(percent)
	}
}

// answered waits until every source has answered or failed.
func answered(ctx context.Context, store *fleet.Store) bool {
	for snap := store.Snapshot(); !snap.Answered(); {
		next, err := store.Wait(ctx, snap.Version())
		if err != nil {
			return false
		}
		snap = next
	}
	return true
}
