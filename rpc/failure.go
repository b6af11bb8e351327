package rpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/gctl-dev/gctl/fleet"
)

// ConnectError says that no instance could be connected to and why. It unwraps
// to the *fleet.Error that a user reads.
type ConnectError struct {
	Finding
	Instance fleet.Instance // the one that the finding is about
	err      *fleet.Error
}

// Error returns one line without the hint.
func (e *ConnectError) Error() string { return e.err.Error() }

// Unwrap returns the error for the user.
func (e *ConnectError) Unwrap() error { return e.err }

// WithHint replaces the hint, for callers that know a better one.
func (e *ConnectError) WithHint(hint string) error {
	e.Hint, e.err.Hint = hint, hint
	return e
}

// failure turns what the attempts taught into an error. Where that does not
// name the cause, the first instance is examined more closely.
func (c *Conn) failure(ctx context.Context) error {
	c.mu.Lock()
	attempts := append([]attempt(nil), c.peers...)
	c.mu.Unlock()

	first := &attempts[0]
	finding := first.finding()
	if finding.Cause == "" || finding.Cause == CauseTLS {
		if f := Explain(ctx, first.instance, c.opts).Fault(); f != nil {
			finding = *f
		}
	}
	return connectError(attempts, finding)
}

// connectError is the error after all attempts, with the finding about the first.
func connectError(attempts []attempt, finding Finding) error {
	first := &attempts[0]
	e := &fleet.Error{
		What: "cannot connect to " + first.instance.Addr,
		Err:  errors.New(finding.What),
		Hint: finding.Hint,
	}
	if first.instance.ID != first.instance.Addr {
		e.Instance = first.instance.ID
	}
	others := attempts[1:]
	for i := range others {
		a := &others[i]
		f := a.finding()
		if f.What != "" {
			e.Details = append(e.Details, fmt.Sprintf("nor to %s (instance %s): %s", a.instance.Addr, a.instance.ID, f.What))
		}
	}
	return &ConnectError{Finding: finding, Instance: first.instance, err: e}
}

// finding names what is known of the attempt; Cause is empty where that does
// not suffice.
func (a *attempt) finding() Finding {
	if len(a.odd) > 0 {
		if isTLSRecord(a.odd[0]) {
			return tlsServer
		}
		return notHTTP2(a.odd)
	}
	if a.err == nil {
		return Finding{CauseNoAnswer, "no answer in time", "gctl explain " + a.instance.Addr + " looks closer"}
	}
	if f, ok := Diagnose(a.err); ok {
		return f
	}
	return Finding{What: a.err.Error()}
}
