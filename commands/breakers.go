package commands

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

type breakersOptions struct {
	f      *Factory
	caller string
	watch  bool
}

func newBreakers(f *Factory) *cobra.Command {
	o := &breakersOptions{f: f}
	cmd := &cobra.Command{
		Use:   "breakers [SERVICE]",
		Short: "List circuit breakers, the worst first",
		Long: `List the circuit breakers of a fleet. They live in the callers: with a SERVICE
those towards it and those in it, of --caller those in that service. Asked are the
instances of the catalog that say where their control API is, and those of the
services that are named.

A breaker that changed its state often in the last ten minutes is flapping,
whatever it says at this second. An override is an operator's decision, and
stands apart from the state: one that is forced_open refuses every call, whatever
its state would be by itself.

--watch goes on, with a line for each breaker that changes; its time is when gctl
saw it ("at" in JSON), since when the state is so stands at its end.

Exit codes: 0 done; 1 nobody could be asked; 2 wrong usage or an unknown service;
130 interrupted, which is how --watch ends.`,
		Example: `  gctl breakers
  gctl breakers user
  gctl breakers --caller edge --watch
  gctl breakers -o json --jq '.[] | select(.state != "closed" or .override != "none") | .caller + " " + .name'
  gctl breakers force-open user/read --ttl 10m`,
		Args:              limitsArgs,
		ValidArgsFunction: firstOnly(completeServices(f)),
		RunE: func(cmd *cobra.Command, given []string) error {
			service := ""
			if len(given) > 0 {
				service = given[0]
			}
			return o.run(cmd.Context(), service)
		},
	}
	cmd.Flags().StringVar(&o.caller, "caller", "", "only breakers in the instances of the service called `name`")
	watchFlag(cmd.Flags(), &o.watch, "go on, and show what changes,")
	_ = cmd.RegisterFlagCompletionFunc("caller", completeServices(f)) // there is this flag
	cmd.AddCommand(newForce(f, forceOpen), newForce(f, forceClose), newForce(f, forceNone))
	return cmd
}

// breakerRow is a breaker as JSON.
type breakerRow struct {
	Caller   string             `json:"caller"` // the instance
	Name     string             `json:"name"`
	Target   string             `json:"target"`
	State    fleet.BreakerState `json:"state"`
	Override fleet.Override     `json:"override"`
	Flapping bool               `json:"flapping"`
	Since    *time.Time         `json:"since"`
	Source   string             `json:"source"`
	Service  string             `json:"caller_service"`
	Trips    int64              `json:"trips"`
	Error    string             `json:"last_error"`
	Raw      string             `json:"raw,omitempty"`
}

var breakerTable = output.Rows[breakerRow]{
	Columns: []output.Column[breakerRow]{
		{Name: "CALLER", Cell: func(r breakerRow) output.Cell { return output.Text(r.Caller) }},
		{Name: "NAME", Cell: func(r breakerRow) output.Cell { return output.Text(r.Name) }},
		{Name: "TARGET", Cell: func(r breakerRow) output.Cell { return output.Text(r.Target) }},
		{Name: "STATE", Cell: breakerState},
		{Name: "OVERRIDE", Cell: overrideCell},
		{Name: "FLAPPING", Cell: func(r breakerRow) output.Cell {
			if r.Flapping {
				return output.Cell{Text: "flapping", Style: output.Bad}
			}
			return output.Cell{}
		}},
		{Name: "SINCE", Cell: func(r breakerRow) output.Cell { return timeCell(r.Since) }},
		{Name: "TRIPS", Wide: true, Right: true, Cell: func(r breakerRow) output.Cell { return output.Int(int(r.Trips)) }},
		{Name: "ERROR", Wide: true, Cell: func(r breakerRow) output.Cell { return output.Text(r.Error) }},
		{Name: "SOURCE", Wide: true, Cell: func(r breakerRow) output.Cell { return output.Text(r.Source) }},
	},
	Key: func(r breakerRow) string { return r.Name },
}

func breakerState(r breakerRow) output.Cell {
	c := output.Text(string(r.State))
	switch r.State {
	case fleet.BreakerClosed:
		if r.Override != fleet.ForcedOpen { // then it refuses every call all the same
			c.Style = output.Good
		}
	case fleet.BreakerOpen:
		c.Style = output.Bad
	case fleet.BreakerUnknown:
		c.Style = output.Faint
		if r.Raw != "" {
			c.Text += " (" + r.Raw + ")"
		}
	default:
		c.Style = output.Caution
	}
	return c
}

