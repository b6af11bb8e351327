package commands

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of gctl",
		Example: "  gctl version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(f.Streams.Out, "gctl %s (%s, %s, %s/%s)\n",
				f.Version, f.Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
