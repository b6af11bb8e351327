package commands

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/demo"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/tui"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/invoke"
	"github.com/gctl-dev/gctl/tui/theme"
)

const dashLong = `Open the dashboard: every service with its health, breakers, calls and errors, the
one in trouble first; from there to its instances, methods and breakers, its traces,
and what is behind the trouble. "gctl" alone on a terminal opens it too.

With --replay an incident that was recorded is looked at again: < and > step through
its states, , and . move the time cursor. R records what is seen from now on.

With --snapshot one frame is printed instead, as text, with its colours (ansi) or as
data (json), for scripts, chats and documents.

With --plain there is no screen: how the fleet stands, and then each change, are
lines of text, the newest last; of many changes at once it is told how many there
were. It works in a pipe too, with --screen service/NAME for one service, and with
--replay for what happened in a recording.

? lists the keys of each screen, : opens the command line, / filters, q quits. One
time cursor (, and .) moves all panes to a moment in the past.

Exit codes: 0 quit; 1 it could not be shown; 2 wrong usage; 130 interrupted.`

type dashOptions struct {
	f      *Factory
	screen string
	window time.Duration
	theme  string
	ascii  bool
	shot   bool
	record string
	note   string // what is said first
	replay string
	size   string
	plain  bool
	views  keptViews
	story  string        // what the guide says that there is to be seen
	pace   time.Duration // how often the metrics of a demo are read, unless the configuration says it; 0: as usual
}

