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
)

const metricsLong = `Show rate, errors and durations (RED) of the calls of a service, or of all of
them, over a window: calls a second, the share that failed, and the durations
that 50, 95 and 99 % did not exceed.

The numbers come from Prometheus, from whatever gRPC metrics the services export
(docs/understands.md lists them). Where no Prometheus answers they come from the
instances' own /metrics, read twice within two seconds, and gctl says so. A window
that is longer than Prometheus has read the targets is cut to that, and said.

Errors are the codes that a caller can do nothing about: UNKNOWN,
DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS and
RESOURCE_EXHAUSTED. What is not known is "-" in the table, null in JSON, and the
reason is beside it; it is never 0.

--side client shows how the callers of the service fared, --by caller each of
them. Where the context states an objective (slo), the table has what is left of
its error budget, and the burn rate: 1 spends the budget in exactly its window.

--since prints the values over time, best as -o csv or json.

Exit codes: 0 done, also where nothing is known; 1 neither the catalog nor any
source of metrics could be asked; 2 wrong usage or an unknown service; 130
interrupted, which is how --watch ends.`

type metricsOptions struct {
	f       *Factory
	service string
	by      []string
	side    string
	from    string
	window  time.Duration
	since   time.Duration
	step    time.Duration
	watch   bool
	columns redColumns
}

func newMetrics(f *Factory) *cobra.Command {
	o := &metricsOptions{f: f}
	cmd := &cobra.Command{
		Use:   "metrics [SERVICE]",
		Short: "Show rate, errors and durations of calls",
		Long:  metricsLong,
		Example: `  gctl metrics
  gctl metrics user --by method
  gctl metrics user --by instance --window 1m --watch
  gctl metrics user --side client --by caller
  gctl metrics user --since 6h --step 5m -o csv
  gctl metrics -o json --jq '.[] | select(.error_ratio > 0.01) | .service'`,
		Args:              args(0, 1),
		ValidArgsFunction: firstOnly(completeServices(f)),
		Annotations:       map[string]string{outputs: "table,json,jsonl,yaml,name,wide,csv"},
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) > 0 {
				o.service = given[0]
			}
			if cmd.Flags().Changed("since") && o.since <= 0 {
				return &fleet.Error{Kind: fleet.Usage, What: "--since 0 is no time ago", Hint: "--since 1h"}
			}
			return o.run(cmd.Context(), cmd.Flags().Changed("side"))
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.by, "by", nil, "split the numbers by `method`, instance or caller, or several of them")
	flags.StringVar(&o.side, "side", "server", "calls as the `side` counted them that serves or that calls: server or client")
	flags.StringVar(&o.from, "from", "", "ask this `source` only: prometheus or instances (default prometheus where it answers)")
	flags.Var((*seconds)(&o.window), "window", "look at the last `duration` of calls (default 5m; from instances, the time between the reads)")
	flags.Var((*seconds)(&o.since), "since", "print values over time, for the last `duration`")
	flags.Var((*seconds)(&o.step), "step", "with --since, the `duration` between two values (default a sixtieth of it)")
	watchFlag(flags, &o.watch, "show the numbers again and again")
	fixed := func(words ...string) completer {
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	_ = cmd.RegisterFlagCompletionFunc("by", fixed("method", "instance", "caller"))
	_ = cmd.RegisterFlagCompletionFunc("side", fixed("server", "client"))
	_ = cmd.RegisterFlagCompletionFunc("from", fixed(FromPrometheus, FromInstances))
	for _, name := range []string{"window", "since", "step"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

// maxPoints bounds a range: Prometheus itself refuses more than 11,000.
const maxPoints = 5000

func (o *metricsOptions) run(ctx context.Context, sideGiven bool) error {
	if err := o.check(sideGiven); err != nil {
		return err
	}
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	q, err := o.query(ctx)
	if err != nil {
		return err
	}
	if o.since > 0 { // the instances themselves have no past
		source, err := o.f.Metrics(ctx, o.from)
		if err != nil {
			return err
		}
		return o.printRange(ctx, p, source, q)
	}
	source, err := openMetrics(ctx, o.f, o.from)
	if err != nil {
		return err
	}
	switch {
	case o.watch:
		return o.watchRows(ctx, p, source, q)
	default:
		rows, err := o.read(ctx, p, source, q)
		if err != nil {
			return err
		}
		return o.layout(rows, false).Print(p, rows, nil)
	}
}

// check refuses what contradicts itself, before anybody is asked.
func (o *metricsOptions) check(sideGiven bool) error {
	bad := func(hint, format string, args ...any) error {
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf(format, args...), Hint: hint}
	}
	dimensions := []string{string(fleet.ByMethod), string(fleet.ByInstance), string(fleet.ByCaller)}
	for _, by := range o.by {
		if !slices.Contains(dimensions, by) {
			return bad(didYouMean(by, dimensions, "")+"known: "+strings.Join(dimensions, ", "), "--by %q is nothing to split by", by)
		}
	}
	if o.side != string(fleet.ServerSide) && o.side != string(fleet.ClientSide) {
		return bad("server or client", "--side %q is no side", o.side)
	}
	if o.from != "" && o.from != FromPrometheus && o.from != FromInstances {
		return bad("prometheus or instances", "--from %q is no source", o.from)
	}
	if !sideGiven && slices.Contains(o.by, string(fleet.ByCaller)) {
		o.side = string(fleet.ClientSide) // servers seldom know who calls
	}
	switch {
	case o.f.Global.Output == string(output.CSV) && o.since == 0:
		return bad("add --since 1h", "-o csv is for values over time")
	case o.since > 0 && o.watch:
		return bad("leave out one of them", "--since and --watch contradict each other")
	case o.step > 0 && o.since == 0:
		return bad("add --since 1h", "--step is for values over time")
	case o.step > 0 && o.since/o.step > maxPoints:
		return bad("a wider --step", "%s in steps of %s are more than %d values", o.since, o.step, maxPoints)
	}
	return nil
}

// query lists whom the question is about.
func (o *metricsOptions) query(ctx context.Context) (fleet.REDQuery, error) {
	c, err := o.f.Context()
	if err != nil {
		return fleet.REDQuery{}, err
	}
	q := fleet.REDQuery{Service: o.service, Side: fleet.Side(o.side), Window: o.window}
	for _, by := range o.by {
		q.By = append(q.By, fleet.Dimension(by))
	}
	if o.f.Global.Addr != "" && q.Service == "" {
		q.Service = o.f.Global.Addr
	}
	q.Instances, err = instancesFor(ctx, o.f, q.Service, q.Side == fleet.ClientSide)
	if err != nil {
		return q, err
	}
	q.Identity = fleet.NewIdentity(fleet.IdentityOptions{Instances: q.Instances, Map: NamesOf(c)})
	return q, nil
}
