package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
)

const rootLong = `gctl finds gRPC services, calls them and explains why that does not work. Alone on
a terminal it opens the dashboard ("gctl dash"); in a pipe it prints this help.

The services come from the catalog of the current context (see "gctl context
--help"); without a configuration that is the Consul agent at its default
address. With --addr there is no catalog, just the instance at that address.

Flags beat environment variables, variables beat the configuration file. Each
of the flags that every command has can be set by a variable: GCTL_ and its
name, as in GCTL_CONTEXT, GCTL_ADDR, GCTL_OUTPUT or GCTL_NO_COLOR. Consul's own
variables (CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN, ...) are honoured.

Exit codes: 0 done; 1 gctl could not do it; 2 wrong usage or an unknown name;
3 the answer is no; 64+code an RPC ended with that gRPC status; 130 interrupted.`

// NewRoot builds the command tree over f.
func NewRoot(f *Factory) *cobra.Command {
	root := &cobra.Command{
		Use:   "gctl",
		Short: "Find, call and understand gRPC services",
		Long:  rootLong,
		Example: `  gctl services
  gctl instances user
  gctl call UserService.GetUser -d '{"id":"u-1"}'
  gctl --addr 127.0.0.1:9090 describe
  gctl doctor`,
		SilenceErrors:      true,
		SilenceUsage:       true,
		DisableSuggestions: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.Streams.InTTY && f.Streams.OutTTY {
				return (&dashOptions{f: f}).run(cmd.Context())
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	f.Global.register(root.PersistentFlags())
	root.AddCommand(
		newServices(f),
		newInstances(f),
		newHealth(f),
		newCheck(f),
		newContext(f),
		newDoctor(f),
		newCompletion(f),
		newCall(f),
		newDescribe(f),
		newExplain(f),
		newWhy(f),
		newChannelz(f),
		newTraces(f),
		newTrace(f),
		newMetrics(f),
		newQuery(f),
		newBreakers(f),
		newLimits(f),
		newQuarantine(f),
		newRelease(f),
		newLoglevel(f),
		newFault(f),
		newDrain(f),
		newActions(f),
		newUndo(f),
		newDash(f),
		newDemo(f),
		newEvents(f),
		newRecord(f),
		newVersion(f),
	)
	root.SetHelpCommand(newHelp())
	registerCompletions(f, root)
	return root
}

// Run parses args, runs the command and returns the exit code. Errors are
// printed to the factory's error stream. When ctx ends, the command was
// interrupted.
func Run(ctx context.Context, f *Factory, args []string) int {
	return runRoot(ctx, f, NewRoot(f), args) //nolint:contextcheck // commands and completers get it when they run
}

func runRoot(ctx context.Context, f *Factory, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	root.SetIn(f.Streams.In)
	root.SetOut(f.Streams.Out)
	root.SetErr(f.Streams.Err)
	r := &run{f: f, root: root}
	r.wrap(root) //nolint:contextcheck // the wrapper takes the context of the command it runs in
	err := root.ExecuteContext(ctx)
	if err != nil && !r.started {
		err = r.usage(err, args)
	}
	return tell(ctx, f, err)
}

// run is one run of the tree. It surrounds the command's own function with what
// all commands have in common.
type run struct {
	f       *Factory
	root    *cobra.Command
	started bool // what fails before is the usage
}

var errTimeout = errors.New("the time of --timeout is over")

func (r *run) wrap(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		r.wrap(c)
	}
	inner := cmd.RunE
	if inner == nil {
		return
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := r.prepare(cmd); err != nil {
			return err
		}
		r.started = true
		if watches(cmd) {
			return r.whileRead(cmd, args, inner)
		}
		return r.within(cmd, args, inner)
	}
}

// within runs the command for as long as --timeout allows.
func (r *run) within(cmd *cobra.Command, args []string, inner func(*cobra.Command, []string) error) error {
	r.f.ctx = cmd.Context()
	limit := r.f.Global.Timeout
	if limit <= 0 {
		return inner(cmd, args)
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), limit, errTimeout)
	defer cancel()
	cmd.SetContext(ctx)
	r.f.ctx = ctx
	return timedOut(ctx, limit.String(), inner(cmd, args))
}

var errUnread = errors.New("nobody reads the answer any more")

// whileRead runs a command that may write nothing for long, and ends it when nobody
// reads what it writes any more.
func (r *run) whileRead(cmd *cobra.Command, args []string, inner func(*cobra.Command, []string) error) error {
	ctx, cancel := context.WithCancelCause(cmd.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if r.f.Streams.AwaitClosed(ctx) {
			cancel(errUnread)
		}
	}()
	cmd.SetContext(ctx)
	err := r.within(cmd, args, inner)
	unread := errors.Is(context.Cause(ctx), errUnread)
	cancel(nil)
	<-watched
	if unread {
		return nil
	}
	return err
}

// watchFlag adds --watch, which is the same everywhere.
func watchFlag(flags *pflag.FlagSet, watch *bool, usage string) {
	flags.BoolVarP(watch, "watch", "w", false, usage+" until ctrl-c")
}

func watches(cmd *cobra.Command) bool {
	on, err := cmd.Flags().GetBool("watch")
	return err == nil && on
}

// firmNoError is a no that more time would not change.
type firmNoError struct{ error }

// Unwrap returns the no.
func (n firmNoError) Unwrap() error { return n.error }

// timedOut says that it was the command's own limit that ended it. An RPC that
// ended by it keeps its status, and a no that is known stays one.
func timedOut(ctx context.Context, limit string, err error) error {
	var status exitCoder
	if err == nil || !errors.Is(context.Cause(ctx), errTimeout) || errors.As(err, &status) {
		return err
	}
	told := &fleet.Error{What: "not done within " + limit, Err: err, Hint: "give it longer by --timeout"}
	if _, ok := errors.AsType[firmNoError](err); ok {
		told.Kind = fleet.Negative
	}
	return told
}

func (r *run) prepare(cmd *cobra.Command) error {
	if err := applyEnv(r.f, cmd); err != nil {
		return err
	}
	if r.f.Global.NoColor {
		r.f.Streams.Color = false
	}
	if r.f.Global.Timeout < 0 {
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("--timeout %s is negative", r.f.Global.Timeout)}
	}
	return checkOutput(r.f, cmd)
}

// usage turns what cobra and pflag found wrong into an error with a hint.
func (r *run) usage(err error, args []string) error {
	if r.f.Global.Output == "" { // parsing may not have come that far
		r.f.Global.Output = cmp.Or(formatArg(args), r.f.Getenv(variable("output")))
	}
	var e *fleet.Error
	if errors.As(err, &e) {
		return err
	}
	var name string
	if n, _ := fmt.Sscanf(err.Error(), "unknown command %q", &name); n == 1 {
		return unknownCommand(r.root, name)
	}
	return &fleet.Error{Kind: fleet.Usage, What: err.Error(), Hint: "see gctl --help"}
}

// formatArg finds the value of -o among args that could not be parsed.
func formatArg(args []string) string {
	for i, a := range args {
		for _, name := range []string{"-o", "--output"} {
			rest, ok := strings.CutPrefix(a, name)
			switch {
			case !ok:
			case rest == "" && i+1 < len(args):
				return args[i+1]
			case name == "-o" || strings.HasPrefix(rest, "="):
				return strings.TrimPrefix(rest, "=")
			}
		}
	}
	return ""
}
