package commands

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print what makes a shell complete gctl's commands and names",
		Long: `Print the completion script of a shell: bash, zsh, fish or powershell. It
completes commands, flags, and the names of services, instances, methods and
contexts, from memory where the catalog does not answer.

To install it for good:
  bash        gctl completion bash > ~/.local/share/bash-completion/completions/gctl
  zsh         gctl completion zsh > "${fpath[1]}/_gctl"
  fish        gctl completion fish > ~/.config/fish/completions/gctl.fish
  powershell  gctl completion powershell >> $PROFILE

Exit codes: 0 done; 2 no such shell.`,
		Example: `  gctl completion bash > ~/.local/share/bash-completion/completions/gctl
  source <(gctl completion zsh)`,
		Args:      args(1, 1),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, given []string) error {
			root, out := cmd.Root(), f.Streams.Out
			switch given[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return &fleet.Error{
				Kind: fleet.Usage, What: fmt.Sprintf("no completion for the shell %q", given[0]),
				Hint: didYouMean(given[0], shells, "") + "bash, zsh, fish or powershell",
			}
		},
	}
}
