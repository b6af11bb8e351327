package commands

import (
	"context"

	"github.com/spf13/cobra"
)

// NewRoot builds the command tree over f.
func NewRoot(f *Factory) *cobra.Command {
	root := &cobra.Command{
		Use:           "gctl",
		Short:         "Find, call and understand gRPC services",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newVersion(f))
	return root
}

// Run parses args, runs the command and returns the exit code. Errors are
// printed to the factory's error stream.
func Run(ctx context.Context, f *Factory, args []string) int {
	root := NewRoot(f)
	root.SetArgs(args)
	root.SetIn(f.Streams.In)
	root.SetOut(f.Streams.Out)
	root.SetErr(f.Streams.Err)
	return exitCode(f, root.ExecuteContext(ctx))
}
