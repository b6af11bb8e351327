package commands

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/reflection"
)

// completeMethods proposes the methods that were seen in earlier runs. It asks
// nobody, so it works without a network, and at once.
func completeMethods(f *Factory) completer {
	return func(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		cache, scope, ok := completionCache(f, cmd)
		if !ok {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return reflection.CompleteMethods(cache, scope, toComplete), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeSymbols proposes methods, gRPC services and the services of the
// catalog that have them, as they were seen in earlier runs.
func completeSymbols(f *Factory) completer {
	return func(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		cache, scope, ok := completionCache(f, cmd)
		if !ok {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names := slices.Concat(
			reflection.CompleteMethods(cache, scope, toComplete),
			startingWith(toComplete, reflection.SeenServices(cache, scope)),
		)
		slices.Sort(names)
		return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
	}
}

func completionCache(f *Factory, cmd *cobra.Command) (reflection.Cache, string, bool) {
	if applyEnv(f, cmd.Root()) != nil || f.Cache == nil {
		return nil, "", false
	}
	cache, err := f.Cache()
	if err != nil {
		return nil, "", false
	}
	scope, err := f.Scope()
	return cache, scope, err == nil
}
