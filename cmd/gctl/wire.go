package main

import (
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
	f.Catalog = sync.OnceValues(func() (fleet.Catalog, error) { return openCatalog(f) })
	return f
}

func loadConfig() (*config.File, error) {
	path, err := config.DefaultPath(os.Getenv)
	if err != nil {
		return nil, err
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
		return commands.OneInstance(g.Addr)
	}
	c, err := f.Context()
	if err != nil {
		return nil, err
	}
	if c.Catalog == "" {
		return consul.New(consul.Options{Datacenter: g.Datacenter, Namespace: g.Namespace, Tags: g.Tags})
	}
	u, err := url.Parse(c.Catalog)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(u.Scheme, "consul") {
		return openConsul(g, *u)
	}
	return nil, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("catalog %q: unknown scheme", c.Catalog)}
}

// openConsul opens consul://HOST:PORT?datacenter=NAME&namespace=NAME; flags win
// over the URL.
func openConsul(g commands.Global, u url.URL) (fleet.Catalog, error) {
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
	o := consul.Options{Address: u.String(), Datacenter: g.Datacenter, Namespace: g.Namespace, Tags: g.Tags}
	if o.Datacenter == "" {
		o.Datacenter = query.Get("datacenter")
	}
	if o.Namespace == "" {
		o.Namespace = query.Get("namespace")
	}
	return consul.New(o)
}
