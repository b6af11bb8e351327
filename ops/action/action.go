// Package action changes running instances deliberately: a change is planned
// (whom it affects, what is in force now, what is left), made on each instance
// with a result for each, verified, and written down, so that it can be found and
// undone.
//
// An instance's control API keeps a change as a lease that ends by itself; each
// names the state that was planned on by its etag, so that what somebody else has
// done in between is never overwritten unseen. Before a change is made its
// intention is on the disk, afterwards its result: who finds an intention without
// a result asks the instance.
package action

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Prober asks an instance for its health; a fleet.Prober is one.
type Prober interface {
	Health(ctx context.Context, in fleet.Instance, name string) fleet.Health
}

// Journal keeps lines of JSON.
type Journal interface {
	Append(v any) error
	Each(use func(line []byte)) error
}

// Operator makes changes.
type Operator struct {
	Plane   fleet.ControlPlane
	Prober  Prober
	Catalog fleet.Catalog
	Journal Journal
	Now     func() time.Time

	Context string // the name of the context
	Addr    string // of the one instance without a catalog, else empty
	By      string // who acts: user@host
}

// Way is how an instance is changed.
type Way string

// The ways.
const (
	ByControl Way = "control" // its control API, which ends the change by itself
	ByCatalog Way = "catalog" // the catalog's maintenance, which lasts until it is ended
)

// Step is one change of one instance: what is wanted, and what Prepare found.
type Step struct {
	Instance fleet.Instance
	Wish     fleet.Wish

	Way     Way
	Value   string        // what it will be, in the words of the instance; empty where it has not said it
	Before  *fleet.Change // what is in force there now, nil for nothing
	Nothing bool          // there is nothing to release
	Err     error         // why it cannot be done; who plans may know it before Prepare
}

// atOnce bounds how many instances are worked on in parallel.
const atOnce = 32

// parallel calls do for 0 to n-1 and waits.
func parallel(n int, do func(i int)) {
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			do(i)
			<-slots
		})
	}
	all.Wait()
}

// Prepare lets each instance check its step, and fills in what they say. Nothing
// is changed. A step that has an Err already is left as it is: it fails.
func (o *Operator) Prepare(ctx context.Context, steps []Step) {
	parallel(len(steps), func(i int) { o.prepare(ctx, &steps[i]) })
}

func (o *Operator) prepare(ctx context.Context, s *Step) {
	s.Way = ByControl
	if s.Err != nil {
		return
	}
	s.Err = o.check(ctx, s)
	if s.Wish.Resource != fleet.ResourceServing {
		return
	}
	// An instance may be out of traffic by its catalog although it has a control API.
	maintainer, ok := o.Catalog.(fleet.Maintainer)
	noControl := errors.Is(s.Err, fleet.ErrNoControl) || errors.Is(s.Err, fleet.ErrNoPart)
	switch {
	case noControl && !ok:
		s.Err = withHint(s.Err, "without a control API only a Consul catalog can take an instance out of traffic")
	case noControl || ok && s.Wish.Release && s.Nothing && s.Err == nil:
		on, reason, err := maintainer.Maintenance(ctx, s.Instance)
		if err != nil && !noControl {
			return // it is not registered there: nothing to release is what the control API says
		}
		if on || noControl {
			s.Way, s.Value, s.Before, s.Err = ByCatalog, maintenanceValue(s.Wish), nil, err
			s.Nothing = s.Wish.Release && !on
		}
		if on {
			s.Before = &fleet.Change{Resource: fleet.ResourceServing, Value: inMaintenance, Reason: reason}
		}
	}
}

func (o *Operator) check(ctx context.Context, s *Step) error {
	c, err := o.Plane.Controller(ctx, s.Instance)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	list, err := c.Changes(ctx)
	if err != nil {
		return err
	}
	if before, ok := list.Find(s.Wish.Resource); ok {
		s.Before = &before
	}
	wish := s.Wish
	wish.ValidateOnly, wish.ETag = true, ""
	checked, err := c.Apply(ctx, wish)
	if err != nil {
		return err
	}
	s.Nothing = s.Wish.Release && s.Before == nil
	s.Value = checked.Value
	if s.Wish.ETag == "" {
		s.Wish.ETag = checked.ETag
	}
	return nil
}

// withHint returns the error with another hint.
func withHint(err error, hint string) error {
	var e *fleet.Error
	if !errors.As(err, &e) {
		return &fleet.Error{What: err.Error(), Hint: hint}
	}
	told := *e
	told.Hint = hint
	return &told
}

const inMaintenance = "maintenance"

func maintenanceValue(w fleet.Wish) string {
	if w.Release {
		return "serving"
	}
	return inMaintenance
}

// Capacity is what is left of a service's traffic when instances are taken out.
type Capacity struct {
	Service string
	Of      int // instances that get traffic now
	Left    int // of those, when the others are out
}

// Capacity asks the catalog and each instance of the service who gets traffic: whom
// the catalog lets have it, and who does not deny it.
func (o *Operator) Capacity(ctx context.Context, service string, out ...string) (Capacity, error) {
	list, err := o.Catalog.Instances(ctx, service)
	if err != nil {
		return Capacity{}, err
	}
	serves := make([]bool, len(list.Instances))
	parallel(len(list.Instances), func(i int) {
		in := list.Instances[i]
		if in.Catalog != fleet.Passing && in.Catalog != fleet.Warning {
			return
		}
		switch o.Prober.Health(ctx, in, "").State {
		case fleet.Serving, fleet.Unimplemented, fleet.UnknownHealth:
			serves[i] = true
		}
	})
	c := Capacity{Service: service}
	for i := range list.Instances {
		if !serves[i] {
			continue
		}
		c.Of++
		if !slices.Contains(out, list.Instances[i].ID) {
			c.Left++
		}
	}
	return c, ctx.Err()
}