func overrideCell(r breakerRow) output.Cell {
	c := output.Text(string(r.Override))
	switch r.Override {
	case fleet.NotForced:
		c.Text = ""
	case fleet.ForcedOpen:
		c.Style = output.Bad
	default:
		c.Style = output.Caution
	}
	return c
}

func newBreakerRow(b *fleet.Breaker) breakerRow {
	return breakerRow{
		Caller: b.Caller.ID, Service: b.Caller.Service, Name: b.Name, Target: b.Target, State: b.State, Override: b.Override,
		Flapping: b.Flapping, Since: timeOrNil(b.Since), Source: b.Provenance.Source, Trips: b.Trips, Error: b.LastError, Raw: b.Raw,
	}
}

// rank orders breakers by how much they want to be looked at.
func rank(b *fleet.Breaker) int {
	switch {
	case b.State == fleet.BreakerOpen, b.Override == fleet.ForcedOpen:
		return 0
	case b.State == fleet.BreakerHalfOpen || b.State == fleet.BreakerThrottling:
		return 2
	case b.Flapping:
		return 3
	case b.Override == fleet.ForcedClosed:
		return 4
	case b.State == fleet.BreakerUnknown:
		return 5
	default:
		return 6
	}
}

func worstFirst(a, b fleet.Breaker) int {
	return cmp.Or(cmp.Compare(rank(&a), rank(&b)), cmp.Compare(a.Caller.Service, b.Caller.Service),
		cmp.Compare(a.Caller.ID, b.Caller.ID), cmp.Compare(a.Name, b.Name))
}

func (o *breakersOptions) run(ctx context.Context, service string) error {
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	if o.watch && (p.Format() == output.JSON || p.Format() == output.YAML) {
		return &fleet.Error{Kind: fleet.Usage, What: "--watch has no end, which JSON needs", Hint: "use -o jsonl"}
	}
	callers, rest, err := o.callers(ctx, service)
	if err != nil {
		return err
	}
	if o.watch {
		return watchBreakers(ctx, o.f, p, callers, service)
	}
	list, err := ReadBreakers(ctx, o.f, callers, rest, "")
	if err != nil {
		return err
	}
	found := about(list.Breakers, service)
	slices.SortFunc(found, worstFirst)
	missed := 0
	for _, m := range list.Missing {
		if slices.ContainsFunc(callers, func(in fleet.Instance) bool { return callerKey(&in) == callerKey(&m.Instance) }) {
			missed++
		}
	}
	if len(list.Breakers) == 0 && missed == len(callers) && len(list.Missing) > 0 && (missed > 0 || !lacksControl(list.Missing[0].Err)) {
		noteMissed(o.f, list.Missing[1:])
		return errors.Join(breakerTable.Print(p, nil, nil), list.Missing[0].Err)
	}
	noteMissed(o.f, list.Missing)
	rows, names := make([]breakerRow, len(found)), make([]string, len(found))
	for i := range found {
		rows[i], names[i] = newBreakerRow(&found[i]), found[i].Name
	}
	rememberResources(o.f, breakerNames, names)
	if len(rows) == 0 && missed < len(callers) {
		o.f.Notef("note: %s no breakers; one appears with the first call", plural(len(callers)-missed, "instance")+" that could be asked tell of")
	}
	return breakerTable.Print(p, rows, nil)
}

// callers are the instances whose breakers are wanted: those that may have a
// control API, and the rest, whose breakers only metrics can show.
func (o *breakersOptions) callers(ctx context.Context, service string) (able, rest []fleet.Instance, err error) {
	able, rest, err = breakerCallers(ctx, o.f, o.caller)
	for _, in := range rest {
		if service != "" && in.Service == service { // it may have a control API all the same
			able = append(able, in)
		}
	}
	rest = slices.DeleteFunc(rest, func(in fleet.Instance) bool { return in.Service == service })
	if err == nil && service != "" && !slices.ContainsFunc(able, func(in fleet.Instance) bool { return in.Service == service }) {
		_, err = operable(ctx, o.f, service) // which says that there is no such service
	}
	return able, rest, err
}

