package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gctl-dev/gctl/commands"
	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/consul"
	"github.com/gctl-dev/gctl/fleet/dns"
	"github.com/gctl-dev/gctl/fleet/file"
	"github.com/gctl-dev/gctl/fleet/probe"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/state"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/reflection"
)

// Set by the linker.
var (
	version = "dev"
	commit  = "unknown"
)

// newFactory chooses the concrete sources: this is the only place that names
// them.
func newFactory() *commands.Factory {
	f := &commands.Factory{
		Streams: term.System(),
		Version: version,
		Commit:  commit,
		Now:     time.Now,
		Getenv:  os.Getenv,
		Config:  sync.OnceValues(loadConfig),
		Cache:   sync.OnceValues(openCache),
	}
	f.Context = func() (config.Context, error) {
		file, err := f.Config()
		if err != nil {
			return config.Context{}, err
		}
		return file.Select(f.Global.Context)
	}
	f.Prober = func(o commands.ProbeOptions) (fleet.Prober, error) {
		return probe.New(probe.Options{RPC: o.RPC, Headers: o.Headers, Timeout: o.Timeout})
	}
	f.Channels = func(o commands.ProbeOptions) (fleet.ChannelReader, error) {
		return openChannels(f, o)
	}
	f.Reopen = func() {
		f.Catalog = sync.OnceValues(func() (fleet.Catalog, error) { return openCatalog(f) })
		wireControl(f)
	}
	f.Reopen()
	f.Traces = func(ctx context.Context) (fleet.TraceReader, error) { return openTraces(ctx, f) }
	f.Collect = collect
	f.Metrics = func(ctx context.Context, from string) (commands.MetricsSource, error) {
		return openMetrics(ctx, f, from)
	}
	f.Querier = func(ctx context.Context) (fleet.Querier, error) { return openQuerier(ctx, f) }
	wireWhy(f)
	f.Sources = func(context.Context) ([]fleet.Source, error) { return openSources(f) }
	f.Past = func(context.Context) ([]fleet.EventReader, error) { return []fleet.EventReader{startEvents{f}}, nil }
	return f
}

func loadConfig() (*config.File, error) {
	path, err := config.DefaultPath(os.Getenv)
	if err != nil {
		return config.Nowhere(err), nil
	}
	return config.Load(path)
}

func openCache() (reflection.Cache, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	return state.NewCache(filepath.Join(dir, "gctl", "cache")), nil
}

// openCatalog opens the catalog of the selected context: the one instance of
// --addr, or what the context's URL says, or the Consul agent that Consul's own
// variables name.
func openCatalog(f *commands.Factory) (fleet.Catalog, error) {
	g := f.Global
	if g.Addr != "" {
		if err := refuse("--addr", g.Tags, g.Datacenter, g.Namespace); err != nil {
			return nil, err
		}
		return commands.OneInstance(g.Addr)
	}
	c, err := f.Context()
	if err != nil {
		return nil, err
	}
	scheme, _, _ := strings.Cut(c.Catalog, "://")
	switch scheme {
	case "file":
		if err := refuse("a file catalog", nil, g.Datacenter, g.Namespace); err != nil {
			return nil, err
		}
		return file.New(file.Options{Path: c.Catalog, Tags: g.Tags})
	case "dns":
		if err := refuse("a DNS catalog", g.Tags, g.Datacenter, g.Namespace); err != nil {
			return nil, err
		}
		return dns.New(dns.Options{Address: c.Catalog})
	default:
		return openConsul(g, c.Catalog)
	}
}

// refuse fails for a flag that the catalog could not honour: an answer that
// ignores it would be a wrong one.
func refuse(catalog string, tags []string, datacenter, namespace string) error {
	var flag string
	switch {
	case len(tags) > 0:
		flag = "--tag"
	case datacenter != "":
		flag = "--datacenter"
	case namespace != "":
		flag = "--namespace"
	default:
		return nil
	}
	return &fleet.Error{
		Kind: fleet.Usage, What: catalog + " knows nothing of " + flag,
		Hint: "leave out " + flag + " or its variable",
	}
}

// openConsul opens consul://HOST:PORT?datacenter=NAME&namespace=NAME; flags win
// over the URL, and what is empty is Consul's own variables to say.
func openConsul(g commands.Global, catalog string) (fleet.Catalog, error) {
	u, err := url.Parse(catalog)
	if err != nil {
		return nil, &fleet.Error{What: "the context's catalog is no URL", Err: err}
	}
	query := u.Query()
	for key := range query {
		if key != "datacenter" && key != "namespace" {
			return nil, &fleet.Error{
				Kind: fleet.Usage, What: fmt.Sprintf("catalog %q: unknown parameter %q", u.Redacted(), key),
				Hint: "datacenter and namespace are known; consul+https:// is Consul over TLS",
			}
		}
	}
	u.RawQuery = ""
	return consul.New(consul.Options{
		Address:    u.String(),
		Datacenter: cmp.Or(g.Datacenter, query.Get("datacenter")),
		Namespace:  cmp.Or(g.Namespace, query.Get("namespace")),
		Tags:       g.Tags,
	})
}
