package commands

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/action"
)

type undoOptions struct {
	changeFlags
	f *Factory
}

func newUndo(f *Factory) *cobra.Command {
	o := &undoOptions{f: f}
	cmd := &cobra.Command{
		Use:   "undo [ID]",
		Short: "Revert what was changed from here",
		Long: `Revert an action that "gctl actions" lists; without an ID the newest one of which
something is in force. Reverted is what is still in force and still what was made
from here: what somebody else has changed since stays as it is, and is told.

Releases and drains cannot be undone.

` + changeExits + ` 3 somebody
else has changed it since.`,
		Example: `  gctl undo
  gctl undo k7x2m9 --reason 'it was not the cause'`,
		Args:              args(0, 1),
		ValidArgsFunction: firstOnly(completeActions(f)),
		RunE: func(cmd *cobra.Command, given []string) error {
			id := ""
			if len(given) > 0 {
				id = given[0]
			}
			return o.run(cmd.Context(), id)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func (o *undoOptions) run(ctx context.Context, id string) error {
	if err := o.may(o.f); err != nil {
		return err
	}
	operator, entries, err := listActions(ctx, o.f)
	if err != nil {
		return err
	}
	found, about, steps, err := action.Undo(entries, id, o.why(o.f))
	if err != nil {
		return err
	}
	var unsure error // what may be in force and is not undone
	for i := range about {
		e := &about[i]
		if err := o.stays(e); err != nil && unsure == nil {
			unsure = err
		}
	}
	if len(steps) == 0 {
		if unsure == nil {
			o.f.Notef("nothing that was changed from here is in force")
		}
		return unsure
	}
	if err := o.consent(o.f); err != nil {
		return err
	}
	c := &change{
		changeFlags: &o.changeFlags, f: o.f, operator: operator, release: true, steps: steps, undoes: found,
		command: "undo " + found, what: fmt.Sprintf("revert %s (%s)", found, about[0].Command),
	}
	if err := c.perform(ctx); err != nil {
		return err
	}
	return unsure
}

// stays tells what is not undone, and why; the error is of what may be in force.
func (o *undoOptions) stays(e *action.Entry) error {
	switch e.State {
	case action.InForce:
		return nil
	case action.Replaced:
		o.f.Notef("%s: somebody has changed it since, to %s", e.Instance.ID, e.Detail)
		return &fleet.Error{
			Kind: fleet.Negative, What: "not reverted: somebody has changed " + e.Resource + " since", Instance: e.Instance.ID,
			Hint: "look at it, and release it if you mean it",
		}
	case action.StateHidden:
		return &fleet.Error{What: "it is not known what is in force", Instance: e.Instance.ID, Err: fmt.Errorf("%s", e.Detail)}
	default:
		o.f.Notef("%s: %s is not in force any more: %s", e.Instance.ID, e.Resource, e.State)
		return nil
	}
}

// completeActions proposes the actions by way of the context. Nobody is asked.
func completeActions(f *Factory) completer {
	return func(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if applyEnv(f, cmd) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		operator, err := newOperator(f)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return startingWith(toComplete, operator.Names()), cobra.ShellCompDirectiveNoFileComp
	}
}
