// Package outlier decides which member of a group is to be left alone for a
// while, and for how long, by comparing it with its siblings. It knows calls,
// outcomes and times, but neither gRPC nor a clock: each function that depends on
// the time is given it, as the time since any fixed moment.
//
// Evidence comes from the calls themselves. Begin and End may be called by many
// goroutines; everything else belongs to the one that owns the Group.
package outlier

import "time"

// Config is how a Group judges. All fields must be set.
type Config struct {
	Interval time.Duration // between two regular judgements
	Window   time.Duration // after which evidence counts half

	Consecutive   int     // failures in a row that make an outlier
	FailureMargin float64 // share of failed calls that a member may have beyond its siblings
	SlowMargin    float64 // the same for slow calls

	SlowFactor float64       // a call is slow beyond this many times its method's median,
	SlowFloor  time.Duration // and beyond this

	MaxEjected   float64       // share of the ready members that may be out at once
	BaseEjection time.Duration // how long the first ejection lasts; the nth lasts n times as long,
	MaxEjection  time.Duration // at most this
	TrialCalls   int           // good calls after which a member is back
}

// minBad is how much evidence there must be at least against a member.
const minBad = 3

// State is where a member stands.
type State int

// A member goes from InRotation to Ejected; when its time is over it is checked,
// then tried, then back.
const (
	InRotation State = iota // gets its share
	Ejected                 // gets nothing until its time is over
	Checking                // gets nothing; the owner finds out whether it is alive
	OnTrial                 // gets one call at a time
)

// Reason is why a member was ejected.
type Reason string

// The reasons.
const (
	Failures Reason = "failures" // it fails more often than its siblings
	Slow     Reason = "slow"     // it answers more slowly than its siblings
	Hanging  Reason = "hanging"  // it does not answer at all, not even a health check
)

// Outcome is what the end of a call says about the member.
type Outcome int

// The outcomes.
const (
	Neutral   Outcome = iota // nothing
	Answered                 // it did its work, whatever the answer
	Failed                   // it did not
	Expired                  // it did not in the time that it was given
	Abandoned                // its caller did not wait: it is slow if that was after long, else this says nothing
	Refused                  // it would not, being busy: no fault, but others may have room
)

// failed tells whether the member is to blame for the outcome.
func (o Outcome) failed() bool { return o == Failed || o == Expired }

// Change is a decision about a member.
type Change struct {
	Member    *Member
	State     State         // the new one: Ejected, OnTrial or InRotation
	Reason    Reason        // of the ejection, also in what follows from it
	Detail    string        // the evidence, for people
	Until     time.Duration // the end of an ejection
	Ejections int           // how often the member was ejected lately
}
