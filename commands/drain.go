package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/ops/action"
)

type drainOptions struct {
	changeFlags
	f        *Factory
	service  string
	force    bool
	deadline time.Duration
}

func newDrain(f *Factory) *cobra.Command {
	o := &drainOptions{f: f}
	cmd := &cobra.Command{
		Use:   "drain INSTANCE",
		Short: "Stop an instance in order",
		Long: `Stop an instance in order and show each step: its health becomes NOT_SERVING, it
leaves the catalog, clients get time to notice, calls in flight may end until the
deadline, the process stops. That cannot be undone. It goes on when gctl is gone;
asking for it again follows it.

The last instance of a service that gets traffic is not drained without --force.

` + changeExits,
		Example: `  gctl drain user-3 --deadline 30s
  gctl drain user-3 --reason 'new kernel' --yes`,
		Args:              instanceArgs(f, 0, 0),
		ValidArgsFunction: firstOnly(completeInstances(f)),
		RunE: func(cmd *cobra.Command, given []string) error {
			name, _ := cutInstance(f, given)
			return o.run(cmd.Context(), name)
		},
	}
	flags := cmd.Flags()
	o.register(flags)
	flags.StringVar(&o.service, "service", "", serviceFlag)
	flags.BoolVar(&o.force, "force", false, "also where no instance of the service is left")
	flags.Var((*seconds)(&o.deadline), "deadline", "give calls in flight this `duration` to end (default: as the instance is configured)")
	return cmd
}

// drainRow is a step as JSON.
type drainRow struct {
	Instance string          `json:"instance"`
	Step     fleet.DrainStep `json:"step"`
	At       *time.Time      `json:"at"`
	InFlight int64           `json:"in_flight"`
	Problem  string          `json:"problem"`
}

var drainTable = output.Rows[drainRow]{
	Columns: []output.Column[drainRow]{
		{Name: "STEP", Cell: func(r drainRow) output.Cell { return output.Text(string(r.Step)) }},
		{Name: "AT", Cell: func(r drainRow) output.Cell { return timeCell(r.At) }},
		{Name: "IN FLIGHT", Right: true, Cell: func(r drainRow) output.Cell { return output.Int(int(r.InFlight)) }},
		{Name: "PROBLEM", Cell: func(r drainRow) output.Cell { return output.Cell{Text: r.Problem, Style: output.Caution} }},
	},
	Key: func(r drainRow) string { return string(r.Step) },
}

func (o *drainOptions) run(ctx context.Context, name string) error {
	if err := o.gate(o.f); err != nil {
		return err
	}
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	in, err := findInstance(ctx, o.f, name, o.service)
	if err != nil {
		return err
	}
	operator, err := newOperator(o.f)
	if err != nil {
		return err
	}
	if err := operator.CheckDrain(ctx, in, o.deadline, o.why(o.f)); err != nil {
		return err
	}
	note, err := checkCapacity(ctx, operator, in, o.force)
	if err != nil {
		return err
	}
	o.f.Notef("stop %s of %s in order, which cannot be undone", in.ID, in.Service)
	o.f.Notef("%s", note)
	o.f.Notef("reason: %s", o.why(o.f))
	if o.dryRun {
		checked := action.Result{Outcome: action.Checked, Step: action.Step{
			Instance: in, Value: "draining", Wish: fleet.Wish{Resource: fleet.ResourceDrain, Mutation: fleet.Mutation{Reason: o.why(o.f)}},
		}}
		return (&change{changeFlags: &o.changeFlags, f: o.f}).tell("", []action.Result{checked}) //nolint:contextcheck // the printer has it
	}
	if err := (&change{changeFlags: &o.changeFlags, f: o.f}).confirm(ctx); err != nil {
		return err
	}
	rows := []drainRow{}
	result := operator.Drain(ctx, in, o.deadline, o.why(o.f), func(step fleet.DrainProgress) { //nolint:contextcheck // the printer has it
		row := drainRow{in.ID, step.Step, timeOrNil(step.At), step.InFlight, step.Problem}
		if n := len(rows); n > 0 && rows[n-1].Step == step.Step { // how it goes on
			rows[n-1] = row
		} else {
			rows = append(rows, row)
		}
		o.follow(p, &row)
	})
	return o.told(ctx, p, rows, result)
}

// follow tells a step as it comes.
func (o *drainOptions) follow(p *output.Printer, row *drainRow) {
	if p.Format() == output.JSONL {
		_ = p.Value(row) // told as soon as it is known; what cannot be written shows at the end
		return
	}
	text := fmt.Sprintf("%s, %s", row.Step, plural(int(row.InFlight), "call")+" in flight")
	if row.Problem != "" {
		text += ": " + row.Problem
	}
	o.f.Notef("%s", text)
}

func (o *drainOptions) told(ctx context.Context, p *output.Printer, rows []drainRow, result action.Result) error {
	if p.Format() != output.JSONL && len(rows) > 0 {
		if err := drainTable.Print(p, rows, nil); err != nil {
			return err
		}
	}
	if ctx.Err() != nil && len(rows) > 0 {
		o.f.Notef("the drain goes on without gctl")
	}
	return result.Err
}
