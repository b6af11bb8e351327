package demo

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
)

// Process returns the process of an instance; nil where there is none of that ID.
func (w *World) Process(id string) *os.Process {
	for _, c := range w.children {
		if c.id == id {
			return c.cmd.Process
		}
	}
	return nil
}

// Restart drains an instance and starts it again at the same addresses, as a
// rollout does. What its program is by then runs.
func (w *World) Restart(ctx context.Context, id string) error {
	n := slices.IndexFunc(w.children, func(c *child) bool { return c.id == id })
	if n < 0 {
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("the demo has no instance %q", id)}
	}
	old := w.children[n]
	old.interrupt()
	old.await()
	p := old.program
	p.args = append(slices.Clone(p.args), "--listen="+old.at.Address, "--admin-listen="+old.at.Admin, "--metrics-listen="+old.at.Metrics)
	if old.at.HTTP != "" {
		p.args = append(p.args, "--http-listen="+old.at.HTTP)
	}
	c, err := startChild(&w.options, p, w.folder, id, w.ended)
	if err != nil {
		return &fleet.Error{What: "start it again", Instance: id, Err: err}
	}
	w.children[n] = c
	s, err := c.awaitServing(ctx)
	if err != nil {
		return &fleet.Error{What: "start it again", Instance: id, Err: err}
	}
	for i := range w.Instances {
		if w.Instances[i].ID == id {
			w.Instances[i].Version = s.Version
		}
	}
	if w.backends != nil {
		return nil // they see it
	}
	return w.writeCatalog()
}
