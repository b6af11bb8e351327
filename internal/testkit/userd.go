package testkit

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

// Userd is the main function of the user service, for test binaries that run
// themselves again in its place. Its log begins with its process ID.
func Userd() {
	if err := userd(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func userd(ctx context.Context) (err error) {
	var c kit.Config
	flags := pflag.NewFlagSet("userd", pflag.ContinueOnError)
	c.Flags(flags)
	store := flags.String("store", "", "")
	err = errors.Join(flags.Parse(os.Args[1:]), kit.FromEnv(flags, "USERD", os.LookupEnv))
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	log.InfoContext(ctx, "starting", "pid", os.Getpid())
	server, err := kit.New(ctx, kit.Options{Config: c, Service: user.Name, Version: "v0-test", Log: log})
	if err != nil {
		return err
	}
	service, err := user.New(ctx, *store, server.Stopping())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	service.Register(server)
	return server.Run(ctx)
}
