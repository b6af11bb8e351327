package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/action"
)

type limitOptions struct {
	changeFlags
	f        *Factory
	service  string
	instance string
	release  bool
	want     fleet.LimitSettings
}

func newLimitsSet(f *Factory) *cobra.Command {
	o := &limitOptions{f: f}
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change a limit for a while",
		Long: `Change the settings of a limit in every instance of a service, or in one, for a
while. What no flag says stays as it is in each instance.

` + changeExits,
		Example: `  gctl limits set rate/default --service user --rate 50 --burst 10 --ttl 10m
  gctl limits set concurrency --instance user-3 --min 4 --max 4
  gctl limits set rate/default --service user --shadow`,
		Args:              args(1, 1),
		ValidArgsFunction: firstOnly(completeResources(f, limitNames)),
		RunE:              func(cmd *cobra.Command, given []string) error { return o.run(cmd.Context(), given[0]) },
	}
	flags := cmd.Flags()
	o.registerTTL(flags, 30*time.Minute)
	o.where(cmd)
	flags.Float64Var(&o.want.Rate, "rate", 0, "of a rate: accept this `number` of calls a second of each caller")
	flags.Int64Var(&o.want.Burst, "burst", 0, "of a rate: accept this `number` of calls at once")
	flags.Int64Var(&o.want.MinConcurrency, "min", 0, "of a concurrency: accept at least this `number` of calls in flight")
	flags.Int64Var(&o.want.MaxConcurrency, "max", 0, "of a concurrency: accept at most this `number` of calls in flight")
	flags.BoolVar(&o.want.Shadow, "shadow", false, "count what would be rejected, and let it in")
	return cmd
}

func newLimitsRelease(f *Factory) *cobra.Command {
	o := &limitOptions{f: f, release: true}
	cmd := &cobra.Command{
		Use:   "release NAME",
		Short: "Put a limit back to what is configured",
		Long: `Put a limit back to what is configured, in every instance of a service or in one,
whoever changed it.

` + changeExits,
		Example:           `  gctl limits release rate/default --service user`,
		Args:              args(1, 1),
		ValidArgsFunction: firstOnly(completeResources(f, limitNames)),
		RunE:              func(cmd *cobra.Command, given []string) error { return o.run(cmd.Context(), given[0]) },
	}
	o.register(cmd.Flags())
	o.where(cmd)
	return cmd
}

func (o *limitOptions) where(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.service, "service", "", "in the instances of the service called `name`")
	cmd.Flags().StringVar(&o.instance, "instance", "", "only in the instance called `id`")
}

// settings are those flags that were given, and their names.
func (o *limitOptions) given() []string {
	var given []string
	for _, name := range []string{"rate", "burst", "min", "max", "shadow"} {
		if o.flags.Changed(name) {
			given = append(given, name)
		}
	}
	return given
}

// over is the present settings with what the flags say.
func (o *limitOptions) over(now fleet.LimitSettings) fleet.LimitSettings {
	for _, name := range o.given() {
		switch name {
		case "rate":
			now.Rate = o.want.Rate
		case "burst":
			now.Burst = o.want.Burst
		case "min":
			now.MinConcurrency = o.want.MinConcurrency
		case "max":
			now.MaxConcurrency = o.want.MaxConcurrency
		case "shadow":
			now.Shadow = o.want.Shadow
		}
	}
	return now
}

func (o *limitOptions) run(ctx context.Context, name string) error {
	if !o.release && len(o.given()) == 0 {
		return &fleet.Error{Kind: fleet.Usage, What: "no setting is given", Hint: "for example --rate 50 --burst 10, or --min 4 --max 4, or --shadow"}
	}
	if err := o.gate(o.f); err != nil {
		return err
	}
	instances, err := o.instances(ctx)
	if err != nil {
		return err
	}
	operator, err := newOperator(o.f)
	if err != nil {
		return err
	}
	c := &change{changeFlags: &o.changeFlags, f: o.f, operator: operator, release: o.release, command: "limits set " + name}
	if o.release {
		c.command = "limits release " + name
	}
	if c.steps, err = o.steps(ctx, name, instances); err != nil {
		return err
	}
	c.what = fmt.Sprintf("change the limit %s in %s", name, plural(len(c.steps), "instance"))
	if o.release {
		c.what = fmt.Sprintf("put the limit %s back as configured in %s", name, plural(len(c.steps), "instance"))
	}
	return c.perform(ctx)
}

func (o *limitOptions) instances(ctx context.Context) ([]fleet.Instance, error) {
	switch {
	case o.instance != "":
		in, err := findInstance(ctx, o.f, o.instance, o.service)
		return []fleet.Instance{in}, err
	case o.service == "" && o.f.Global.Addr == "":
		return nil, &fleet.Error{Kind: fleet.Usage, What: "it is not said where", Hint: "--service NAME, or --instance ID"}
	default:
		return operable(ctx, o.f, o.service)
	}
}

// steps reads the limit in each instance, where it is there. Where nobody who
// answers has it, those who do not answer are not blamed.
func (o *limitOptions) steps(ctx context.Context, name string, instances []fleet.Instance) ([]action.Step, error) {
	limits, _, errs := readLimits(ctx, o.f, instances)
	var steps []action.Step
	var known []string
	var there, lacking bool
	for i := range instances {
		step := action.Step{
			Instance: instances[i], Wish: fleet.Wish{Resource: fleet.ResourceLimit + name, Release: o.release},
			Err: errs[i], // without the settings of now there is nothing that could be sent
		}
		at := slices.IndexFunc(limits[i], func(l fleet.Limit) bool { return l.Name == name })
		switch {
		case errs[i] == nil && at >= 0:
			there = true
			step.Wish.Limit = o.over(limits[i][at].Settings)
		case errs[i] == nil:
			lacking = true
			for j := range limits[i] {
				known = append(known, limits[i][j].Name)
			}
			continue
		}
		steps = append(steps, step)
	}
	if there || !lacking && len(steps) > 0 {
		return steps, nil
	}
	slices.Sort(known)
	known = slices.Compact(known)
	hint := "the limits are: " + strings.Join(known, ", ")
	if len(known) == 0 {
		hint = "they have no limits at all"
	}
	return nil, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("no instance has a limit %q", name), Hint: didYouMean(name, known, "") + hint}
}
