// Command whyeval measures how often package why names the right cause in the
// simulated world, and how often it cries wolf.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/gctl-dev/gctl/ops/why/whytest"
)

func main() {
	seeds := flag.Int("seeds", 20, "worlds of each fault")
	healthy := flag.Int("healthy", 200, "worlds in which nothing is wrong")
	first := flag.Uint64("first", 20001, "the first seed")
	verbose := flag.Bool("v", false, "tell each wrong verdict")
	flag.Parse()
	result, err := whytest.Evaluate(context.Background(), *seeds, *healthy, *first)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	result.Print(os.Stdout, *verbose)
	if !result.Good() {
		os.Exit(3)
	}
}
