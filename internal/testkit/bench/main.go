// Command bench measures gctl as its users meet it, whole processes, beside its
// peers in the same run, and writes the table. It wants an idle machine; ratios
// count, not milliseconds.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	out := flag.String("out", "", "write the table to this file (default: standard output)")
	rounds := flag.Int("rounds", 100, "runs of each process")
	bin := flag.String("bin", "bin", "folder with gctl, userd and tools/{client,grpcurl}")
	only := flag.String("only", "", "run this one section")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *bin, *out, *only, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1) //nolint:gocritic // stop only restores the signal handler
	}
}

func run(ctx context.Context, bin, out, only string, rounds int) error {
	dir, err := os.MkdirTemp("", "gctl-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := newWorld(ctx, bin, dir)
	if err != nil {
		return err
	}
	defer w.stop()
	table := newReport(rounds)
	for _, section := range []struct {
		name    string
		measure func(context.Context, *world, *report, int) error
	}{
		{"start", measureStart},
		{"call", measureCall},
		{"name", measureByName},
		{"completion", measureCompletion},
		{"explain", measureExplain},
		{"listing", measureListing},
		{"stream", measureStream},
	} {
		if only != "" && only != section.name {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s\n", section.name)
		if err := section.measure(ctx, w, table, rounds); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
	}
	var sink io.Writer = os.Stdout
	if out != "" {
		file, err := os.Create(out)
		if err != nil {
			return err
		}
		defer file.Close()
		sink = file
	}
	return table.write(sink)
}
