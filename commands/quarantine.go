package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/action"
)

// serviceFlag narrows the search for an instance.
const serviceFlag = "the instance is one of the service called `name`"

type quarantineOptions struct {
	changeFlags
	f       *Factory
	service string
	force   bool
	noTTL   bool
	release bool
}

func newQuarantine(f *Factory) *cobra.Command {
	o := &quarantineOptions{f: f}
	cmd := &cobra.Command{
		Use:   "quarantine INSTANCE",
		Short: "Take an instance out of traffic with its process alive",
		Long: `Take one instance out of traffic with its process alive: its health becomes
NOT_SERVING, its clients turn away, and calls that still arrive are answered. It
comes back by itself after --ttl, also when gctl is gone.

That is done by the instance's control API. Where it has none and the catalog is
Consul, maintenance is set at the agent of the instance's machine. Consul does
not end that by itself: gctl refuses unless --no-ttl says that you will release
the instance yourself.

gctl shows how many instances of the service keep getting traffic, and does not
take out the last one without --force. Afterwards it asks the instance for its
health, or Consul for its verdict. With --addr, the address of an instance's
control API, INSTANCE is left out.

` + changeExits,
		Example: `  gctl quarantine user-3 --ttl 15m --reason 'slow since 14:02'
  gctl quarantine user-3 --dry-run
  gctl quarantine legacy-1 --no-ttl --reason 'disk full' --yes`,
		Args:              instanceArgs(f, 0, 0),
		ValidArgsFunction: firstOnly(completeInstances(f)),
		RunE:              func(cmd *cobra.Command, given []string) error { return o.run(cmd.Context(), given) },
	}
	flags := cmd.Flags()
	o.registerTTL(flags, 15*time.Minute)
	flags.StringVar(&o.service, "service", "", serviceFlag)
	flags.BoolVar(&o.force, "force", false, "also where no instance of the service is left")
	flags.BoolVar(&o.noTTL, "no-ttl", false, "where the instance has no control API: take it out until somebody releases it")
	return cmd
}

func newRelease(f *Factory) *cobra.Command {
	o := &quarantineOptions{f: f, release: true}
	cmd := &cobra.Command{
		Use:   "release INSTANCE",
		Short: "Bring an instance back into traffic",
		Long: `End the quarantine of an instance, whoever began it: by its control API, or by
Consul where that has it in maintenance.

` + changeExits,
		Example: `  gctl release user-3
  gctl release user-3 --reason 'disk replaced' --yes`,
		Args:              instanceArgs(f, 0, 0),
		ValidArgsFunction: firstOnly(completeInstances(f)),
		RunE:              func(cmd *cobra.Command, given []string) error { return o.run(cmd.Context(), given) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.service, "service", "", serviceFlag)
	return cmd
}

func (o *quarantineOptions) run(ctx context.Context, given []string) error {
	if err := o.gate(o.f); err != nil {
		return err
	}
	name, _ := cutInstance(o.f, given)
	in, err := findInstance(ctx, o.f, name, o.service)
	if err != nil {
		return err
	}
	operator, err := newOperator(o.f)
	if err != nil {
		return err
	}
	c := &change{
		changeFlags: &o.changeFlags, f: o.f, operator: operator, noTTL: o.noTTL, release: o.release,
		steps: []action.Step{{Instance: in, Wish: fleet.Wish{Resource: fleet.ResourceServing, Release: o.release}}},
	}
	if o.release {
		c.command, c.what = "release "+in.ID, "bring "+in.ID+" of "+in.Service+" back into traffic"
		return c.perform(ctx)
	}
	c.command, c.what = "quarantine "+in.ID, "take "+in.ID+" of "+in.Service+" out of traffic"
	note, err := checkCapacity(ctx, operator, in, o.force)
	if err != nil {
		return err
	}
	c.notes = append(c.notes, note)
	return c.perform(ctx)
}

// checkCapacity says what is left of a service without an instance, and refuses
// where that is nothing.
func checkCapacity(ctx context.Context, operator *action.Operator, in fleet.Instance, force bool) (string, error) {
	left, err := operator.Capacity(ctx, in.Service, in.ID)
	if err != nil {
		return "", err
	}
	if left.Left == 0 && left.Of > 0 && !force {
		return "", &fleet.Error{
			Kind: fleet.Usage, What: "it is the last instance of " + in.Service + " that gets traffic", Instance: in.ID,
			Hint: "if the service may go away altogether: --force",
		}
	}
	return fmt.Sprintf("%d of %d instances of %s that get traffic remain", left.Left, left.Of, in.Service), nil
}
