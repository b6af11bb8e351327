package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/action"
)

// force is one of the ways to take a breaker in hand.
type force struct {
	use, short, what string
	override         fleet.Override
}

//nolint:gochecknoglobals // constants that the language cannot express
var (
	forceOpen  = force{"force-open", "Force breakers open for a while: no call comes through", "force open", fleet.ForcedOpen}
	forceClose = force{"force-close", "Force breakers closed for a while: every call is tried", "force closed", fleet.ForcedClosed}
	forceNone  = force{"release", "Let breakers decide for themselves again", "release", fleet.NotForced}
)

type forceOptions struct {
	changeFlags
	f      *Factory
	force  force
	caller string
}

func newForce(f *Factory, way force) *cobra.Command {
	o := &forceOptions{f: f, force: way}
	cmd := &cobra.Command{
		Use:   way.use + " NAME",
		Short: way.short,
		Long: way.short + `.

NAME is the name of a breaker, or a service: then it is every breaker towards it.
Breakers live in the callers: it is done in all instances of the catalog that have
such a breaker, or in those of --caller.

` + changeExits,
		Example:           "  gctl breakers " + way.use + " user/read\n  gctl breakers " + way.use + " user --caller edge --dry-run",
		Args:              args(1, 1),
		ValidArgsFunction: firstOnly(completeResources(f, breakerNames)),
		RunE:              func(cmd *cobra.Command, given []string) error { return o.run(cmd.Context(), given[0]) },
	}
	if way.override == fleet.NotForced {
		o.register(cmd.Flags())
	} else {
		o.registerTTL(cmd.Flags(), 15*time.Minute)
	}
	cmd.Flags().StringVar(&o.caller, "caller", "", "only in the instances of the service called `name`")
	_ = cmd.RegisterFlagCompletionFunc("caller", completeServices(f)) // there is this flag
	return cmd
}

func (o *forceOptions) run(ctx context.Context, name string) error {
	if err := o.gate(o.f); err != nil {
		return err
	}
	callers, err := operable(ctx, o.f, o.caller)
	if err != nil {
		return err
	}
	operator, err := newOperator(o.f)
	if err != nil {
		return err
	}
	steps, targets, err := o.steps(ctx, callers, name)
	if err != nil {
		return err
	}
	c := &change{
		changeFlags: &o.changeFlags, f: o.f, operator: operator, steps: steps, release: o.force.override == fleet.NotForced,
		command: "breakers " + o.force.use + " " + name,
	}
	c.what = fmt.Sprintf("%s %s in %s", o.force.what, plural(len(steps), "breaker"), plural(instancesOf(steps), "instance"))
	if o.force.override == fleet.ForcedOpen {
		c.notes = append(c.notes, "their calls to "+strings.Join(targets, " and ")+" fail at once as long as that holds")
	}
	return c.perform(ctx)
}

func instancesOf(steps []action.Step) int {
	var ids []string
	for i := range steps {
		if id := steps[i].Instance.ID; !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return len(ids)
}

// steps finds the breakers of that name, or towards a service of that name, which a
// control API has. A caller that could not be asked is a step that fails, where it is
// of a service that has the breaker: nobody knows which of them it has.
func (o *forceOptions) steps(ctx context.Context, callers []fleet.Instance, name string) (steps []action.Step, targets []string, err error) {
	readers, err := o.f.BreakerReaders()
	if err != nil {
		return nil, nil, err
	}
	list, err := readers[0].Breakers(ctx, callers, "") // the others tell of breakers, and cannot move them
	if err != nil {
		return nil, nil, orEnded(ctx, err)
	}
	all := list.Breakers
	found := slices.DeleteFunc(slices.Clone(all), func(b fleet.Breaker) bool { return b.Name != name })
	if len(found) == 0 {
		found = slices.DeleteFunc(slices.Clone(all), func(b fleet.Breaker) bool { return b.Target != name })
	}
	if len(found) == 0 {
		noteMissed(o.f, list.Missing)
		return nil, nil, noBreaker(name, all)
	}
	services := map[string]bool{} // of the callers
	for i := range found {
		b := &found[i]
		services[b.Caller.Service] = true
		steps = append(steps, o.step(b.Caller, b.Name))
		if !slices.Contains(targets, b.Target) {
			targets = append(targets, b.Target)
		}
	}
	var other []fleet.Missing
	for _, m := range list.Missing {
		if services[m.Instance.Service] && !errors.Is(m.Err, fleet.ErrNoControl) && !errors.Is(m.Err, fleet.ErrNoPart) {
			failed := o.step(m.Instance, name)
			failed.Err = m.Err
			steps = append(steps, failed)
			continue
		}
		other = append(other, m)
	}
	noteMissed(o.f, other)
	return steps, targets, nil
}

func (o *forceOptions) step(in fleet.Instance, breaker string) action.Step {
	return action.Step{Instance: in, Wish: fleet.Wish{
		Resource: fleet.ResourceBreaker + breaker, Override: o.force.override, Release: o.force.override == fleet.NotForced,
	}}
}

func noBreaker(name string, all []fleet.Breaker) error {
	var known []string
	for i := range all {
		known = append(known, all[i].Name, all[i].Target)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	return &fleet.Error{
		Kind: fleet.Usage, What: fmt.Sprintf("no control API has a breaker %q, nor one towards such a service", name),
		Hint: didYouMean(name, known, "") + `"gctl breakers" lists them; a breaker appears with the first call`,
	}
}
