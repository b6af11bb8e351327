// Package demo runs a small world on this machine: three instances of the user
// service over one store, a file catalog that lists them, and a context "demo"
// in the user's configuration, so that every command can be tried on it.
//
// The world ends with the process that started it. What a killed one could not
// clean up, the next one does: a world holds a lock in its folder for as long
// as it lives.
package demo

import (
	"context"
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
	// Service is the name of its one service.
	Service = "user"

	instances    = 3
	folderPrefix = "gctl-demo-"
	catalogFile  = "fleet.yaml"
)

// Users is what the store begins with: JSON values, one a request of
// user.v1.UserService/ImportUsers.
//
//go:embed users.json
var Users string

// Options say what a world is made of.
type Options struct {
	Userd  string // the binary of the user service
	Config string // the user's configuration file
	// Forget is told the catalog's URL of a world that is gone, so that what
	// was remembered of it can go too; nil for nothing.
	Forget func(catalog string)
}

// World is a running demo.
type World struct {
	Instances []fleet.Instance

	options  Options
	folder   string
	unlock   func()
	children []*child
	ended    chan Exit
}

// Exit is the end of an instance that nobody asked for.
type Exit struct {
	ID    string
	PID   int
	Cause string // for example "signal: killed"
}

// Start cleans up what an earlier world left, starts the instances and adds the
// context. A context "demo" that is somebody's own, or a world that is running
// already, is a usage error.
func Start(ctx context.Context, o Options) (w *World, err error) {
	if err := makeRoom(&o); err != nil {
		return nil, err
	}
	w = &World{options: o, ended: make(chan Exit, instances)}
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
	for i := range instances {
		c, err := startChild(o.Userd, w.folder, fmt.Sprintf("user-%d", i+1), w.ended)
		if err != nil {
			return w, &fleet.Error{What: "start the user service", Err: err}
		}
		w.children = append(w.children, c)
	}
	for _, c := range w.children {
		s, err := c.awaitServing(ctx)
		if err != nil {
			return w, &fleet.Error{What: "start the user service", Instance: c.id, Err: err}
		}
		w.Instances = append(w.Instances, fleet.Instance{
			ID: c.id, Service: Service, Addr: s.Address, Version: s.Version,
			Meta: map[string]string{fleet.MetaTLS: "false"}, Catalog: fleet.Passing, GRPC: true,
		})
	}
	return w, w.publish()
}

// Catalog returns the path of the file that lists the instances.
func (w *World) Catalog() string { return filepath.Join(w.folder, catalogFile) }

// Ended passes each instance that ends while the world runs.
func (w *World) Ended() <-chan Exit { return w.ended }

// publish writes the catalog and adds the context.
func (w *World) publish() error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by gctl demo.\nservices:\n  %s:\n    meta: {tls: \"false\", grpc_services: user.v1.UserService}\n    instances:\n", Service)
	for i := range w.Instances {
		in := &w.Instances[i]
		fmt.Fprintf(&b, "      - {id: %s, address: %q, meta: {version: %q}}\n", in.ID, in.Addr, in.Version)
	}
	if err := os.WriteFile(w.Catalog(), []byte(b.String()), 0o600); err != nil {
		return &fleet.Error{What: "write the catalog of the demo", Err: err}
	}
	file, err := config.Load(w.options.Config)
	if err != nil {
		return err
	}
	return file.Put(config.Context{Name: Context, Catalog: catalogURL(w.folder)})
}

// Stop ends the instances and removes the context and the folder. What fails
// does not keep the rest from being done.
func (w *World) Stop() error {
	var errs []error
	if w.folder != "" {
		errs = append(errs, forget(&w.options, w.folder))
	}
	for _, c := range w.children {
		c.interrupt()
	}
	for _, c := range w.children {
		c.await()
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
