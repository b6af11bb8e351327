package edge

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/gctl-dev/gctl/svc/kit"
	userv1 "github.com/gctl-dev/gctl/svc/user/api"
)

// Config is what the operator of an edge decides beside the kit's own settings.
type Config struct {
	HTTPListen  string   // host:port for browsers and REST clients; empty: none
	Target      string   // a service of the catalog
	TargetIDs   []string // identities that its certificates may have, instead of its name
	TargetAddrs []string // its instances, each host:port, instead of the catalog's
	Public      bool     // over HTTP nobody is asked for a certificate
	Origins     []string // of pages that may call, see Options
	Page        bool
}

// Flags adds a flag for each setting to flags.
func (c *Config) Flags(flags *pflag.FlagSet) {
	flags.StringVar(&c.HTTPListen, "http-listen", "127.0.0.1:8080", "serve gRPC-Web, Connect, JSON and the page on `HOST:PORT`; empty for none")
	flags.StringVar(&c.Target, "target", "user", "forward to this `SERVICE` of the catalog (--consul); also its name in certificates")
	flags.StringSliceVar(&c.TargetAddrs, "target-addr", nil, "forward to these `HOST:PORT`s, separated by commas, instead of asking the catalog")
	flags.StringArrayVar(&c.TargetIDs, "target-identity", nil, "`ID` in the target's certificates, for example spiffe://example.org/user; repeatable (default its name)")
	flags.BoolVar(&c.Public, "http-public", false, "let everybody call over HTTP; otherwise --tls-client-ca and --allow hold there too")
	flags.StringSliceVar(&c.Origins, "cors-origin", nil, "pages of this `ORIGIN` may call from a browser, * for all; repeatable (default only the edge's own)")
	flags.BoolVar(&c.Page, "page", true, "serve the page at /")
}

// Setup connects a server of the kit, made with ServerOptions, with the service
// behind it, and has it serve the edge over gRPC and over HTTP.
func Setup(ctx context.Context, server *kit.Server, c *Config) error {
	if c.Target == "" {
		return fmt.Errorf("%w: --target names no service", kit.ErrUsage)
	}
	conn, err := server.Dial(kit.Target{ //nolint:contextcheck // the connection outlives this call
		Service: c.Target, Addrs: c.TargetAddrs, Identities: c.TargetIDs, Required: true,
		Keys: map[string]string{userv1.UserService_CreateUser_FullMethodName: "request_id"}, Options: DialOptions(),
	})
	if err != nil {
		return err
	}
	e, err := New(conn, Options{
		Target: c.Target, Origins: c.Origins, Page: c.Page, Stopping: server.Stopping(),
		CallerHeader: server.CallerHeader(), Caller: server.Caller,
		ServerOptions: server.Chain(), Log: server.Log(),
	})
	if err != nil {
		return fmt.Errorf("%w: --cors-origin: %w", kit.ErrUsage, err)
	}
	e.Register(server)
	server.Forwards(e.Services()...)
	if c.HTTPListen == "" {
		return nil
	}
	if _, err := server.ServeHTTP(ctx, c.HTTPListen, e.Handler(), c.Public); err != nil {
		return fmt.Errorf("--http-listen: %w", err)
	}
	return nil
}
