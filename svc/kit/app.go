package kit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"
)

// App is a program that runs one server: it brings the command line, and Main
// does the rest.
type App struct {
	Name    string // of the program; its upper-case form begins its environment variables
	Service string // in the catalog
	Version string
	Short   string // one sentence, "runs one instance of the user service"
	Example string // indented command lines
	// ServerOptions are added to those of the server of the API.
	ServerOptions []grpc.ServerOption
	// Flags adds flags of its own beside those of Config; nil for none.
	Flags func(*pflag.FlagSet)
	// Setup registers the services with a server that is not yet serving. What
	// it opens it closes by OnStop.
	Setup func(context.Context, *Server) error
}

// Main runs the program until it is told to stop, and returns its exit code: 0
// after a drain, 1 if it could not serve, 2 for wrong usage.
//
//	func main() { os.Exit(app.Main(os.Args[1:])) }
func (a *App) Main(args []string) int {
	return a.main(context.Background(), args, os.Stdout, os.Stderr)
}

func (a *App) main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := a.run(ctx, args, stdout, stderr)
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
		return 0
	case errors.Is(err, ErrUsage):
		fmt.Fprintf(stderr, "error: %v\n", err)
		return 2
	default:
		fmt.Fprintf(stderr, "error: %v\n", err)
		return 1
	}
}

// ErrUsage is in the chain of errors that the one who started the program made: it
// exits 2.
var ErrUsage = errors.New("usage")

func (a *App) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	config, version, err := a.parse(args, stdout)
	if err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	if version {
		_, err := fmt.Fprintln(stdout, a.Name, a.Version)
		return err
	}
	if err := config.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	server, err := New(ctx, Options{Config: *config, Service: a.Service, Version: a.Version, LogTo: stderr, ServerOptions: a.ServerOptions})
	if err != nil {
		return err
	}
	server.Log().InfoContext(ctx, "starting", "pid", os.Getpid(), "version", a.Version)
	err = a.Setup(ctx, server)
	if err == nil {
		err = server.checkCallers()
	}
	if err != nil {
		return errors.Join(err, server.Close())
	}
	return server.Run(ctx)
}

// parse reads the command line, then the environment, then the file: who comes
// first is right.
func (a *App) parse(args []string, stdout io.Writer) (config *Config, version bool, err error) {
	config = &Config{}
	flags := pflag.NewFlagSet(a.Name, pflag.ContinueOnError)
	flags.SortFlags = false
	if a.Flags != nil {
		a.Flags(flags)
	}
	config.Flags(flags)
	file := flags.String("config", "", "read settings from a YAML `FILE` of flag names and values")
	flags.BoolVar(&version, "version", false, "print the version")
	flags.Usage = func() { a.usage(flags, stdout) }
	if err := flags.Parse(args); err != nil {
		return nil, false, err
	}
	if flags.NArg() > 0 {
		return nil, false, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if version {
		return config, version, nil
	}
	if err := FromEnv(flags, a.prefix(), os.LookupEnv); err != nil {
		return nil, false, err
	}
	if *file != "" {
		err = FromFile(flags, *file)
	}
	return config, version, err
}

func (a *App) prefix() string { return strings.ToUpper(strings.ReplaceAll(a.Name, "-", "_")) }

func (a *App) usage(flags *pflag.FlagSet, stdout io.Writer) {
	fmt.Fprintf(stdout, `%s %s.

%s
Each flag has an environment variable: --tls-cert is %s_TLS_CERT. --config names
a file with settings; the command line comes before the environment, and that
before the file. SIGTERM drains and exits 0; a second signal stops at once.

%s`, a.Name, a.Short, a.Example, a.prefix(), flags.FlagUsages())
}
