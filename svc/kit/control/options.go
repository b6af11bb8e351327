package control

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit/fault"
	"github.com/gctl-dev/gctl/svc/kit/identity"
)

// DefaultMaxChanges is how many changes can be in force at once.
const DefaultMaxChanges = 100

// Options are the parts of an instance that can be read and changed. Calls about
// a part that is nil are answered with UNIMPLEMENTED.
//
// The parts are called with a lock held: they must be quick and must not call
// the Server.
type Options struct {
	Breakers Breakers
	Limits   Limits
	// Level is what is logged. The level that it has in New is the configured
	// one.
	Level *slog.LevelVar
	// Faults are met by the calls that their interceptors see. The names in it
	// belong to the control API.
	Faults *fault.Set
	// Services are those whose calls pass the interceptors of Faults, as
	// grpc.Server.GetServiceInfo tells them: a fault of any other method is refused.
	// Of a service without methods in it any is taken. Required with Faults.
	Services func() map[string]grpc.ServiceInfo
	// Serving takes the instance out of traffic, or back in. It is in traffic to
	// begin with.
	Serving func(serving bool)
	Drain   DrainFunc
	// DrainDeadline is the configured deadline of a drain.
	DrainDeadline time.Duration

	// Stopping ends watches once it is closed: close it when the server that
	// serves the control API begins to stop, since a graceful stop waits for every
	// stream. May be nil.
	Stopping <-chan struct{}
	// Log gets an entry for each change that is made, refused or reverted, whatever
	// its level says: nobody can silence the trail by SetLogLevel.
	// slog.Default() if nil.
	Log *slog.Logger
	// Instance is added to each entry, unless empty.
	Instance string
	// Identity names the caller of an RPC. identity.Caller if nil.
	Identity func(context.Context) string
	// MaxChanges is how many changes can be in force at once: DefaultMaxChanges
	// if 0.
	MaxChanges int
}

// Breakers are the circuit breakers of an instance.
type Breakers interface {
	// List returns the breakers in any order, as messages that the caller may
	// change. Their etags are not looked at. Reading moves none of them.
	List() []*controlv1.Breaker
	// Watch calls notify with the name of each breaker that changes, after the
	// change, until stop. notify never blocks and may be called by several
	// goroutines, with locks held.
	Watch(notify func(name string)) (stop func())
	// Override forces a breaker open or closed, or releases it: the override is
	// never unspecified. The breaker was in List a moment ago.
	Override(name string, override controlv1.BreakerOverride) error
}

// Limits are the limits on what an instance accepts.
type Limits interface {
	// List returns the limits in any order, as messages that the caller may
	// change. Their etags are not looked at.
	List() []*controlv1.Limit
	// Set replaces the settings of a limit that was in List a moment ago. They keep
	// the rules of the schema and fit its kind.
	Set(name string, settings *controlv1.LimitSettings) error
	// Reset puts the configured settings back.
	Reset(name string) error
}

// DrainFunc stops the instance in the order of controlv1.DrainStep and reports
// each step once it is done, with the calls that are still open and what went
// wrong; the same step may be reported again as the number of calls falls. It is
// called once in the life of a Server, by a goroutine of its own; ctx ends when
// the Server is closed, not when the caller is gone. What is still open after
// deadline is cut.
//
// Where the server that stops also serves the control API, a graceful stop waits
// for the stream of the drain, which lasts until the function returns: return
// after DRAIN_STEP_STOPPING and stop then.
type DrainFunc func(ctx context.Context, deadline time.Duration, progress func(step controlv1.DrainStep, inFlight int64, problem string))

// withDefaults fills in what may be left out.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Instance != "" {
		o.Log = o.Log.With("instance", o.Instance)
	}
	if o.Identity == nil {
		o.Identity = identity.Caller
	}
	if o.MaxChanges == 0 {
		o.MaxChanges = DefaultMaxChanges
	}
	return o
}
