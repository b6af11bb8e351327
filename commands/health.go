package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/metadata"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/health"
	"github.com/gctl-dev/gctl/rpc"
)

const healthLong = `Ask every instance for its health (grpc.health.v1) and show it beside the
catalog's verdict, the worst first. Without SERVICE all services of the catalog
are asked; those that plainly speak another protocol are left out, with a note.

What an instance says: serving, not_serving, unimplemented (it has no health
service, or not this name), unreachable (no connection; the note names the
cause), timeout (no answer within --max-time), unknown. An instance whose catalog
says otherwise is marked "disagrees": clients that follow the catalog then call
one that does not serve, or leave out one that does.

A service is healthy if every instance serves; with --min-serving if that many
do. Instances in maintenance are shown but not counted, since an operator has
taken them out on purpose; a service of which nothing else is left is not
healthy. The catalog's verdict alone changes nothing, unless --agree is given.

--wait asks again until all is healthy, and takes a service that is not there for
one that is not there yet. --watch prints the present state and then a line for
each change, of new instances too, until ctrl-c.

-o json: {"healthy", "services": [{"service","healthy","serving","counted",
"maintenance","wanted"}], "instances": [{"service","id","address","version",
"name","catalog","grpc","agrees","latency_ms","error"}]}; latency_ms is null
without an answer. A line of --watch -o jsonl: {"at","service","id","address",
"name","catalog","from","to","error"}.

Exit codes: 0 healthy; 1 the catalog could not be asked; 2 wrong usage or an
unknown service; 3 not healthy; 130 interrupted, which is how --watch
ends.`

type healthOptions struct {
	f    *Factory
	conn connFlags

	services      []string
	names         []string
	list          bool
	maxTime       time.Duration
	wait          time.Duration
	watch         bool
	least         string
	unimplemented string
	agree         bool

	rule   health.Rule
	prober fleet.Prober
}

func newHealth(f *Factory) *cobra.Command {
	o := &healthOptions{f: f}
	cmd := &cobra.Command{
		Use:   "health [SERVICE...]",
		Short: "Ask the instances for their health, beside the catalog's verdict",
		Long:  healthLong,
		Example: `  gctl health
  gctl health user --min-serving 80%
  gctl health user --name user.v1.UserService
  gctl health user edge --wait 30s
  gctl health --watch -o jsonl
  gctl --addr 127.0.0.1:9090 health --names
  gctl health -o json --jq '.instances[] | select(.agrees | not) | .id'`,
		ValidArgsFunction: completeServices(f),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.services = args
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	o.conn.register(flags)
	flags.StringArrayVar(&o.names, "name", nil, "ask about the gRPC service called `name`, not the server as a whole (''); repeat it for several")
	flags.BoolVar(&o.list, "names", false, "ask about all names that the instance lists (Health/List), the server as a whole where it lists none")
	flags.Var((*seconds)(&o.maxTime), "max-time", "give up on an instance after this `duration`, connecting included (default 2s)")
	flags.Var((*seconds)(&o.wait), "wait", "ask again until all is healthy, for at most this `duration`")
	watchFlag(flags, &o.watch, "print each change")
	flags.StringVar(&o.least, "min-serving", "", "healthy is a service of which this `number or share` (2 or 80%) of the instances serve (default all)")
	flags.StringVar(&o.unimplemented, "unimplemented", "unhealthy", "what an instance without a health service is: `ok or unhealthy`")
	flags.BoolVar(&o.agree, "agree", false, "count an instance as serving only if the catalog agrees")
	_ = cmd.RegisterFlagCompletionFunc("unimplemented", cobra.FixedCompletions([]cobra.Completion{"ok", "unhealthy"}, cobra.ShellCompDirectiveNoFileComp))
	for _, flag := range []string{"name", "max-time", "wait", "min-serving"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
	return cmd
}

// ProbeOptions say how instances are asked about themselves.
type ProbeOptions struct {
	RPC     rpc.Options // Secret says that Headers hold credentials
	Headers metadata.MD
	Timeout time.Duration // for one instance, connecting included; 0: the source's default
}

// prepare reads the flags and opens the prober.
func (o *healthOptions) prepare(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := o.conn.adjust(&o.f.Global); err != nil {
		return err
	}
	cc, err := o.f.Context()
	if err != nil {
		return err
	}
	p := ProbeOptions{Timeout: o.maxTime}
	if p.RPC, err = o.conn.options(&cc); err != nil {
		return err
	}
	headers, err := o.conn.headerSet(ctx, &cc, o.f.Getenv)
	if err != nil {
		return err
	}
	p.Headers = headers.reflect
	o.prober, err = o.f.Prober(p)
	return err
}

func (o *healthOptions) check() error {
	contradiction := func(a, b string) error {
		return &fleet.Error{Kind: fleet.Usage, What: "--" + a + " contradicts --" + b, Hint: "leave one of them out"}
	}
	switch {
	case o.list && len(o.names) > 0:
		return contradiction("name", "names")
	case o.watch && o.wait > 0:
		return contradiction("watch", "wait")
	case o.watch && o.least != "":
		return contradiction("watch", "min-serving")
	case o.watch && o.list:
		return &fleet.Error{Kind: fleet.Usage, What: "--watch cannot follow a list of names", Hint: "name them: --name user.v1.UserService"}
	case o.unimplemented != "ok" && o.unimplemented != "unhealthy":
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("--unimplemented %q is neither ok nor unhealthy", o.unimplemented)}
	}
	o.rule = health.Rule{Unimplemented: o.unimplemented == "ok", Agree: o.agree}
	if o.least == "" {
		return nil
	}
	var err error
	if o.rule.Least, err = health.ParseLeast(o.least); err != nil {
		return &fleet.Error{Kind: fleet.Usage, What: "--min-serving", Err: err}
	}
	return nil
}

func (o *healthOptions) run(ctx context.Context) error {
	if err := o.prepare(ctx); err != nil {
		return err
	}
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	if o.watch {
		return o.follow(ctx, p)
	}
	var found *healthReport
	if o.wait > 0 {
		found, err = o.await(ctx)
	} else {
		found, err = o.ask(ctx, o.listed)
	}
	if err != nil {
		return err
	}
	found.note(o)
	if err := o.print(p, found); err != nil { //nolint:contextcheck // the printer has it
		return err
	}
	return found.verdict(o)
}
