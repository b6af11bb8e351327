// Command bench measures gctl as its users meet it, whole processes, beside its
// peers in the same run, then the service and its kit, and writes the tables. It
// wants an idle machine; ratios count, not milliseconds.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	var o options
	flag.StringVar(&o.out, "out", "", "write the tables to this file, in which sections that are not measured stay (default: standard output)")
	flag.IntVar(&o.rounds, "rounds", 100, "runs of each process")
	flag.StringVar(&o.bin, "bin", "bin", "folder with gctl, userd and tools/{client,grpcurl}")
	flag.StringVar(&o.only, "only", "", "run this one section")
	flag.DurationVar(&o.soak, "soak", 10*time.Minute, "how long the section soak takes, which runs only where it is named")
	flag.BoolVar(&o.quick, "quick", false, "measure as little as can be, to try the sections of the service")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1) //nolint:gocritic // stop only restores the signal handler
	}
}

type options struct {
	bin, out, only string
	rounds         int
	soak           time.Duration
	quick          bool
}

// A part measures one section of the report.
type part struct {
	name    string
	measure func(context.Context, *bench, *report) error
	asked   bool // runs only where it is named
}

func parts() []part {
	return []part{
		{name: "start", measure: inWorld(measureStart)},
		{name: "call", measure: inWorld(measureCall)},
		{name: "name", measure: inWorld(measureByName)},
		{name: "completion", measure: inWorld(measureCompletion)},
		{name: "explain", measure: inWorld(measureExplain)},
		{name: "listing", measure: inWorld(measureListing)},
		{name: "health", measure: inWorld(measureHealth)},
		{name: "stream", measure: inWorld(measureStream)},
		{name: "trace", measure: measureTrace},
		{name: "why", measure: measureWhy},
		{name: "dash", measure: measureDash},
		{name: "store", measure: measureStore},
		{name: "chain", measure: measureChain},
		{name: "client", measure: measureClient},
		{name: "resolve", measure: measureResolve},
		{name: "eject", measure: measureEject},
		{name: "stopped", measure: measureStopped},
		{name: "rolling", measure: measureRolling},
		{name: "kill", measure: measureKill},
		{name: "soak", measure: measureSoak, asked: true},
	}
}

// bench is what the parts share.
type bench struct {
	options

	dir   string // for files
	world *world // of the sections about gctl; nil until the first of them
}

// inWorld makes a part of a section about gctl.
func inWorld(measure func(context.Context, *world, *report, int) error) func(context.Context, *bench, *report) error {
	return func(ctx context.Context, b *bench, r *report) (err error) {
		if b.world == nil {
			if b.world, err = newWorld(ctx, b.bin, b.dir); err != nil {
				return err
			}
		}
		return measure(ctx, b.world, r, b.rounds)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "gctl-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{options: o, dir: dir}
	defer func() { b.leaveWorld() }()
	table := newReport(o.rounds)
	known := false
	for _, p := range parts() {
		if o.only != p.name && (o.only != "" || p.asked) {
			continue
		}
		known = true
		fmt.Fprintf(os.Stderr, "measuring %s\n", p.name)
		if err := p.measure(ctx, b, table); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if !known {
		return fmt.Errorf("there is no section %q", o.only)
	}
	if o.out == "" {
		return table.write(os.Stdout)
	}
	return table.update(o.out)
}

func (b *bench) leaveWorld() {
	if b.world != nil {
		b.world.stop()
		b.world = nil
	}
}

// times returns n, or as few as can be for a quick run.
func (b *bench) times(n int) int {
	if b.quick {
		return min(n, 2)
	}
	return n
}
