package commands

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
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
		if applyEnv(f, cmd.Root()) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return startingWith(toComplete, serviceNames(cmd.Context(), f)), cobra.ShellCompDirectiveNoFileComp
	}
}

// serviceNames returns the names that the catalog lists, nothing if it does not
// answer in time.
func serviceNames(ctx context.Context, f *Factory) []string {
	catalog, err := f.Catalog()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	list, err := catalog.Services(ctx)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(list.Services))
	for _, s := range list.Services {
		names = append(names, s.Name)
	}
	return names
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
		if strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	return out
}

// registerCompletions gives the global flags their completers.
func registerCompletions(f *Factory, root *cobra.Command) {
	for flag, c := range map[string]completer{
		"context": completeContexts(f),
		"output":  completeOutputs,
		"addr":    cobra.NoFileCompletions, "tag": cobra.NoFileCompletions, "datacenter": cobra.NoFileCompletions,
		"namespace": cobra.NoFileCompletions, "jq": cobra.NoFileCompletions, "timeout": cobra.NoFileCompletions,
	} {
		_ = root.RegisterFlagCompletionFunc(flag, c) // fails for flags that do not exist only
	}
}
