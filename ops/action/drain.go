package action

import (
	"context"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// CheckDrain lets the instance check a drain, without starting it.
func (o *Operator) CheckDrain(ctx context.Context, in fleet.Instance, deadline time.Duration, reason string) error {
	c, err := o.Plane.Controller(ctx, in)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return c.Drain(ctx, deadline, fleet.Mutation{Reason: reason, ValidateOnly: true}, func(fleet.DrainProgress) {})
}

// Drain stops an instance in order, tells each step, and writes down that it was
// done. It takes part in a drain that goes on already. One that began and could not
// be followed to its end is Unverified: it goes on.
func (o *Operator) Drain(ctx context.Context, in fleet.Instance, deadline time.Duration, reason string, notify func(fleet.DrainProgress)) Result {
	step := Step{Instance: in, Way: ByControl, Value: "draining", Wish: fleet.Wish{
		Resource: fleet.ResourceDrain, Mutation: fleet.Mutation{Reason: reason, ETag: "*"},
	}}
	r := &record{Action: newID(), Context: o.Context, Addr: o.Addr, By: o.By, Command: "drain " + in.ID}
	r.of(step)
	result := Result{Step: step, Outcome: Done}
	if result.Err = o.note(r, intended); result.Err != nil {
		result.Outcome = Failed
		return result
	}
	begun := false
	result.Err = o.drain(ctx, in, deadline, step.Wish.Mutation, func(p fleet.DrainProgress) {
		begun = true
		notify(p)
	})
	if result.Err != nil {
		result.Outcome, r.Error = Failed, result.Err.Error()
		if begun { // it goes on without gctl
			result.Outcome = Unverified
		}
	}
	r.Outcome = result.Outcome
	if err := o.note(r, ended); err != nil && result.Err == nil {
		result.Err = err
	}
	return result
}

func (o *Operator) drain(ctx context.Context, in fleet.Instance, deadline time.Duration, m fleet.Mutation, notify func(fleet.DrainProgress)) error {
	c, err := o.Plane.Controller(ctx, in)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return c.Drain(ctx, deadline, m, notify)
}
