package commands

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
)

// completeServicesAndInstances proposes both.
func completeServicesAndInstances(f *Factory) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		services, directive := completeServices(f)(cmd, args, toComplete)
		instances, _ := completeInstances(f)(cmd, args, toComplete)
		return append(services, instances...), directive
	}
}

// The kinds of names that are remembered of control APIs.
const (
	breakerNames = "breakers"
	limitNames   = "limits"
)

// completeResources proposes the names that were seen last: to ask for them takes
// longer than a shell waits.
func completeResources(f *Factory, kind string) completer {
	return func(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if applyEnv(f, cmd) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return startingWith(toComplete, recall(f).Resources[kind]), cobra.ShellCompDirectiveNoFileComp
	}
}

// rememberResources keeps the names of a kind for completion.
func rememberResources(f *Factory, kind string, seen []string) {
	if len(seen) == 0 {
		return
	}
	seen = slices.Clone(seen)
	slices.Sort(seen)
	remember(f, func(n *names) {
		if n.Resources == nil {
			n.Resources = map[string][]string{}
		}
		n.Resources[kind] = slices.Compact(seen)
	})
}

// noteMissing says who could not be asked; that an instance has no control API is
// said to those who want to know more.
func noteMissing(f *Factory, instances []fleet.Instance, errs []error) {
	missing := make([]fleet.Missing, 0, len(errs))
	for i, err := range errs {
		if err != nil {
			missing = append(missing, fleet.Missing{Instance: instances[i], Err: err})
		}
	}
	noteMissed(f, missing)
}
