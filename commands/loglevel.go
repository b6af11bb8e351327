package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/ops/action"
)

type loglevelOptions struct {
	changeFlags
	f *Factory
}

// levels are the words for what is logged; "release" puts the configured one back.
func levels() []string {
	return []string{string(fleet.Debug), string(fleet.Info), string(fleet.Warn), string(fleet.ErrorLevel), "release"}
}

func newLoglevel(f *Factory) *cobra.Command {
	o := &loglevelOptions{f: f}
	cmd := &cobra.Command{
		Use:   "loglevel SERVICE|INSTANCE [LEVEL]",
		Short: "Read or change for a while what instances log",
		Long: `Read what an instance, or every instance of a service, logs, or change it for a
while: debug, info, warn or error; release puts the configured level back. A name
that is both means the service.

` + changeExits,
		Example: `  gctl loglevel user
  gctl loglevel user-3 debug --ttl 10m
  gctl loglevel user release`,
		Args: instanceArgs(f, 0, 1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return completeServicesAndInstances(f)(cmd, args, toComplete)
			case 1:
				return startingWith(toComplete, levels()), cobra.ShellCompDirectiveNoFileComp
			default:
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
		},
		RunE: func(cmd *cobra.Command, given []string) error {
			name, rest := cutInstance(f, given)
			if len(rest) == 0 {
				return o.read(cmd.Context(), name)
			}
			return o.set(cmd.Context(), name, rest[0])
		},
	}
	o.registerTTL(cmd.Flags(), 30*time.Minute)
	return cmd
}

// named finds a service's instances, or the one instance of a name.
func named(ctx context.Context, f *Factory, name string) ([]fleet.Instance, error) {
	catalog, err := f.Catalog()
	if err != nil {
		return nil, err
	}
	list, err := catalog.Instances(ctx, name)
	if err != nil {
		return nil, catalogError(f, err)
	}
	if len(list.Instances) > 0 {
		rememberInstances(f, list)
		return list.Instances, nil
	}
	in, err := findInstance(ctx, f, name, "")
	return []fleet.Instance{in}, err
}

func (o *loglevelOptions) set(ctx context.Context, name, level string) error {
	if !slices.Contains(levels(), level) {
		return &fleet.Error{
			Kind: fleet.Usage, What: fmt.Sprintf("%q is no level", level),
			Hint: didYouMean(level, levels(), "") + "the levels are " + strings.Join(levels(), ", "),
		}
	}
	if err := o.gate(o.f); err != nil {
		return err
	}
	instances, err := named(ctx, o.f, name)
	if err != nil {
		return err
	}
	operator, err := newOperator(o.f)
	if err != nil {
		return err
	}
	c := &change{changeFlags: &o.changeFlags, f: o.f, operator: operator, release: level == "release", command: "loglevel " + name + " " + level}
	c.what = "log at " + level + " in " + plural(len(instances), "instance")
	if c.release {
		c.what = "log as configured in " + plural(len(instances), "instance")
	}
	for i := range instances {
		c.steps = append(c.steps, action.Step{
			Instance: instances[i],
			Wish:     fleet.Wish{Resource: fleet.ResourceLevel, Release: c.release, Level: fleet.LogLevel(level)},
		})
	}
	return c.perform(ctx)
}

// levelRow is what one instance logs, as JSON.
type levelRow struct {
	Service  string     `json:"service"`
	Instance string     `json:"instance"`
	Level    string     `json:"level"` // empty where it is not known
	Changed  bool       `json:"changed"`
	Expires  *time.Time `json:"expires"`
	Reason   string     `json:"reason"`
	Error    string     `json:"error"`
}

var levelTable = output.Rows[levelRow]{
	Columns: []output.Column[levelRow]{
		{Name: "INSTANCE", Cell: func(r levelRow) output.Cell { return output.Text(r.Instance) }},
		{Name: "LEVEL", Cell: func(r levelRow) output.Cell {
			if r.Error != "" {
				return output.Cell{Text: "unknown", Style: output.Faint}
			}
			return output.Text(r.Level)
		}},
		{Name: "ENDS", Cell: func(r levelRow) output.Cell { return timeCell(r.Expires) }},
		{Name: "REASON", Cell: func(r levelRow) output.Cell { return output.Text(r.Reason) }},
		{Name: "ERROR", Cell: func(r levelRow) output.Cell { return output.Text(r.Error) }},
	},
	Key: func(r levelRow) string { return r.Instance },
}

func (o *loglevelOptions) read(ctx context.Context, name string) error {
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	instances, err := named(ctx, o.f, name)
	if err != nil {
		return err
	}
	rows := make([]levelRow, len(instances))
	errs := eachController(ctx, o.f, instances, func(ctx context.Context, i int, c fleet.Controller) error {
		level, err := c.Level(ctx)
		if err != nil {
			return err
		}
		rows[i].Level = string(level)
		list, err := c.Changes(ctx)
		if now, ok := list.Find(fleet.ResourceLevel); ok {
			rows[i].Changed, rows[i].Reason, rows[i].Expires = true, now.Reason, timeOrNil(now.Expires)
		}
		return err
	})
	for i := range rows {
		rows[i].Service, rows[i].Instance = instances[i].Service, instances[i].ID
		if errs[i] != nil {
			rows[i].Error = errs[i].Error()
		}
	}
	if err := levelTable.Print(p, rows, nil); err != nil {
		return err
	}
	return noneAnswered(errs)
}

// eachController asks the control API of each instance in parallel, waits for each
// as long as one that many are asked beside deserves, and returns an error for each.
func eachController(ctx context.Context, f *Factory, instances []fleet.Instance, ask func(context.Context, int, fleet.Controller) error) []error {
	errs := make([]error, len(instances))
	plane, err := f.ControlPlane()
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	fleet.Each(len(instances), func(i int) {
		limited, cancel := context.WithTimeout(ctx, fleet.Patience)
		defer cancel()
		c, err := plane.Controller(limited, instances[i])
		if err == nil {
			err = ask(limited, i, c)
			_ = c.Close()
		}
		errs[i] = err
	})
	return errs
}

// noneAnswered is the first error where there is nothing else.
func noneAnswered(errs []error) error {
	for _, err := range errs {
		if err == nil {
			return nil
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errs[0]
}
