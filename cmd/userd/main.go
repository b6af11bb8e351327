// Command userd runs one instance of the user service.
package main

import (
	"context"
	"os"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/svc/kit"
	"github.com/gctl-dev/gctl/svc/user"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(app().Main(os.Args[1:])) }

func app() *kit.App {
	var store string
	return &kit.App{
		Name: "userd", Service: user.Name, Version: version,
		Short: "runs one instance of the user service",
		Example: `  userd --plaintext --store sqlite:///var/lib/userd/users.db
  userd --plaintext --store postgres://userd@127.0.0.1:5432/users?sslmode=verify-full
  userd --listen :9090 --tls-cert server.pem --tls-key server.key --consul 127.0.0.1:8500 --advertise 10.0.0.7:9090

The password of PostgreSQL belongs into USERD_STORE, PGPASSWORD or ~/.pgpass:
everybody on the machine can read a command line.
`,
		Flags: func(flags *pflag.FlagSet) {
			flags.StringVar(&store, "store", "sqlite://users.db",
				"`URL` of the store of the users, sqlite:///path/users.db or postgres://USER@HOST:PORT/DATABASE")
		},
		Setup: func(ctx context.Context, server *kit.Server) error { return user.Setup(ctx, server, store) },
	}
}
