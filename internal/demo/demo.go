// Package demo runs a small world on this machine: real processes of the user
// service over one store and an edge in front of them, a file catalog that lists
// them, a small steady load, and a context in the user's configuration, so that
// every command can be tried on it.
//
// The world ends with the process that started it. What a killed one could not
// clean up, the next one does: a world holds a lock in its folder for as long
// as it lives.
package demo

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
)

const (
	// Context is the name of the context of the world.
	Context = "demo"
	// Service is the name of the service that the world is about.
	Service = "user"
	// Edge is the name of the one in front of it.
	Edge = "edge"

	instances    = 6
	folderPrefix = "gctl-demo-"
	catalogFile  = "fleet.yaml"
	contextFile  = "context" // the catalog's URL in the context of the world
)

// Users is what the store begins with: JSON values, one a request of
// user.v1.UserService/ImportUsers.
//
//go:embed users.json
var Users string

// Options say what a world is made of.
type Options struct {
	Userd  string // the binary of the user service
	Edged  string // the binary of the edge
	Config string // the user's configuration file
	// Collect starts what takes the traces of the world; nil for a world without.
	Collect func(ctx context.Context) (Collector, error)
	// Stack makes it a world of the real Consul, Prometheus and Jaeger, from PATH or
	// the cache, instead of a file catalog and Collect.
	Stack bool
	// Arrange changes the arguments by which an instance is started; nil for nothing.
	Arrange func(id string, args []string) []string
	// TLS is by what the load reaches the edge of a world whose arguments are
	// arranged to speak TLS; nil for plaintext.
	TLS *tls.Config
	// Forget is told the catalog's URL of a world that is gone, so that what
	// was remembered of it can go too; nil for nothing.
	Forget func(catalog string)
}

// Collector takes the traces of a world and serves them by Jaeger's HTTP API.
type Collector interface {
	// Addresses returns where spans are taken by OTLP over gRPC, and where they are
	// read, each as host:port.
	Addresses() (otlp, query string)
	Close() error
}

// World is a running demo.
type World struct {
	Instances []fleet.Instance // of the user service
	Edge      fleet.Instance
	Page      string // URL of the edge's page

	options   Options
	folder    string
	unlock    func()
	children  []*child
	ended     chan Exit
	load      *load
	collector Collector // nil where there is none
	backends  *backends // nil where there are none
}

// Exit is the end of an instance that nobody asked for.
type Exit struct {
	ID, Service string
	PID         int
	Cause       string // for example "signal: killed"
}

// Start cleans up what an earlier world left, starts the instances and adds the
// context. A context "demo" that is somebody's own, or a world that is running
// already, is a usage error.
func Start(ctx context.Context, o Options) (w *World, err error) {
	if err := makeRoom(&o); err != nil {
		return nil, err
	}
	w = &World{options: o, ended: make(chan Exit, instances+1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Stop())
		}
	}()
	temporary, err := temporaryFolder()
	if err != nil {
		return w, err
	}
	if w.folder, err = os.MkdirTemp(temporary, folderPrefix); err != nil {
		return w, &fleet.Error{What: "make a folder for the demo", Err: err}
	}
	if w.unlock, err = lock(w.folder); err != nil {
		return w, &fleet.Error{What: "lock the folder of the demo", Err: err}
	}
	switch {
	case o.Stack:
		w.backends, err = startBackends(ctx)
	case o.Collect != nil:
		w.collector, err = o.Collect(ctx)
	}
	if err != nil {
		return w, err
	}
	if err := w.startUsers(ctx); err != nil {
		return w, err
	}
	if err := w.startEdge(ctx); err != nil {
		return w, err
	}
	if w.backends != nil {
		if err := w.backends.scrape(ctx, append([]fleet.Instance{w.Edge}, w.Instances...)...); err != nil {
			return w, &fleet.Error{What: "tell Prometheus whom to scrape", Err: err}
		}
	}
	return w, w.publish()
}

// startUsers starts the instances of the user service side by side.
func (w *World) startUsers(ctx context.Context) error {
	store := "--store=sqlite://" + filepath.ToSlash(filepath.Join(w.folder, "users.db"))
	for i := range instances {
		if err := w.launch(program{w.options.Userd, Service, []string{store, "--rate-limit=*=1000/s,burst=200"}}, i+1); err != nil {
			return err
		}
	}
	for _, c := range w.children {
		s, err := c.awaitServing(ctx)
		if err != nil {
			return &fleet.Error{What: "start the user service", Instance: c.id, Err: err}
		}
		w.Instances = append(w.Instances, instance(c, &s))
	}
	if w.backends != nil {
		return w.backends.awaitPassing(ctx, Service, instances)
	}
	return nil
}

