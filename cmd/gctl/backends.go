package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/backend"
	"github.com/gctl-dev/gctl/internal/config"
)

// known is how a backend is found where the context does not name it.
type known struct {
	name     string
	services []string // what it is usually called in a catalog
	port     string   // its default
	of       func(config.Context) config.Backend
}

var (
	prometheus = known{"prometheus", []string{"prometheus"}, "9090", func(c config.Context) config.Backend { return c.Prometheus }}
	jaeger     = known{"jaeger", []string{"jaeger", "jaeger-query"}, "16686", func(c config.Context) config.Backend { return c.Jaeger }}
)

// openBackend opens Prometheus or Jaeger: the context names it, or Consul lists
// it, or, where nothing is configured at all, it is at its default port on this
// machine. Where there is none the client is nil and the error says how to name
// one; nobody but the catalog has been asked.
func openBackend(ctx context.Context, f *commands.Factory, k known) (*backend.Client, error) {
	c, err := f.Context()
	if err != nil {
		return nil, err
	}
	b := k.of(c)
	if b.URL == "" {
		b.URL = findBackend(ctx, f, c, k)
	}
	if b.URL == "" {
		name := c.Name
		if name == "" {
			name = "NAME"
		}
		return nil, commands.NewNoBackend(&fleet.Error{
			What: "no " + k.name + " is known",
			Hint: fmt.Sprintf("gctl context add %s --%s URL", name, k.name),
		})
	}
	o := backend.Options{
		Name: k.name, URL: b.URL, Headers: b.Headers, Proxy: c.Proxy,
		TLS: backend.TLS{Insecure: b.TLS.Insecure, CACert: b.TLS.CACert, Cert: b.TLS.Cert, Key: b.TLS.Key, ServerName: b.TLS.ServerName},
	}
	if b.Auth != "" {
		o.Authorization = func(ctx context.Context) (string, error) { return commands.AuthToken(ctx, b.Auth) }
	}
	return backend.New(o)
}

// findBackend asks a Consul catalog for the backend.
func findBackend(ctx context.Context, f *commands.Factory, c config.Context, k known) string {
	if c.Catalog != "" && !strings.HasPrefix(c.Catalog, "consul") || f.Global.Addr != "" {
		return ""
	}
	catalog, err := f.Catalog()
	if err != nil {
		return ""
	}
	for _, service := range k.services {
		list, err := catalog.Instances(ctx, service)
		if err != nil {
			break
		}
		for _, in := range list.Instances {
			if in.Catalog == fleet.Passing {
				return "http://" + in.Addr
			}
		}
	}
	if c.Name != "" {
		return ""
	}
	return "http://" + net.JoinHostPort("127.0.0.1", k.port)
}
