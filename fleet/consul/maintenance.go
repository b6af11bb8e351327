package consul

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"

	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/fleet"
)

// Maintenance implements fleet.Maintainer.
func (c *Catalog) Maintenance(ctx context.Context, in fleet.Instance) (on bool, reason string, err error) {
	p, err := c.place(ctx, in)
	return p.Maintenance, p.Reason, err
}

// SetMaintenance implements fleet.Maintainer. Maintenance is set at the agent that
// the instance is registered with: at no other it can be.
func (c *Catalog) SetMaintenance(ctx context.Context, in fleet.Instance, on bool, reason string) (fleet.Provenance, error) {
	p, err := c.place(ctx, in)
	if err != nil {
		return fleet.Provenance{}, err
	}
	agent, err := c.client.OfPlace(ctx, p)
	if err != nil {
		return fleet.Provenance{}, c.of(c.client, in, c.explain(ctx, err), "agent:read to find the instance's agent")
	}
	if agent != c.client {
		defer agent.Close()
	}
	asked := fleet.Provenance{
		Source: "consul " + agent.Address(), At: c.now(),
		Query: "PUT " + consul.MaintenancePath(in.ID) + "?enable=" + strconv.FormatBool(on),
	}
	if err := agent.SetMaintenance(ctx, in.ID, on, reason); err != nil {
		at := &Catalog{client: agent, opts: c.opts, now: c.now}
		if !lost(err) {
			asked = fleet.Provenance{}
		}
		return asked, c.of(agent, in, at.explain(ctx, err), "service:write for "+in.Service)
	}
	return asked, nil
}

// lost tells of an error of a request whether it may have been heard: nobody has
// refused it, and there was a connection.
func lost(err error) bool {
	var status *consul.StatusError
	var network *net.OpError
	unheard := errors.As(err, &network) && network.Op == "dial"
	return !unheard && !errors.As(err, &status)
}

func (c *Catalog) place(ctx context.Context, in fleet.Instance) (consul.Place, error) {
	p, err := c.client.Place(ctx, in.Service, in.ID, in.Addr)
	var status *consul.StatusError
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, consul.ErrNotRegistered):
		return p, &fleet.Error{What: "find the instance in Consul at " + c.client.Address(), Instance: in.ID, Err: err}
	case errors.As(err, &status) || ctx.Err() != nil:
		return p, c.explain(ctx, err)
	default:
		return p, c.of(c.client, in, c.explain(ctx, err), "")
	}
}

// of says which instance an error is about, and what a token that was refused
// needs here.
func (c *Catalog) of(agent *consul.Client, in fleet.Instance, err error, needs string) error {
	var e *fleet.Error
	if !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Instance = in.ID
	var status *consul.StatusError
	if errors.As(err, &status) && status.Code == http.StatusForbidden && needs != "" {
		told.Hint = "the token needs " + needs + "; CONSUL_HTTP_TOKEN sets another one"
	}
	if agent != c.client {
		told.Hint = "this is the agent of the instance's own machine, where maintenance is set: gctl needs to reach it; " +
			"or run `consul maint -enable -service=" + in.ID + "` there"
	}
	return &told
}
