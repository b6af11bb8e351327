package commands

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// build is what gctl version tells.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func newVersion(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of gctl",
		Long: `Print the version of gctl, the commit and the Go release it was built from.

Exit codes: 0 done; 2 wrong usage.`,
		Example: `  gctl version
  gctl version -o json`,
		Args:        args(0, 0),
		Annotations: map[string]string{outputs: "table,json,jsonl,yaml"},
		RunE:        func(*cobra.Command, []string) error { return runVersion(f) },
	}
}

func runVersion(f *Factory) error {
	b := build{f.Version, f.Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH}
	p, err := f.Printer()
	if err != nil {
		return err
	}
	if p.Structured() {
		return p.Value(b)
	}
	_, err = fmt.Fprintf(f.Streams.Out, "gctl %s (%s, %s, %s/%s)\n", b.Version, b.Commit, b.Go, b.OS, b.Arch)
	return err
}
