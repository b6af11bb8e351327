package fleet

import (
	"context"
	"errors"
	"time"
)

// What control APIs say by errors that callers decide by.
var (
	// ErrNoControl: the instance serves no control API.
	ErrNoControl = errors.New("it serves no control API")
	// ErrNoPart: the control API has no such part: no breakers, no faults, ...
	ErrNoPart = errors.New("it has no such part")
	// ErrChanged: the resource is not what it was when the change was decided.
	ErrChanged = errors.New("it was changed in between")
)

// The resources of an instance that can be changed. Those that end in a slash
// are followed by a name.
const (
	ResourceBreaker = "breaker/"
	ResourceLimit   = "limit/"
	ResourceFault   = "fault/"
	ResourceLevel   = "log_level"
	ResourceServing = "serving"
	ResourceDrain   = "drain"
)

// The bounds of the time that a change may hold.
const (
	MinTTL = time.Second
	MaxTTL = 24 * time.Hour
)

// LimitKind is what a limit counts.
type LimitKind string

// The kinds of limit.
const (
	RateLimit        LimitKind = "rate"        // calls a second of each caller
	ConcurrencyLimit LimitKind = "concurrency" // calls in flight, of all callers together
	UnknownLimit     LimitKind = "unknown"
)

// LimitSettings are what can be changed of a limit; those of the other kind are 0.
type LimitSettings struct {
	Rate                           float64 // calls a second; 0 lets none in
	Burst                          int64   // calls that may come at once
	MinConcurrency, MaxConcurrency int64   // the bounds between which it adapts
	Shadow                         bool    // count what would be rejected, and let it in
}

// Limit is one limit on what an instance accepts.
type Limit struct {
	Instance           Instance
	Name               string // unique in the instance, for example "rate/default"
	Kind               LimitKind
	Methods            string // for example "user.v1.UserService/*"
	Settings           LimitSettings
	Current            int64 // the concurrency that is allowed now; 0 for a rate
	InFlight           int64
	Admitted, Rejected int64 // since the process started
	ETag               string
	Provenance         Provenance
}

// LogLevel is how much an instance logs.
type LogLevel string

// The levels. ConfiguredLevel is whatever the instance was started with.
const (
	ConfiguredLevel LogLevel = "configured"
	Debug           LogLevel = "debug"
	Info            LogLevel = "info"
	Warn            LogLevel = "warn"
	ErrorLevel      LogLevel = "error"
)

// Fault is trouble on purpose: a latency, a failure or both.
type Fault struct {
	Method     string  // "user.v1.UserService/GetUser", "user.v1.UserService/*" or "*"
	Percentage float64 // of the calls that it meets, above 0 to 100
	Latency    time.Duration
	Code       uint32 // the gRPC status with which calls fail; 0 for none
}

// Mutation is what every change carries.
type Mutation struct {
	Reason       string
	TTL          time.Duration // when it reverts by itself; ignored where something is released
	ETag         string        // of the resource as it was read; "*" for whatever it is now
	ValidateOnly bool          // check everything and change nothing
}

// Wish is a change that somebody asks for: of one resource, to the value in the
// field that goes with it, or back to what is configured.
type Wish struct {
	Resource string
	Release  bool // back to what is configured; the values are ignored

	Override Override      // of ResourceBreaker
	Limit    LimitSettings // of ResourceLimit, whole
	Fault    Fault         // of ResourceFault
	Level    LogLevel      // of ResourceLevel
	// ResourceServing has one value that is not released: out of traffic.

	Mutation
}

// Change is a change that is in force, or was just made.
type Change struct {
	Resource string
	Value    string // as people read it, for example "forced_open"
	Reason   string
	Actor    string // who made it, as the instance knows him
	At       time.Time
	Expires  time.Time // zero for what was released or lasts
	ETag     string    // of the resource with the change
}

// ChangeList is what is in force in one instance.
type ChangeList struct {
	Changes    []Change // by resource
	Provenance Provenance
}

// Find returns the change of a resource, and false if there is none.
func (l *ChangeList) Find(resource string) (Change, bool) {
	for _, c := range l.Changes {
		if c.Resource == resource {
			return c, true
		}
	}
	return Change{}, false
}

// DrainStep is how far a drain has come.
type DrainStep string

// The steps, in their order.
const (
	DrainNotServing   DrainStep = "not_serving"  // health says NOT_SERVING
	DrainDeregistered DrainStep = "deregistered" // it has left the catalog
	DrainPropagated   DrainStep = "propagated"   // clients had time to notice
	DrainStopping     DrainStep = "stopping"     // new calls are refused, those in flight may end
	DrainStopped      DrainStep = "stopped"      // everything has ended, or was cut at the deadline
)

// DrainProgress is one message of a drain.
type DrainProgress struct {
	Step     DrainStep // empty for the answer to a ValidateOnly
	At       time.Time
	InFlight int64
	Problem  string // what went wrong in the step; the drain goes on
}

// BreakerUpdate is one observation of a watch: the breakers as they are now, or
// why they are not known at the moment.
type BreakerUpdate struct {
	Breakers []Breaker // sorted by name
	Err      error
}

// Controller is the control API of one instance. Its errors are for people, and
// say by ErrNoControl, ErrNoPart, ErrNotFound and ErrChanged what can be decided by.
type Controller interface {
	// Breakers lists the breakers towards target, all of them if it is empty.
	Breakers(ctx context.Context, target string) ([]Breaker, error)
	// WatchBreakers calls notify with the present breakers and after each change,
	// one call at a time, until ctx ends; it returns ctx's error. A stream that is
	// lost is told and opened again, with back-off; an API that has no breakers
	// ends the watch.
	WatchBreakers(ctx context.Context, target string, notify func(BreakerUpdate)) error
	// Limits lists the limits.
	Limits(ctx context.Context) ([]Limit, error)
	// Level reads the log level.
	Level(ctx context.Context) (LogLevel, error)
	// Changes lists what is in force.
	Changes(ctx context.Context) (ChangeList, error)
	// Apply makes a wish come true, or with ValidateOnly only checks it; then the
	// Change has the present etag.
	Apply(ctx context.Context, w Wish) (Change, error)
	// Drain stops the instance and calls notify with each step. It returns nil
	// after the last one. A drain goes on when ctx ends.
	Drain(ctx context.Context, deadline time.Duration, m Mutation, notify func(DrainProgress)) error
	// Close ends the connection.
	Close() error
}

// ControlPlane finds the control APIs of instances.
type ControlPlane interface {
	// Controller opens the control API of an instance. Nobody need have been
	// asked when it returns.
	Controller(ctx context.Context, in Instance) (Controller, error)
}

// Maintainer is a catalog that can take an instance out of traffic by itself:
// for instances without a control API. It does not end by itself.
type Maintainer interface {
	// Maintenance tells whether the instance is in maintenance, and why.
	Maintenance(ctx context.Context, in Instance) (on bool, reason string, err error)
	// SetMaintenance takes the instance out of traffic or back in. It returns who
	// was asked to, and what; with an error only where the change may have been made
	// all the same.
	SetMaintenance(ctx context.Context, in Instance, on bool, reason string) (Provenance, error)
}
