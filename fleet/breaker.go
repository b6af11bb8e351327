package fleet

import (
	"context"
	"time"
)

// BreakerState is the state of a circuit breaker.
type BreakerState string

// The states.
const (
	BreakerClosed     BreakerState = "closed"
	BreakerOpen       BreakerState = "open"
	BreakerHalfOpen   BreakerState = "half_open"
	BreakerThrottling BreakerState = "throttling" // lets a share through: Breaker.Ratio
	BreakerUnknown    BreakerState = "unknown"    // says something that nobody explained: Breaker.Raw
)

// Override is an operator's decision over a breaker. It stands apart from the
// state: a breaker that is forced open still has one of its own.
type Override string

// The overrides.
const (
	NotForced    Override = "none"
	ForcedOpen   Override = "forced_open"
	ForcedClosed Override = "forced_closed"
)

// Breaker is one circuit breaker in one instance of the caller. Fields that the
// source does not tell are zero.
type Breaker struct {
	Caller     Instance // of which only ID, Service and Addr need be known
	Name       string   // unique in the caller, for example "user/read"
	Target     string   // the service that is called, empty if the source does not say
	State      BreakerState
	Ratio      float64 // of calls let through while throttling
	Raw        string  // what the source said, where State is unknown
	Override   Override
	Flapping   bool      // it changed its state often in the last ten minutes
	Since      time.Time // when the state was entered; zero: not known
	Trips      int64     // how often it opened since the process started
	LastError  string
	NextProbe  time.Time
	Counts     BreakerCounts
	ETag       string // for a change by the control API; empty elsewhere
	Provenance Provenance
}

// BreakerCounts are the calls in the present window; those of an open breaker
// are the ones that made it open.
type BreakerCounts struct {
	Requests, Successes, Failures, ConsecutiveFailures int64
}

// Missing is what an answer does not have, and why.
type Missing struct {
	Instance Instance // zero where it is not about one
	What     string   // "breakers", "rate", ...
	Err      error
}

// BreakerList is what could be read, and who could not be asked.
type BreakerList struct {
	Breakers []Breaker // sorted by caller, then name
	Missing  []Missing
}

// BreakerReader reads breakers. They live in the callers.
type BreakerReader interface {
	// Breakers reads those of the callers, towards target or, if that is empty,
	// all of them. It never moves a breaker.
	Breakers(ctx context.Context, callers []Instance, target string) (BreakerList, error)
}
