// Package commands is gctl's command tree: one file a command, each with an
// options struct, a constructor that parses, and a run that does the work.
//
// The frame around them is in root.go (the tree and one run of it), flags.go
// (the flags and variables that every command has), factory.go (what commands
// are given) and exit.go (how an error is told, and the exit code).
package commands

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/action"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/reflection"
)

// Factory holds what commands need, as functions, so that a command pays only
// for what it uses. Package main fills it in one place; tests fill it with
// what they are about.
type Factory struct {
	Streams *term.Streams
	Version string // of this build
	Commit  string
	Now     func() time.Time
	Getenv  func(string) string
	Global  Global // the flags every command has, parsed

	// Config reads the configuration file.
	Config func() (*config.File, error)
	// Context returns the selected context, flags and environment applied.
	Context func() (config.Context, error)
	// Catalog opens the catalog of the selected context.
	Catalog func() (fleet.Catalog, error)
	// Prober returns what asks instances for their health.
	Prober func(ProbeOptions) (fleet.Prober, error)
	// Channels returns what reads the channels and connections of instances.
	Channels func(ProbeOptions) (fleet.ChannelReader, error)
	// Metrics opens what tells how calls go, as MetricsFrom says: "" is Prometheus
	// where one answers, the instances' own metrics elsewhere.
	Metrics func(ctx context.Context, from string) (MetricsSource, error)
	// Querier opens what answers PromQL.
	Querier func(ctx context.Context) (fleet.Querier, error)
	// Cache opens the cache on disk.
	Cache func() (reflection.Cache, error)

	// Traces opens what keeps the traces of the selected context. Where none is
	// known the error says how to name one.
	Traces func(ctx context.Context) (fleet.TraceReader, error)
	// Collect starts a receiver of traces on this machine.
	Collect func(ctx context.Context, o CollectorOptions) (Collector, error)
	// ControlPlane opens the way to the control APIs of instances.
	ControlPlane func() (fleet.ControlPlane, error)
	// BreakerReaders opens what tells breakers, the source that knows most first.
	BreakerReaders func() ([]fleet.BreakerReader, error)
	// Actions opens the journal of what was changed from here.
	Actions func() (action.Journal, error)
	// Why returns what gctl why asks beside what other commands ask too, each a
	// function that opens it; nil where there is no more.
	Why func() *why.Sources
	// Sources lists what a store of the selected context runs, the catalog first.
	Sources func(ctx context.Context) ([]fleet.Source, error)
	// Reopen forgets what was opened, for another context.
	Reopen func()
	// Past lists who knows what happened before gctl looked, beside recordings.
	Past func(ctx context.Context) ([]fleet.EventReader, error)

	ctx context.Context //nolint:containedctx // of the command that runs, nil before it does
}

// Switch selects another context: what is opened from now on is of that.
func (f *Factory) Switch(name string) error {
	file, err := f.Config()
	if err != nil {
		return err
	}
	if _, err := file.Select(name); err != nil {
		return err
	}
	f.Global.Context, f.Global.Addr = name, ""
	if f.Reopen != nil {
		f.Reopen()
	}
	return nil
}

// Scope names what a cached fact about a service belongs to: the context with
// the address of --addr, whose way there the context says, or with what narrows
// its catalog. Facts of different scopes must not be mixed.
func (f *Factory) Scope() (string, error) {
	c, err := f.Context()
	if err != nil {
		return "", err
	}
	if f.Global.Addr != "" {
		return strings.Join([]string{"addr", c.Name, c.Proxy, f.Global.Addr}, "\x00"), nil
	}
	catalog := c.Catalog
	if catalog == "" {
		catalog = f.Getenv("CONSUL_HTTP_ADDR")
	}
	namespace := cmp.Or(f.Global.Namespace, f.Getenv("CONSUL_NAMESPACE"))
	return contextScope(c.Name, catalog, f.Global.Datacenter, namespace, f.Global.Tags...), nil
}

func contextScope(name, catalog, datacenter, namespace string, tags ...string) string {
	return strings.Join(append([]string{"context", name, catalog, datacenter, namespace}, tags...), "\x00")
}

// Printer returns what prints the answer of a command, as -o and --jq say.
func (f *Factory) Printer() (*output.Printer, error) {
	s := f.Streams
	p, err := output.New(output.Options{
		Out: s.Out, Format: output.Format(f.Global.Output), JQ: f.Global.JQ,
		TTY: s.OutTTY, Color: s.Color, Width: s.Width, Now: f.Now, Context: f.ctx, Clean: term.Clean,
	})
	if err != nil {
		return nil, &fleet.Error{Kind: fleet.Usage, What: err.Error()}
	}
	return p, nil
}

// Notef tells the user something beside the answer, on stderr.
func (f *Factory) Notef(format string, args ...any) {
	fmt.Fprintln(f.Streams.Err, term.CleanLine(fmt.Sprintf(format, args...)))
}

// Verbosef is Notef for those who asked for more with -v.
func (f *Factory) Verbosef(format string, args ...any) {
	if f.Global.Verbose {
		f.Notef(format, args...)
	}
}

// Evidence says with -v where an answer came from and what the source was
// asked.
func (f *Factory) Evidence(p fleet.Provenance) {
	age := f.Now().Sub(p.At).Round(time.Millisecond)
	f.Verbosef("from %s: %s, %s ago", p.Source, p.Query, age)
}
