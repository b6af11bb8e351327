package screen

import (
	"context"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
)

// Env is what screens may ask beside the snapshots. Each is a function that opens
// what it takes; one that is nil is not to be had here, as in a replay.
type Env struct {
	// Metrics opens what tells how calls went over time.
	Metrics func(ctx context.Context) (fleet.MetricsReader, error)
	// Identity joins the names of the sources.
	Identity func(instances []fleet.Instance) *fleet.Identity
	// Traces opens what keeps traces.
	Traces func(ctx context.Context) (fleet.TraceReader, error)
	// Events tells what changed before gctl looked, of one service or, if that is
	// empty, of all: what was recorded, and what others remember. It fails with
	// fleet.ErrNoHistory where nothing is known; where nobody recorded, From is until.
	Events func(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error)
	// Why finds out why a service is not well; a zero time is now.
	Why func(ctx context.Context, service string, at time.Time) (*why.Report, error)
}
