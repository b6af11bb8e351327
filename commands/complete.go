package commands

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/rpc"
)

// completionTime is how long a shell waits for names from a catalog. Whoever
// presses TAB notices more than this.
const completionTime = 500 * time.Millisecond

// completer proposes words for one place of the command line.
type completer = func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective)

// firstOnly is a completer for commands with one argument.
func firstOnly(c completer) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c(cmd, args, toComplete)
	}
}

func completeServices(f *Factory) completer {
	return func(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if applyEnv(f, cmd) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return startingWith(toComplete, serviceNames(cmd.Context(), f)), cobra.ShellCompDirectiveNoFileComp
	}
}

// serviceNames returns the names that the catalog lists, or listed last if it
// does not answer in time.
func serviceNames(ctx context.Context, f *Factory) []string {
	catalog, err := f.Catalog()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	list, err := catalog.Services(ctx)
	if err != nil {
		return recall(f).Services
	}
	rememberServices(f, list)
	names := make([]string, 0, len(list.Services))
	for _, s := range list.Services {
		names = append(names, s.Name)
	}
	return names
}

// completeInstances proposes the instances of the service that the flag
// "service" names, of all services that are remembered where there is none.
func completeInstances(f *Factory) completer {
	return func(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if applyEnv(f, cmd) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		service, _ := cmd.Flags().GetString("service") // a command without the flag has no service
		return startingWith(toComplete, instanceIDs(cmd.Context(), f, service)), cobra.ShellCompDirectiveNoFileComp
	}
}

func instanceIDs(ctx context.Context, f *Factory, service string) []string {
	known := recall(f).Instances
	catalog, err := f.Catalog()
	if err != nil || service == "" {
		var all []string
		for _, ids := range known {
			all = append(all, ids...)
		}
		slices.Sort(all)
		return all
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	list, err := catalog.Instances(ctx, service)
	if err != nil {
		return known[service]
	}
	rememberInstances(f, list)
	return idsOf(list)
}

func completeContexts(f *Factory) completer {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		file, err := f.Config()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return startingWith(toComplete, file.Names()), cobra.ShellCompDirectiveNoFileComp
	}
}

func completeOutputs(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return startingWith(toComplete, formatsOf(cmd)), cobra.ShellCompDirectiveNoFileComp
}

func startingWith(prefix string, names []string) []cobra.Completion {
	var out []cobra.Completion
	for _, n := range names {
		if strings.HasPrefix(n, prefix) && term.CleanLine(n) == n { // a shell shows them as they are
			out = append(out, n)
		}
	}
	return out
}

// registerCompletions gives the flags whose values are names their completers.
// A command that has registered its own keeps it.
func registerCompletions(f *Factory, root *cobra.Command) {
	register := func(cmd *cobra.Command, flag string, c completer) {
		_ = cmd.RegisterFlagCompletionFunc(flag, c) // fails where there is no such flag or one was registered
	}
	register(root, "context", completeContexts(f))
	register(root, "output", completeOutputs)
	for _, flag := range []string{"addr", "tag", "datacenter", "namespace", "jq", "timeout"} {
		register(root, flag, cobra.NoFileCompletions)
	}
	for _, cmd := range below(root) {
		register(cmd, "instance", completeInstances(f))
		register(cmd, "service", completeServices(f))
		register(cmd, "yes-i-mean", completeContexts(f))
		register(cmd, "format", cobra.FixedCompletions([]cobra.Completion{"json", "text"}, cobra.ShellCompDirectiveNoFileComp))
		register(cmd, "protocol", cobra.FixedCompletions(rpc.Protocols(), cobra.ShellCompDirectiveNoFileComp))
		register(cmd, "compress", cobra.FixedCompletions([]cobra.Completion{"gzip"}, cobra.ShellCompDirectiveNoFileComp))
	}
}

// below returns all commands under one.
func below(cmd *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, c := range cmd.Commands() {
		all = append(append(all, c), below(c)...)
	}
	return all
}
