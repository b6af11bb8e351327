package action

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Outcome is what became of a step.
type Outcome string

// The outcomes.
const (
	Done       Outcome = "done"
	Unchanged  Outcome = "unchanged"  // there was nothing to release
	Unverified Outcome = "unverified" // the change was made, and its effect was not seen
	Failed     Outcome = "failed"
	Checked    Outcome = "checked" // of a dry run: it would be done
)

// Result is what became of a step.
type Result struct {
	Step
	Outcome Outcome
	Change  fleet.Change // as made; zero where none was
	Err     error        // of Unverified and Failed
}

// newID returns a name for an action that people can type: 30 random bits.
func newID() string { return strings.ToLower(rand.Text()[:6]) }

// Run makes the changes of the steps that can be done and verifies each. command
// is what was asked for, and undoes the ID of the action that this one reverts.
func (o *Operator) Run(ctx context.Context, command, undoes string, steps []Step) (id string, results []Result) {
	id = newID()
	results = make([]Result, len(steps))
	parallel(len(steps), func(i int) {
		results[i] = o.step(ctx, &record{
			Action: id, Context: o.Context, Addr: o.Addr, By: o.By, Command: command, Undoes: undoes,
		}, steps[i])
	})
	return id, results
}

func (o *Operator) step(ctx context.Context, r *record, s Step) Result {
	result := Result{Step: s}
	switch {
	case s.Err != nil:
		result.Outcome, result.Err = Failed, s.Err
		return result
	case s.Nothing:
		result.Outcome = Unchanged
		return result
	case ctx.Err() != nil:
		result.Outcome, result.Err = Failed, context.Cause(ctx)
		return result
	}
	r.of(s)
	if err := o.note(r, intended); err != nil { // what could not be found again is not done
		result.Outcome, result.Err = Failed, &fleet.Error{What: "nothing was changed", Instance: s.Instance.ID, Err: err}
		return result
	}
	o.do(ctx, &result)
	r.ETag, r.Outcome = result.Change.ETag, result.Outcome
	if !result.Change.Expires.IsZero() {
		r.Expires = &result.Change.Expires
	}
	if result.Err != nil {
		r.Error = result.Err.Error()
	}
	if err := o.note(r, ended); err != nil {
		result.Err = errors.Join(result.Err, err)
	}
	return result
}

// do makes the change and looks whether it has the effect.
func (o *Operator) do(ctx context.Context, r *Result) {
	var verify func(context.Context) error
	if r.Way == ByCatalog {
		verify = o.maintain(ctx, r)
	} else {
		c, err := o.Plane.Controller(ctx, r.Instance)
		if err != nil {
			r.Outcome, r.Err = Failed, err
			return
		}
		defer func() { _ = c.Close() }()
		if r.Change, r.Err = c.Apply(ctx, r.Wish); r.Err != nil && !refused(r.Err) {
			o.lookAgain(ctx, r)
		}
		verify = func(ctx context.Context) error { return o.verify(ctx, c, r) }
	}
	if r.Err != nil {
		if r.Outcome == "" {
			r.Outcome = Failed
		}
		return
	}
	r.Outcome = Done
	if err := within(ctx, verifyTime, verify); err != nil {
		r.Outcome, r.Err = Unverified, &fleet.Error{What: "the change was made, and its effect was not seen within " + verifyTime.String(), Instance: r.Instance.ID, Err: err}
	}
}

// refused tells that the instance has said no: nothing was changed.
func refused(err error) bool {
	for _, kind := range []error{fleet.ErrNoControl, fleet.ErrNoPart, fleet.ErrNotFound, fleet.ErrChanged} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// lookAgain asks the instance whether a change was made whose answer did not come.
// Also who has interrupted gctl wants to know that.
func (o *Operator) lookAgain(ctx context.Context, r *Result) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTime)
	defer cancel()
	list, err := o.changes(ctx, r.Instance)
	if err != nil {
		r.Outcome, r.Err = Unverified, notKnown(r, r.Err)
		return
	}
	seen, ok := list.Find(r.Wish.Resource)
	switch {
	case r.Wish.Release && !ok:
		r.Err = nil
	case !r.Wish.Release && ok && seen.Reason == r.Wish.Reason && seen.Value == r.Value && seen.ETag != r.Wish.ETag:
		r.Change, r.Err = seen, nil
	}
}

// maintain sets the catalog's maintenance.
func (o *Operator) maintain(ctx context.Context, r *Result) (verify func(context.Context) error) {
	maintainer, ok := o.Catalog.(fleet.Maintainer)
	if !ok {
		r.Err = fleet.ErrNoControl
		return nil
	}
	on := !r.Wish.Release
	look := func(ours bool) func(context.Context) error {
		return func(ctx context.Context) error {
			now, reason, err := maintainer.Maintenance(ctx, r.Instance)
			if err == nil && (now != on || on && ours && reason != r.Wish.Reason) {
				err = errors.New("the catalog says otherwise")
			}
			return err
		}
	}
	verify = look(false) // maintenance that is on already keeps its reason
	asked, err := maintainer.SetMaintenance(ctx, r.Instance, on, r.Wish.Reason)
	if err != nil && asked.Source == "" { // nothing was changed
		r.Err = err
		return nil
	}
	if err != nil {
		// The answer was lost, and the change may have been made. Also who has
		// interrupted gctl wants to know that.
		if within(context.WithoutCancel(ctx), verifyTime, look(true)) != nil {
			r.Outcome, r.Err = Unverified, notKnown(r, err)
			return nil
		}
		verify = func(context.Context) error { return nil }
	}
	r.Change = fleet.Change{Resource: r.Wish.Resource, Value: r.Value, Reason: r.Wish.Reason, Actor: o.By, At: o.Now()}
	return verify
}

func notKnown(r *Result, err error) error {
	return &fleet.Error{
		What: "it is not known whether the change was made", Instance: r.Instance.ID, Err: err,
		Hint: "gctl actions asks again",
	}
}

// How long the effect of a change is waited for, and how often it is looked for.
const (
	verifyTime  = 5 * time.Second
	verifyPause = 50 * time.Millisecond
)

// within calls check until it succeeds or the time is over, and returns its last
// error.
func within(ctx context.Context, limit time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // what the end of the time caused says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(verifyPause):
		}
	}
}

// verify looks whether a change made by the control API is in force, and shows.
func (o *Operator) verify(ctx context.Context, c fleet.Controller, r *Result) error {
	list, err := c.Changes(ctx)
	if err != nil {
		return err
	}
	seen, ok := list.Find(r.Wish.Resource)
	switch {
	case r.Wish.Release && ok:
		return fmt.Errorf("%s is in force, by %s: %s", seen.Value, seen.Actor, seen.Reason)
	case !r.Wish.Release && !ok:
		return errors.New("it is not in force")
	case !r.Wish.Release && seen.ETag != r.Change.ETag:
		return fmt.Errorf("%s has replaced it by %s: %s", seen.Actor, seen.Value, seen.Reason)
	}
	if check := o.effect(c, r); check != nil {
		return check(ctx)
	}
	return nil
}
