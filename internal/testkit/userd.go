package testkit

import (
	"context"
	"os"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/svc/edge"
	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/user"
)

// Userd is the main function of the user service, for test binaries that run
// themselves again in its place.
func Userd() {
	var store string
	app := kit.App{
		Name: "userd", Service: user.Name, Version: "v0-test", Short: "is under test",
		Flags: func(flags *pflag.FlagSet) { flags.StringVar(&store, "store", "", "") },
		Setup: func(ctx context.Context, server *kit.Server) error { return user.Setup(ctx, server, store) },
	}
	os.Exit(app.Main(os.Args[1:]))
}

// Edged is the main function of the edge, for test binaries likewise.
func Edged() {
	var config edge.Config
	app := kit.App{
		Name: "edged", Service: edge.Name, Version: "v0-test", Short: "is under test",
		ServerOptions: edge.ServerOptions(),
		Flags:         func(flags *pflag.FlagSet) { config.Flags(flags) },
		Setup:         func(ctx context.Context, server *kit.Server) error { return edge.Setup(ctx, server, &config) },
	}
	os.Exit(app.Main(os.Args[1:]))
}
