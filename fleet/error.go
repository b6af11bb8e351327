package fleet

import (
	"errors"
	"strings"
)

// Kind says what a caller can do about an error; it decides the exit code.
type Kind int

// The kinds of error.
const (
	// Failed: gctl could not do it (configuration, a backend that is
	// unreachable, a connection that was never established). Exit code 1.
	Failed Kind = iota
	// Usage: the request itself is wrong: a bad flag or bad data, an unknown
	// or ambiguous name. Nothing was sent. Exit code 2.
	Usage
	// Negative: gctl did it, and the answer is no. Exit code 3.
	Negative
)

// Error is an error that a person reads: what failed, on which instance, what
// lies under it, and what to do.
type Error struct {
	Kind     Kind
	What     string   // what failed, lower case, no full stop
	Instance string   // ID or address of the instance concerned, empty if none
	Err      error    // the cause, nil if What says it all
	Details  []string // further lines, such as the details a server sent
	Hint     string   // what to do, empty if the user can do nothing
}

// Error returns one line without details and hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.What)
	if e.Instance != "" {
		b.WriteString(" (instance ")
		b.WriteString(e.Instance)
		b.WriteString(")")
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// What sources say by errors that callers decide by.
var (
	// ErrNotFound: the source works, and does not have what was asked for.
	ErrNotFound = errors.New("not found")
	// ErrNoHistory: the source knows the present only.
	ErrNoHistory = errors.New("this source knows the present only")
)

// KindOf returns the kind of the outermost Error in err's chain, and Failed if
// there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Failed
}
