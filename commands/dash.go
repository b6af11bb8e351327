package commands

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/tui"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
)

const dashLong = `Open the dashboard: every service with its health, breakers, calls and errors, the
one in trouble first; from there to its instances, methods and breakers, its traces,
and what is behind the trouble. "gctl" alone on a terminal opens it too.

? lists the keys of each screen, : opens the command line, / filters, q quits. One
time cursor (, and .) moves all panes to a moment in the past.

Exit codes: 0 quit; 1 it could not be shown; 2 wrong usage; 130 interrupted.`

type dashOptions struct {
	f      *Factory
	screen string
	window time.Duration
	theme  string
	ascii  bool
}

func newDash(f *Factory) *cobra.Command {
	o := &dashOptions{f: f, window: time.Hour}
	cmd := &cobra.Command{
		Use:   "dash",
		Short: "Open the dashboard",
		Long:  dashLong,
		Example: `  gctl dash
  gctl dash --screen service/user --window 15m
  gctl dash --context prod --theme light`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.register(cmd)
	return cmd
}

func (o *dashOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.screen, "screen", "", "open this `place` first: services, service/NAME, ...")
	cmd.Flags().Var((*seconds)(&o.window), "window", "how far charts and searches go back: this `duration`")
	cmd.Flags().StringVar(&o.theme, "theme", "", "show it in this `theme`: auto, dark, light, high-contrast, 16 or none")
	cmd.Flags().BoolVar(&o.ascii, "ascii", false, "draw with ASCII only")
	_ = cmd.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions(theme.Names(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

func (o *dashOptions) run(ctx context.Context) error {
	f := o.f
	if !f.Streams.InTTY || !f.Streams.OutTTY {
		return &fleet.Error{Kind: fleet.Usage, What: "the dashboard needs a terminal", Hint: "gctl services, gctl health and gctl why answer in a pipe too"}
	}
	for {
		err := o.once(ctx)
		var other *tui.SwitchError
		if !errors.As(err, &other) {
			return err
		}
		if err := o.f.Switch(other.Context); err != nil {
			return err
		}
	}
}

// once shows the dashboard of one context.
func (o *dashOptions) once(ctx context.Context) error {
	f := o.f
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options, err := o.options(ctx)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, f)
	if err != nil {
		return err
	}
	defer store.Close()
	options.Store = store
	return tui.Run(ctx, options)
}

func (o *dashOptions) options(ctx context.Context) (tui.Options, error) {
	f := o.f
	c, err := f.Context()
	if err != nil {
		return tui.Options{}, err
	}
	file, err := f.Config()
	if err != nil {
		return tui.Options{}, err
	}
	if o.theme != "" && !theme.Known(o.theme) {
		return tui.Options{}, &fleet.Error{Kind: fleet.Usage, What: "no theme " + o.theme, Hint: "themes: auto, dark, light, high-contrast, 16, none"}
	}
	name := o.theme
	if name == "" && f.Global.NoColor {
		name = "none"
	}
	return tui.Options{
		Env: o.env(ctx), Now: f.Now, Context: c.Name, Labels: map[string]string{fleet.CatalogFeed: catalogLabel(f)},
		ReadOnly: c.ReadOnly, Protected: c.Protected, Contexts: file.Names(),
		Place: o.screen, Window: o.window, Theme: name, ASCII: o.ascii,
		In: f.Streams.In, Out: f.Streams.Out, Environ: os.Environ(),
	}, nil
}

// catalogLabel is what a user calls the catalog.
func catalogLabel(f *Factory) string {
	c, err := f.Context()
	switch scheme := schemeOf(c.Catalog); {
	case err != nil:
		return "catalog"
	case f.Global.Addr != "":
		return "instance"
	case scheme == "file", scheme == "dns":
		return scheme
	default:
		return "consul"
	}
}

func schemeOf(url string) string {
	for i, r := range url {
		if r == ':' {
			return url[:i]
		}
	}
	return ""
}

// env is what screens may ask.
func (o *dashOptions) env(context.Context) screen.Env {
	f := o.f
	return screen.Env{
		Metrics: func(ctx context.Context) (fleet.MetricsReader, error) {
			s, err := f.Metrics(ctx, "")
			if err != nil {
				return nil, err
			}
			return s.Reader, nil
		},
		Identity: func(instances []fleet.Instance) *fleet.Identity {
			c, err := f.Context()
			if err != nil {
				return nil
			}
			return fleet.NewIdentity(fleet.IdentityOptions{Instances: slices.Clone(instances), Map: NamesOf(c)})
		},
		Traces: func(ctx context.Context) (fleet.TraceReader, error) { return openNamedTraces(ctx, f) },
		Events: func(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error) {
			return pastEvents(ctx, f, service, since, until)
		},
		Why: func(ctx context.Context, service string, at time.Time) (*why.Report, error) {
			w := &whyOptions{f: f}
			sources, err := w.sources(ctx)
			if err != nil {
				return nil, err
			}
			report, _, err := why.Run(ctx, sources, why.Options{Service: service, At: at, Now: f.Now})
			return report, err
		},
	}
}