// startEdge starts the edge in front of the users that are there.
func (w *World) startEdge(ctx context.Context) error {
	args := []string{"--http-listen=127.0.0.1:0", "--target=" + Service}
	if w.backends == nil { // there is no catalog that it could follow
		addrs := make([]string, len(w.Instances))
		for i := range w.Instances {
			addrs[i] = w.Instances[i].Addr
		}
		args = append(args, "--target-addr="+strings.Join(addrs, ","))
	}
	if err := w.launch(program{w.options.Edged, Edge, args}, 1); err != nil {
		return err
	}
	c := w.children[len(w.children)-1]
	s, err := c.awaitServing(ctx)
	if err != nil {
		return &fleet.Error{What: "start the edge", Instance: c.id, Err: err}
	}
	scheme := "http"
	if w.options.TLS != nil {
		scheme = "https"
	}
	w.Edge, w.Page = instance(c, &s), scheme+"://"+s.HTTP+"/"
	w.Edge.Meta[fleet.MetaHTTP] = s.HTTP
	if w.backends != nil {
		return w.backends.awaitPassing(ctx, Edge, 1)
	}
	return nil
}

func (w *World) launch(p program, number int) error {
	switch {
	case w.backends != nil:
		p.args = append(p.args, "--consul="+w.backends.consul.Addr, "--otlp="+w.backends.jaeger.OTLP)
	case w.collector != nil:
		otlp, _ := w.collector.Addresses()
		p.args = append(p.args, "--otlp="+otlp)
	}
	c, err := startChild(&w.options, p, w.folder, fmt.Sprintf("%s-%d", p.service, number), w.ended)
	if err != nil {
		return &fleet.Error{What: "start the " + p.service + " service", Err: err}
	}
	w.children = append(w.children, c)
	return nil
}

func instance(c *child, s *serving) fleet.Instance {
	return fleet.Instance{
		ID: c.id, Service: c.service, Addr: s.Address, Version: s.Version, Catalog: fleet.Passing, GRPC: true,
		Meta: map[string]string{fleet.MetaTLS: "false", "admin": s.Admin, "metrics": s.Metrics},
	}
}

// StartLoad begins the small steady load on the edge, which ends with the world.
func (w *World) StartLoad(ctx context.Context) { w.load = startLoad(ctx, w.Page, w.options.TLS) }

// Catalog is where the instances are listed: the path of a file, or Consul.
func (w *World) Catalog() string {
	if w.backends != nil {
		return "consul://" + w.backends.consul.Addr
	}
	return filepath.Join(w.folder, catalogFile)
}

// Ended passes each instance that ends while the world runs.
func (w *World) Ended() <-chan Exit { return w.ended }

// publish writes the catalog and adds the context.
func (w *World) publish() error {
	c := config.Context{Name: Context, Catalog: catalogURL(w.folder)}
	switch {
	case w.backends != nil:
		c.Catalog = w.Catalog()
		c.Prometheus.URL, c.Jaeger.URL = "http://"+w.backends.prometheus.Addr, "http://"+w.backends.jaeger.Query
	case w.collector != nil:
		_, query := w.collector.Addresses()
		c.Jaeger.URL = "http://" + query
	}
	if w.backends == nil {
		if err := w.writeCatalog(); err != nil {
			return err
		}
	}
	// By this the next world knows whose the context is.
	if err := os.WriteFile(filepath.Join(w.folder, contextFile), []byte(c.Catalog), 0o600); err != nil {
		return &fleet.Error{What: "write into the folder of the demo", Err: err}
	}
	file, err := config.Load(w.options.Config)
	if err != nil {
		return err
	}
	return file.Put(c)
}

func (w *World) writeCatalog() error {
	var b strings.Builder
	b.WriteString("# Written by gctl demo.\nservices:\n")
	list := func(service, meta string, all ...fleet.Instance) {
		fmt.Fprintf(&b, "  %s:\n    meta: {tls: \"false\"%s}\n    instances:\n", service, meta)
		for i := range all {
			in := &all[i]
			fmt.Fprintf(&b, "      - {id: %s, address: %q, meta: {version: %q, instance: %s, admin: %q, metrics: %q}}\n",
				in.ID, in.Addr, in.Version, in.ID, in.Meta["admin"], in.Meta["metrics"])
		}
	}
	list(Edge, fmt.Sprintf(", http: %q", w.Edge.Meta[fleet.MetaHTTP]), w.Edge)
	list(Service, ", grpc_services: user.v1.UserService", w.Instances...)
	if err := os.WriteFile(w.Catalog(), []byte(b.String()), 0o600); err != nil {
		return &fleet.Error{What: "write the catalog of the demo", Err: err}
	}
	return nil
}

// Stop ends the load and the instances, and removes the context and the folder.
// What fails does not keep the rest from being done.
func (w *World) Stop() error {
	var errs []error
	if w.load != nil {
		w.load.stop()
	}
	if w.folder != "" {
		errs = append(errs, forget(&w.options, w.folder))
	}
	for _, c := range w.children {
		c.interrupt()
	}
	for _, c := range w.children {
		c.await()
	}
	if w.collector != nil {
		errs = append(errs, w.collector.Close())
	}
	if w.backends != nil {
		errs = append(errs, w.backends.stop())
	}
	if w.unlock != nil {
		w.unlock()
	}
	if w.folder != "" {
		errs = append(errs, os.RemoveAll(w.folder))
	}
	return errors.Join(errs...)
}

func catalogURL(folder string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(folder, catalogFile))}).String()
}
