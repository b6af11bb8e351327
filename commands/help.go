package commands

import (
	"strings"

	"github.com/spf13/cobra"
)

// newHelp replaces cobra's help command, which succeeds for commands that do
// not exist.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND...]",
		Short: "Print the help of a command",
		Long: `Print the help of a command, as its --help does.

Exit codes: 0 done; 2 no such command.`,
		Example: `  gctl help call
  gctl help context add`,
		ValidArgsFunction: completeCommands,
		RunE: func(cmd *cobra.Command, path []string) error {
			target := cmd.Root()
			for _, name := range path {
				next := subCommand(target, name)
				if next == nil {
					return unknownCommand(target, name)
				}
				target = next
			}
			target.InitDefaultHelpFlag() // so that it stands among the flags
			return target.Help()
		},
	}
}

func subCommand(parent *cobra.Command, name string) *cobra.Command {
	for _, c := range parent.Commands() {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

func completeCommands(cmd *cobra.Command, path []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	target := cmd.Root()
	for _, name := range path {
		if target = subCommand(target, name); target == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	var out []cobra.Completion
	for _, c := range target.Commands() {
		if c.IsAvailableCommand() && strings.HasPrefix(c.Name(), toComplete) {
			out = append(out, cobra.CompletionWithDesc(c.Name(), c.Short))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
