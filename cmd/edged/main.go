// Command edged runs one instance of the edge: what browsers and REST clients
// talk to in front of the user service.
package main

import (
	"context"
	"os"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/svc/edge"
	"github.com/gctl-dev/gctl/svc/kit"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(app().Main(os.Args[1:])) }

func app() *kit.App {
	var config edge.Config
	return &kit.App{
		Name: "edged", Service: edge.Name, Version: version,
		Short: "runs one instance of the edge in front of the user service",
		Example: `  edged --plaintext --target-addr 127.0.0.1:9090 --listen 127.0.0.1:9091
  edged --tls-cert edge.pem --tls-key edge.key --tls-client-ca ca.pem --consul 127.0.0.1:8500 --target user --http-listen :8443 --http-public

--listen serves native gRPC, --http-listen everything else and gRPC too, with the
same certificate. Browsers have none of their own: --http-public lets them in
where --tls-client-ca is given.
`,
		ServerOptions: edge.ServerOptions(),
		Flags:         func(flags *pflag.FlagSet) { config.Flags(flags) },
		Setup:         func(ctx context.Context, server *kit.Server) error { return edge.Setup(ctx, server, &config) },
	}
}
