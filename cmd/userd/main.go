// Command userd runs one instance of the user service.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/user"
)

// version is set by the linker.
var version = "dev"

func main() {
	err := run(context.Background(), os.Args[1:])
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage")

func run(ctx context.Context, args []string) error {
	var config kit.Config
	var store string
	var showVersion bool
	flags := pflag.NewFlagSet("userd", pflag.ContinueOnError)
	flags.SortFlags = false
	config.Flags(flags)
	flags.StringVar(&store, "store", "sqlite://users.db", "where the users are, sqlite:///path/users.db")
	flags.BoolVar(&showVersion, "version", false, "print the version")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%w: unexpected argument %q", errUsage, flags.Arg(0))
	}
	if err := kit.FromEnv(flags, "USERD", os.LookupEnv); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if showVersion {
		fmt.Println("userd", version)
		return nil
	}
	if err := config.Check(); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return serve(ctx, config, store)
}

func serve(ctx context.Context, config kit.Config, store string) (err error) {
	server, err := kit.New(ctx, kit.Options{
		Config:  config,
		Service: user.Name,
		Version: version,
		Log:     slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	service, err := user.New(ctx, store, server.Stopping())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	service.Register(server)
	return server.Run(ctx)
}

func usage(flags *pflag.FlagSet) {
	fmt.Fprintf(os.Stderr, `userd runs one instance of the user service.

  userd --plaintext --store sqlite:///var/lib/userd/users.db
  userd --listen :9090 --tls-cert server.pem --tls-key server.key --consul 127.0.0.1:8500 --advertise 10.0.0.7:9090

Each flag has an environment variable: --tls-cert is USERD_TLS_CERT.
SIGTERM drains and exits 0; a second signal stops at once.

%s`, flags.FlagUsages())
}
