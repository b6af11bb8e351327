package load

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/consul"
)

// Fleet is some instances of the user service over one store, called user-1 and
// so on in the catalog.
type Fleet struct {
	Instances []*Instance

	options FleetOptions
	catalog *consul.Client
}

// FleetOptions say what a fleet is made of.
type FleetOptions struct {
	// Command returns a userd with these arguments.
	Command func(args ...string) *exec.Cmd
	Size    int
	Consul  string   // address of the agent
	Store   string   // of all instances, sqlite:///path/users.db
	Args    []string // further arguments of each
}

// NewFleet starts the instances and returns when the catalog has all of them as
// passing.
func NewFleet(ctx context.Context, options FleetOptions) (*Fleet, error) {
	catalog, err := consul.New(consul.Config{Address: options.Consul})
	if err != nil {
		return nil, err
	}
	f := &Fleet{options: options, catalog: catalog, Instances: make([]*Instance, options.Size)}
	for n := range f.Instances {
		if err := f.launch(ctx, n); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	for n := range f.Instances {
		if err := f.await(ctx, n); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

func (f *Fleet) id(n int) string { return fmt.Sprintf("user-%d", n+1) }

func (f *Fleet) launch(ctx context.Context, n int) (err error) {
	args := append([]string{
		"--plaintext", "--listen=127.0.0.1:0", "--consul=" + f.options.Consul,
		"--instance=" + f.id(n), "--store=" + f.options.Store,
	}, f.options.Args...)
	f.Instances[n], err = Launch(ctx, f.options.Command(args...))
	return err
}

// await returns when the catalog has the instance at its present address as
// passing.
func (f *Fleet) await(ctx context.Context, n int) error {
	bounded, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	id, addr := f.id(n), f.Instances[n].Addr
	watched := f.catalog.Watch(bounded, "user", func(u discovery.Update) {
		for _, e := range u.Endpoints {
			if e.ID == id && e.Addr == addr && e.Status == discovery.Passing {
				cancel()
			}
		}
	})
	if errors.Is(watched, context.DeadlineExceeded) {
		return fmt.Errorf("%s at %s does not pass in the catalog", id, addr)
	}
	return ctx.Err()
}

// Restart replaces an instance as a deployment does: SIGTERM, its end, a new
// process with the same ID on another port, and on when that is passing.
func (f *Fleet) Restart(ctx context.Context, n int) error {
	if err := f.Instances[n].Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := f.Instances[n].Wait(); err != nil {
		return err
	}
	return f.Start(ctx, n)
}

// Kill ends an instance at once. It returns the time before the signal and that at
// which the process was gone.
func (f *Fleet) Kill(n int) (before, after time.Time) {
	before = time.Now()
	f.Instances[n].Kill()
	return before, time.Now()
}

// Start starts an instance that has ended and returns when it is passing.
func (f *Fleet) Start(ctx context.Context, n int) error {
	if err := f.launch(ctx, n); err != nil {
		return err
	}
	return f.await(ctx, n)
}

// Close kills all instances.
func (f *Fleet) Close() error {
	for _, i := range f.Instances {
		if i != nil {
			i.Kill()
		}
	}
	f.catalog.Close()
	return nil
}
