package commands

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/ops/action"
)

// faultRow is a fault in force, as JSON.
type faultRow struct {
	Service  string     `json:"service"`
	Instance string     `json:"instance"`
	Name     string     `json:"name"`
	Fault    string     `json:"fault"`
	Since    *time.Time `json:"since"`
	Expires  *time.Time `json:"expires"`
	By       string     `json:"by"` // as the instance knows him
	Reason   string     `json:"reason"`
	Journal  string     `json:"journal"` // as he called himself, where it was from here

	signed string // both
}

var faultTable = output.Rows[faultRow]{
	Columns: []output.Column[faultRow]{
		{Name: "INSTANCE", Cell: func(r faultRow) output.Cell { return output.Text(r.Instance) }},
		{Name: "NAME", Cell: func(r faultRow) output.Cell { return output.Text(r.Name) }},
		{Name: "FAULT", Cell: func(r faultRow) output.Cell { return output.Cell{Text: r.Fault, Style: output.Caution} }},
		{Name: "SINCE", Cell: func(r faultRow) output.Cell { return timeCell(r.Since) }},
		{Name: "ENDS", Cell: func(r faultRow) output.Cell { return timeCell(r.Expires) }},
		{Name: "BY", Wide: true, Cell: func(r faultRow) output.Cell { return output.Text(r.signed) }},
		{Name: "REASON", Cell: func(r faultRow) output.Cell { return output.Text(r.Reason) }},
	},
	Key: func(r faultRow) string { return r.Name },
}

func newFaultList(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "list [SERVICE|INSTANCE]",
		Short: "List the faults that are in force, whoever made them",
		Long: `List the faults that are in force in an instance, in the instances of a service,
or in all instances of the catalog that say where their control API is.

Exit codes: 0 done; 1 nobody could be asked; 2 an unknown name.`,
		Example: `  gctl fault list
  gctl fault list user -o json --jq '.[].instance'`,
		Args:              args(0, 1),
		ValidArgsFunction: firstOnly(completeServicesAndInstances(f)),
		RunE:              func(cmd *cobra.Command, given []string) error { return listFaults(cmd.Context(), f, given) },
	}
}

func listFaults(ctx context.Context, f *Factory, given []string) error {
	p, err := f.Printer()
	if err != nil {
		return err
	}
	var instances []fleet.Instance
	if len(given) > 0 {
		instances, err = named(ctx, f, given[0])
	} else {
		instances, err = operable(ctx, f, "")
	}
	if err != nil {
		return err
	}
	lists := make([]fleet.ChangeList, len(instances))
	errs := eachController(ctx, f, instances, func(ctx context.Context, i int, c fleet.Controller) (err error) {
		lists[i], err = c.Changes(ctx)
		return err
	})
	noteMissing(f, instances, errs)
	authors := Authors(f)
	rows := []faultRow{}
	for i := range lists {
		for _, c := range lists[i].Changes {
			if name, ok := strings.CutPrefix(c.Resource, fleet.ResourceFault); ok {
				rows = append(rows, faultRow{
					instances[i].Service, instances[i].ID, name, c.Value, timeOrNil(c.At), timeOrNil(c.Expires), c.Actor, c.Reason,
					authors.Of(&c), authors.Signed(&c),
				})
			}
		}
	}
	if err := faultTable.Print(p, rows, nil); err != nil {
		return err
	}
	return noneAnswered(errs)
}

func newFaultEnd(f *Factory) *cobra.Command {
	o := &faultOptions{f: f}
	cmd := &cobra.Command{
		Use:   "end INSTANCE [NAME]",
		Short: "End the faults of an instance",
		Long: `End a fault of an instance, or all of them where no name is given, whoever made
them.

` + changeExits,
		Example: `  gctl fault end user-3
  gctl fault end user-3 latency`,
		Args:              instanceArgs(f, 0, 1),
		ValidArgsFunction: firstOnly(completeInstances(f)),
		RunE:              func(cmd *cobra.Command, given []string) error { return o.end(cmd.Context(), given) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.service, "service", "", serviceFlag)
	return cmd
}

func (o *faultOptions) end(ctx context.Context, given []string) error {
	if err := o.gate(o.f); err != nil {
		return err
	}
	name, rest := cutInstance(o.f, given)
	in, err := findInstance(ctx, o.f, name, o.service)
	if err != nil {
		return err
	}
	operator, err := newOperator(o.f)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		if rest, err = faultsOf(ctx, o.f, in); err != nil {
			return err
		}
	}
	if len(rest) == 0 {
		o.f.Notef("note: no fault is in force in %s", in.ID)
		return (&change{changeFlags: &o.changeFlags, f: o.f}).tell("", nil) //nolint:contextcheck // the printer has it
	}
	c := &change{
		changeFlags: &o.changeFlags, f: o.f, operator: operator, release: true,
		command: "fault end " + in.ID, what: "end " + plural(len(rest), "fault") + " of " + in.ID,
	}
	for _, fault := range rest {
		c.steps = append(c.steps, action.Step{Instance: in, Wish: fleet.Wish{Resource: fleet.ResourceFault + fault, Release: true}})
	}
	return c.perform(ctx)
}

// faultsOf names the faults that are in force in an instance.
func faultsOf(ctx context.Context, f *Factory, in fleet.Instance) ([]string, error) {
	var names []string
	errs := eachController(ctx, f, []fleet.Instance{in}, func(ctx context.Context, _ int, c fleet.Controller) error {
		list, err := c.Changes(ctx)
		for _, c := range list.Changes {
			if name, ok := strings.CutPrefix(c.Resource, fleet.ResourceFault); ok {
				names = append(names, name)
			}
		}
		return err
	})
	return names, errs[0]
}
