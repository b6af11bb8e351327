package commands

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/demo"
)

// The trouble of a demo with the dashboard: something to be found. An instance that
// says that it is exhausted is not put aside by the balancer of its callers, so it
// stays to be seen.
const (
	troubleFor    = 15 * time.Minute
	troubleReason = "the demo's own trouble, to be found"
	troubleMethod = "user.v1.UserService/GetUser"
	troubleShare  = 60 // percent of them
	troubleName   = fleet.ResourceFault + "demo"
)

// demoDash shows the dashboard over a world until the user quits it.
func demoDash(ctx context.Context, f *Factory, world *demo.World) error {
	if err := enterWorld(f); err != nil {
		return err
	}
	o := &dashOptions{f: f, window: demoWindow, pace: demoPace}
	if err := makeTrouble(ctx, f, world.Instances[2]); err != nil {
		f.Notef("nothing is out of order in the demo: %v", err) // there is still much to be seen
	} else {
		o.story = world.Instances[2].ID + " refuses calls, on purpose"
	}
	err := whileOpen(ctx, f.Streams, o.show)
	f.Notef("the dashboard is closed: the demo ends, its services are drained")
	left := len(world.Instances)
	for ended := true; ended; { // they were not told over the screen
		select {
		case e := <-world.Ended():
			if e.Service == demo.Service {
				left--
			}
			f.Notef("%s (process %d) ended: %s", e.ID, e.PID, e.Cause)
		default:
			ended = false
		}
	}
	switch {
	case errors.Is(err, context.Canceled): // by ctrl-c, as any demo
		return nil
	case err == nil && left <= 0:
		return errNoneLeft()
	}
	return err
}

// A world that has just begun has a short past, and is asked for its metrics often:
// it is small, and what is done to it is to be seen at once.
const (
	demoWindow = 5 * time.Minute
	demoPace   = 3 * time.Second
)

// enterWorld selects the context of the world, which was not there when the
// configuration was read, and nothing that narrows another fleet.
func enterWorld(f *Factory) error {
	old, err := f.Config()
	if err != nil {
		return err
	}
	file, err := config.Load(old.Path)
	if err != nil {
		return err
	}
	f.Config = func() (*config.File, error) { return file, nil }
	f.Global.Tags, f.Global.Datacenter, f.Global.Namespace = nil, "", ""
	return f.Switch(demo.Context)
}

// makeTrouble has an instance refuse some of its calls for a while, by its control
// API.
func makeTrouble(ctx context.Context, f *Factory, in fleet.Instance) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	plane, err := f.ControlPlane()
	if err != nil {
		return err
	}
	controller, err := plane.Controller(ctx, in)
	if err != nil {
		return err
	}
	defer func() { _ = controller.Close() }() // what was asked is done or not by then
	_, err = controller.Apply(ctx, fleet.Wish{
		Resource: troubleName, Fault: fleet.Fault{Method: troubleMethod, Percentage: troubleShare, Code: uint32(codes.ResourceExhausted)},
		Mutation: fleet.Mutation{Reason: troubleReason, TTL: troubleFor, ETag: "*"},
	})
	return err
}