func newDash(f *Factory) *cobra.Command {
	o := &dashOptions{f: f}
	cmd := &cobra.Command{
		Use:   "dash",
		Short: "Open the dashboard",
		Long:  dashLong,
		Example: `  gctl dash
  gctl dash --screen service/user --window 15m
  gctl dash --context prod --theme light
  gctl dash --record incident
  gctl dash --replay incident
  gctl dash --plain
  gctl dash --plain --screen service/user
  gctl dash --snapshot -o text
  gctl dash --snapshot --screen service/user -o json --jq .data`,
		Args:        args(0, 0),
		Annotations: map[string]string{outputs: "text,ansi,json"},
		RunE:        func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.register(cmd)
	return cmd
}

func (o *dashOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.screen, "screen", "", "open this `place` first: services, service/NAME, ...")
	cmd.Flags().Var((*seconds)(&o.window), "window", "how far charts and searches go back: this `duration` instead of 1h")
	cmd.Flags().StringVar(&o.theme, "theme", "", "show it in this `theme`: auto, dark, light, high-contrast, 16 or none")
	cmd.Flags().BoolVar(&o.ascii, "ascii", false, "draw with ASCII only")
	cmd.Flags().BoolVar(&o.shot, "snapshot", false, "print one frame when all sources have answered, and exit")
	cmd.Flags().BoolVar(&o.plain, "plain", false, "tell what changes as lines of text, for a screen reader, a pipe or a log")
	cmd.Flags().StringVar(&o.size, "size", "", "how large the frame of --snapshot is: `WIDTHxHEIGHT` instead of the terminal's, or 120x40")
	cmd.Flags().StringVar(&o.record, "record", "", "record what changes to this `folder`, for --replay")
	cmd.Flags().StringVar(&o.replay, "replay", "", "show what was recorded: `path` of a recording, a folder or a file of gctl record export")
	_ = cmd.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions(theme.Names(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

func (o *dashOptions) run(ctx context.Context) error {
	f := o.f
	if o.plain {
		return o.plainly(ctx)
	}
	if o.record != "" && (o.replay != "" || o.shot) {
		return &fleet.Error{Kind: fleet.Usage, What: "--record contradicts --replay and --snapshot"}
	}
	if o.shot {
		return o.snapshot(ctx)
	}
	if f.Global.Output != "" {
		return &fleet.Error{Kind: fleet.Usage, What: "-o is for --snapshot"}
	}
	if !f.Streams.InTTY || !f.Streams.OutTTY {
		return &fleet.Error{Kind: fleet.Usage, What: "the dashboard needs a terminal", Hint: "gctl dash --plain, gctl services, gctl health and gctl why answer in a pipe too"}
	}
	return whileOpen(ctx, f.Streams, o.show)
}

// show shows the dashboard, of one context after another, until the user quits.
func (o *dashOptions) show(ctx context.Context) error {
	for {
		err := o.once(ctx)
		var other *tui.SwitchError
		if !errors.As(err, &other) {
			return err
		}
		if err := o.enter(other.Context); err != nil {
			return err
		}
	}
}

// enter switches to another context. A recording is of one fleet: that into a named
// folder has ended, and neither goes on with another fleet nor is its past.
func (o *dashOptions) enter(name string) error {
	c, err := o.f.Context()
	if err != nil {
		return err
	}
	if err := o.f.Switch(name); err != nil {
		return err
	}
	o.note = ""
	if o.record != "" {
		o.note = "the recording " + o.record + " has ended: it is of " + cmp.Or(c.Name, "the fleet before")
		o.record = ""
	}
	return nil
}

// once shows the dashboard of one context.
func (o *dashOptions) once(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	defer options.Store.Close()
	defer o.lean(ctx, options.Store)()
	c, err := o.f.Context()
	if err != nil {
		return err
	}
	options.Guide = o.guide(&c)
	return tui.Run(ctx, options)
}

// prepare says what is shown, over a store that the caller closes.
func (o *dashOptions) prepare(ctx context.Context) (tui.Options, error) {
	options, err := o.options(ctx)
	if err != nil {
		return tui.Options{}, err
	}
	if options.Store, err = o.open(ctx); err != nil {
		return tui.Options{}, err
	}
	if err := o.recordings(&options); err != nil {
		options.Store.Close()
		return tui.Options{}, err
	}
	return options, nil
}

// open starts the store, at the pace that the user wants.
func (o *dashOptions) open(ctx context.Context) (*fleet.Store, error) {
	if o.replay != "" {
		return fleet.NewStore(ctx, fleet.StoreOptions{Now: o.f.Now}), nil
	}
	file, err := o.f.Config()
	if err != nil {
		return nil, err
	}
	sources, err := o.f.Sources(ctx)
	if err != nil {
		return nil, err
	}
	c, err := o.f.Context()
	if err != nil {
		return nil, err
	}
	for i := range sources {
		if every := file.Dash.Every(sources[i].Name); every > 0 {
			sources[i].Interval = every
		} else if o.pace > 0 && c.Name == demo.Context && sources[i].Name == fleet.MetricsFeed {
			sources[i].Interval = o.pace
		}
	}
	return fleet.NewStore(ctx, fleet.StoreOptions{Sources: sources, Now: o.f.Now}), nil
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
	name, window, err := o.looks(&file.Dash)
	if err != nil {
		return tui.Options{}, err
	}
	crashes := ""
	if dir, err := state.Dir(f.Getenv); err == nil {
		crashes = filepath.Join(dir, "crashes")
	}
	return tui.Options{
		Env: o.env(ctx), Now: f.Now, Context: c.Name, Labels: map[string]string{fleet.CatalogFeed: catalogLabel(f)},
		ReadOnly: c.ReadOnly, Protected: c.Protected, Contexts: file.Names(),
		Place: o.screen, Window: window, Theme: name, ASCII: o.ascii || file.Dash.ASCII || !term.UTF8(f.Getenv), Keys: file.Dash.Keys, Columns: file.Dash.Columns,
		Views: o.views.all(file), SaveView: func(digit int, v *config.View) (map[int]config.View, error) { return o.views.save(file, digit, v) },
		Note: o.note, Version: f.Version, Crashes: crashes,
		In: f.Streams.In, Out: f.Streams.Out, Environ: os.Environ(),
	}, nil
}

// looks are the theme and the window: a flag beats the configuration.
func (o *dashOptions) looks(c *config.Dash) (name string, window time.Duration, err error) {
	name = cmp.Or(o.theme, c.Theme)
	if name != "" && !theme.Known(name) {
		return "", 0, &fleet.Error{Kind: fleet.Usage, What: "no theme " + name, Hint: "themes: " + strings.Join(theme.Names(), ", ")}
	}
	if plain := o.f.Streams.OutTTY && !o.f.Streams.Color; o.theme == "" && (plain || o.f.Global.NoColor) {
		name = "none"
	}
	window = o.window
	if window == 0 && c.Window != "" {
		if window, err = time.ParseDuration(c.Window); err != nil {
			return "", 0, err
		}
	}
	window = cmp.Or(window, time.Hour)
	if window < time.Minute || window > 31*24*time.Hour {
		return "", 0, &fleet.Error{Kind: fleet.Usage, What: "--window " + window.String() + " is not between 1m and 744h"}
	}
	return name, window, nil
}

// catalogLabel is what a user calls the catalog.
func catalogLabel(f *Factory) string {
	c, err := f.Context()
	switch scheme, _, _ := strings.Cut(c.Catalog, "://"); {
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

// How much is kept of the calls that were made: so many, together so large.
const (
	mostCalls     = 1000
	mostCallBytes = 4 << 20
)

// env is what screens may ask.
func (o *dashOptions) env(ctx context.Context) screen.Env {
	f := silenced(o.f)
	metrics := &heldMetrics{f: f}
	context.AfterFunc(ctx, metrics.Close)
	return screen.Env{
		Metrics: metrics.open,
		Identity: func(instances []fleet.Instance) *fleet.Identity {
			c, err := f.Context()
			if err != nil {
				return nil
			}
			return fleet.NewIdentity(fleet.IdentityOptions{Instances: slices.Clone(instances), Map: NamesOf(c)})
		},
		Traces: func(ctx context.Context) (fleet.TraceReader, error) { return openNamedTraces(ctx, f) },
		Methods: func(ctx context.Context, service string) ([]reflection.MethodName, error) {
			return serviceMethods(ctx, f, service)
		},
		Method: func(ctx context.Context, name, service string) (*screen.Method, error) {
			return openMethod(ctx, f, name, service)
		},
		Calls: func() (screen.Calls, error) {
			dir, err := state.Dir(f.Getenv)
			if err != nil {
				return nil, &fleet.Error{What: "find the folder of the calls that were made", Err: err, Hint: "set XDG_STATE_HOME or HOME"}
			}
			return state.NewBoundedJournal(filepath.Join(dir, "calls.jsonl"), state.Bounds{Lines: mostCalls, Bytes: mostCallBytes, Keep: invoke.Saved}), nil
		},
		Command: func(ctx context.Context, args ...string) (string, int) { return runInside(ctx, f, args) },
		Events: func(ctx context.Context, service string, since, until time.Time) (fleet.EventList, error) {
			return pastEvents(ctx, f, service, since, until)
		},
		Why: func(ctx context.Context, service string, at time.Time) (*why.Report, error) {
			w := &whyOptions{f: f}
			w.conn.register(pflag.NewFlagSet("", pflag.ContinueOnError)) // what the context says
			sources, err := w.sources(ctx)
			if err != nil {
				return nil, err
			}
			report, _, err := why.Run(ctx, sources, why.Options{Service: service, At: at, Now: f.Now})
			return report, err
		},
	}
}

// silenced is a factory whose notes do not reach the terminal: they would be written
// over the screen.
func silenced(f *Factory) *Factory {
	silent, streams := *f, *f.Streams
	streams.Err = io.Discard
	silent.Streams = &streams
	return &silent
}

// runInside runs a command as a pipe would get it, and returns all that it says.
func runInside(ctx context.Context, f *Factory, args []string) (said string, code int) {
	streams, _, out, errOut := term.Test()
	inner := *f
	inner.Streams, inner.Global = streams, Global{}
	var global []string
	for flag, value := range map[string]string{
		"--context": f.Global.Context, "--addr": f.Global.Addr, "--datacenter": f.Global.Datacenter, "--namespace": f.Global.Namespace,
	} {
		if value != "" {
			global = append(global, flag, value)
		}
	}
	for _, tag := range f.Global.Tags {
		global = append(global, "--tag", tag)
	}
	code = Run(ctx, &inner, append(slices.Clone(args), global...))
	return errOut.String() + out.String(), code
}
