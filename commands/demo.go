package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/demo"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/reflection"
)

const demoLong = `Run a small world on this machine to try gctl on: six instances of the user
service over one store in a temporary folder, an edge in front of them with a
page for browsers, a small steady load, a file catalog that lists them, a receiver
of their traces, and a context "demo".

It stays until ctrl-c, then everything is gone again. Kill one of the processes
by hand and ask for the instances: it is seen, and calls go to the others.

With --dash the dashboard opens over it, with a guide for the first minute, and one
instance refuses some of its calls for 15 minutes, so that there is something to be
found. The demo ends when the dashboard is quit. Without a terminal --dash changes
nothing.

With --stack the catalog is a real Consul, a real Prometheus scrapes the services,
and their traces go to a real Jaeger: from PATH, or as make backends built them.

The services are the programs userd and edged, beside gctl or on PATH.

Exit codes: 0 ended by ctrl-c, or the dashboard was quit; 1 the world could not
be started, or no instance is left; 2 a demo is running already, or a context
demo is there that is not of a demo.`

type demoOptions struct {
	f    *Factory
	real bool // Consul, Prometheus and Jaeger
	dash bool // with the dashboard
}

func newDemo(f *Factory) *cobra.Command {
	o := &demoOptions{f: f}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a small world of services to try gctl on",
		Long:  demoLong,
		Example: `  gctl demo
  gctl demo --dash
  gctl demo --stack --dash
  gctl --context demo instances user`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&o.real, "stack", false, "with a real Consul, Prometheus and Jaeger")
	cmd.Flags().BoolVar(&o.dash, "dash", false, "open the dashboard over it, where there is a terminal; the demo ends with it")
	return cmd
}

func (o *demoOptions) run(ctx context.Context) (err error) {
	f := o.f
	dash := o.dash && f.Streams.InTTY && f.Streams.OutTTY
	// A terminal that is closed ends the demo too.
	ctx, stop := untilHangup(ctx)
	defer stop()
	userd, err := findProgram("userd")
	if err != nil {
		return err
	}
	edged, err := findProgram("edged")
	if err != nil {
		return err
	}
	file, err := f.Config()
	if err != nil {
		return err
	}
	if err := file.Placed(); err != nil {
		return err
	}
	if dash {
		f.Notef("starting the services of the demo; the dashboard opens when they serve")
	}
	world, err := demo.Start(ctx, demo.Options{
		Userd: userd, Edged: edged, Config: file.Path, Stack: o.real,
		Forget: func(catalog string) { forgetWorld(f, catalog) },
		Collect: func(ctx context.Context) (demo.Collector, error) {
			return f.Collect(ctx, CollectorOptions{GRPC: "127.0.0.1:0", HTTP: "127.0.0.1:0"})
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Stop()) }()
	if err := tour(ctx, f, world, !dash); err != nil {
		return err
	}
	world.StartLoad(ctx)
	if dash {
		return demoDash(ctx, f, world)
	}
	return stay(ctx, f, world)
}

// forgetWorld removes from the cache what commands learned of a world.
func forgetWorld(f *Factory, catalog string) {
	if f.Cache == nil {
		return
	}
	cache, err := f.Cache()
	if err != nil {
		return // nothing was kept either
	}
	forgetful, ok := cache.(interface{ Remove(key string) error })
	if !ok {
		return
	}
	scope := contextScope(demo.Context, catalog, "", "")
	for _, key := range append(reflection.CacheKeys(scope, demo.Service, demo.Edge), namesPrefix+scope) {
		if err := forgetful.Remove(key); err != nil {
			f.Verbosef("%v", err)
		}
	}
}

// stay waits for ctrl-c and tells of instances that end.
func stay(ctx context.Context, f *Factory, world *demo.World) error {
	for left := len(world.Instances); left > 0; {
		select {
		case <-ctx.Done():
			return nil
		case e := <-world.Ended():
			if e.Service == demo.Service {
				left--
			}
			f.Notef("%s (process %d) ended: %s; see it by: %s --context %s instances %s",
				e.ID, e.PID, e.Cause, self(), demo.Context, e.Service)
		}
	}
	return errNoneLeft()
}

func errNoneLeft() error { return &fleet.Error{What: "no instance of the demo is left"} }

// tour fills the store and prints the few lines that lead in, and on in another
// terminal.
func tour(ctx context.Context, f *Factory, world *demo.World, on bool) error {
	d, err := newDemoCalls(ctx, world)
	if err != nil {
		return err
	}
	defer d.conn.Close()
	imported, err := d.call(ctx, "ImportUsers", demo.Users)
	if err != nil {
		return err
	}
	const request = `{"id":"u-1"}`
	got, err := d.call(ctx, "GetUser", request)
	if err != nil {
		return err
	}
	line := func(name, text string) {
		fmt.Fprintf(f.Streams.Out, "%-6s %s\n", name, term.CleanLine(text))
	}
	line("world", fmt.Sprintf("%d instances of %s with %s users, %s in front of them, %d calls a second (catalog %s, context %s)",
		len(world.Instances), demo.Service, imported.field("created"), demo.Edge, demo.LoadRate, world.Catalog(), demo.Context))
	line("page", world.Page)
	line("call", fmt.Sprintf("UserService.GetUser %s = %s <%s>, in %.1f ms from %s",
		request, got.field("display_name"), got.field("email"), float64(got.took)/float64(time.Millisecond), got.instance))
	if !on {
		return nil
	}
	line("next", fmt.Sprintf("in a second terminal (ctrl-c here ends the demo): %s --context %s call UserService.GetUser -d '%s'",
		self(), demo.Context, request))
	line("traces", fmt.Sprintf("%s --context %s traces %s --sort slowest", self(), demo.Context, demo.Edge))
	line("break", fmt.Sprintf("%s --context %s fault latency %s 800ms --ttl 5m", self(), demo.Context, world.Instances[2].ID))
	line("why", fmt.Sprintf("%s --context %s why %s", self(), demo.Context, demo.Edge))
	return nil
}

// findProgram finds one of the services beside gctl or on PATH.
func findProgram(name string) (string, error) {
	file := name
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), file)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath(file)
	if err != nil {
		return "", &fleet.Error{
			What: name + ", a service of the demo, is neither beside gctl nor on PATH",
			Hint: "make build makes it: bin/" + name,
		}
	}
	return path, nil
}

// self is this program as another terminal in another folder would start it.
func self() string {
	own, err := os.Executable()
	if err != nil {
		return "gctl"
	}
	if found, err := exec.LookPath("gctl"); err == nil {
		if a, errA := os.Stat(found); errA == nil {
			if b, errB := os.Stat(own); errB == nil && os.SameFile(a, b) {
				return "gctl"
			}
		}
	}
	if strings.ContainsAny(own, " '\"$&;()") {
		return "'" + strings.ReplaceAll(own, "'", `'\''`) + "'"
	}
	return own
}
