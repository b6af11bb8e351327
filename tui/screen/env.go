package screen

import (
	"context"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/reflection"
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
	// Methods lists the methods of a service of the catalog.
	Methods func(ctx context.Context, service string) ([]reflection.MethodName, error)
	// Method opens a method by its full name; service is that of the catalog, empty for
	// whichever has it.
	Method func(ctx context.Context, name, service string) (*Method, error)
	// Calls opens what keeps the calls that were made, secrets hidden.
	Calls func() (Calls, error)
	// Command runs a command of gctl with its arguments, without a terminal, and
	// returns all that it says and its exit code.
	Command func(ctx context.Context, args ...string) (output string, code int)
	// Events tells what changed before gctl looked, of one service or, if that is
	// empty, of all: what was recorded, and what others remember. It fails with
	// fleet.ErrNoHistory where nothing is known; where nobody recorded, From is until.
	Events func(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error)
	// Why finds out why a service is not well; a zero time is now.
	Why func(ctx context.Context, service string, at time.Time) (*why.Report, error)
}
