package breaker

import "time"

// State is the state of a breaker. Overrides stand apart from it.
type State int

// The states.
const (
	Closed   State = iota // calls pass and are counted
	Open                  // calls are rejected
	HalfOpen              // a few calls pass as probes
)

// String returns gobreaker's word for the state.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	default:
		return "half-open"
	}
}

// Override is what was ordered over the head of a breaker.
type Override int

// The overrides.
const (
	None         Override = iota // the breaker decides
	ForcedOpen                   // every call is rejected
	ForcedClosed                 // every call passes
)

// String returns the override in lower_snake_case.
func (o Override) String() string {
	switch o {
	case None:
		return "none"
	case ForcedOpen:
		return "forced_open"
	default:
		return "forced_closed"
	}
}

// Status is what can be seen of a breaker.
type Status struct {
	Name        string // target/group, unique in the set
	Target      string // the service that is called
	MethodGroup string // the methods that share the breaker
	State       State
	Override    Override
	Since       time.Time // when the state was entered
	Trips       int64     // how often it opened
	LastError   string    // the last failure, on one line; "" before the first
	NextProbe   time.Time // of an open breaker: from then on a call is let through; else zero
	Counts      Counts
	Flapping    bool // changed its state at least 6 times in the last ten minutes
}

// Counts are the calls in the window, as of the last call. Those of an open
// breaker are the ones that made it open.
type Counts struct {
	Requests            int64 // that passed, those under way too; without the ones that do not count
	Successes           int64
	Failures            int64
	ConsecutiveFailures int64
}