// breakerCallers are the instances of a service, or of all where it is empty, that
// may have a control API, and the rest.
func breakerCallers(ctx context.Context, f *Factory, service string) (able, rest []fleet.Instance, err error) {
	if service != "" || f.Global.Addr != "" {
		able, err = operable(ctx, f, service)
		return able, nil, err
	}
	all, err := searchInstances(ctx, f, nil)
	able, rest = SplitByAdmin(all)
	return able, rest, err
}

// SplitByAdmin parts those who say where their control API is from the rest.
func SplitByAdmin(all []fleet.Instance) (able, rest []fleet.Instance) {
	rest = make([]fleet.Instance, 0, len(all)) // of a large fleet most
	for i := range all {
		if all[i].Meta[fleet.MetaAdmin] != "" {
			able = append(able, all[i])
		} else {
			rest = append(rest, all[i])
		}
	}
	return able, rest
}

// about leaves the breakers towards a service and those in it; all where it is
// empty.
func about(list []fleet.Breaker, service string) []fleet.Breaker {
	if service == "" {
		return list
	}
	return slices.DeleteFunc(list, func(b fleet.Breaker) bool { return b.Target != service && b.Caller.Service != service })
}

// ReadBreakers asks the control APIs of those who may have one, and the metrics for
// those who have none and for the rest. Missing are all whom nobody answered for:
// with what the first source said, unless a later one failed that was to make up
// for a control API that is not there.
func ReadBreakers(ctx context.Context, f *Factory, able, rest []fleet.Instance, target string) (fleet.BreakerList, error) {
	readers, err := f.BreakerReaders()
	if err != nil {
		return fleet.BreakerList{}, err
	}
	var all fleet.BreakerList
	open := unanswered{}
	for i, r := range readers {
		if i == 1 {
			able = append(able, rest...)
		}
		if len(able) == 0 {
			continue
		}
		list, err := r.Breakers(ctx, able, target)
		if ctx.Err() != nil {
			return all, context.Cause(ctx)
		}
		if err != nil {
			for _, in := range able {
				open.failed(in, err)
			}
			continue
		}
		all.Breakers = append(all.Breakers, list.Breakers...)
		able = open.answered(able, list.Missing)
	}
	for i := range all.Breakers {
		delete(open, callerKey(&all.Breakers[i].Caller))
	}
	for _, key := range slices.Sorted(maps.Keys(open)) {
		all.Missing = append(all.Missing, open[key])
	}
	return all, nil
}

// unanswered are the callers of whose breakers nothing is known, and why.
type unanswered map[string]fleet.Missing

func callerKey(in *fleet.Instance) string { return in.Service + "\x00" + in.ID }

// failed remembers that the source failed that was asked about a caller.
func (u unanswered) failed(in fleet.Instance, err error) {
	if was, ok := u[callerKey(&in)]; !ok || lacksControl(was.Err) {
		u[callerKey(&in)] = fleet.Missing{Instance: in, What: "breakers", Err: err}
	}
}

// answered takes the answer about callers and returns those that it lacks.
func (u unanswered) answered(asked []fleet.Instance, missing []fleet.Missing) (left []fleet.Instance) {
	lacks := map[string]bool{}
	for _, m := range missing {
		key := callerKey(&m.Instance)
		lacks[key] = true
		if _, ok := u[key]; !ok { // the first source knows best why
			u[key] = m
		}
	}
	for _, in := range asked {
		if lacks[callerKey(&in)] {
			left = append(left, in)
		}
	}
	return left
}

// lacksControl tells whether an instance has no way to tell, and is not in trouble.
func lacksControl(err error) bool {
	return errors.Is(err, fleet.ErrNoControl) || errors.Is(err, fleet.ErrNoPart)
}

// noteMissed says who could not be asked, and once what is the same for many.
func noteMissed(f *Factory, missing []fleet.Missing) {
	without := 0
	told := map[string]bool{}
	for i := range missing {
		err := missing[i].Err
		if lacksControl(err) {
			without++
			f.Verbosef("note: %v", err)
		} else if !told[err.Error()] {
			told[err.Error()] = true
			f.Notef("note: %v", err)
		}
	}
	if without > 0 && !f.Global.Verbose {
		f.Notef("note: %s without a control API that could tell (-v names them)", plural(without, "instance"))
	}
}
