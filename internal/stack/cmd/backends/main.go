// Command backends makes sure that every real backend of the tests is on this
// machine: it builds what is built and installs what the distribution has.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/gctl-dev/gctl/internal/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	for _, b := range stack.Backends() {
		path, err := stack.Ensure(ctx, b.Name, os.Stderr)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s\n", b.Name, path)
	}
	return stack.EnsurePackages(ctx, os.Stderr)
}
