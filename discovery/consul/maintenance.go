package consul

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// ErrNotRegistered says that no machine has such an endpoint.
var ErrNotRegistered = errors.New("not registered")

// Place is where an endpoint is registered, and whether somebody took it out of
// traffic there.
type Place struct {
	Node, Address, Datacenter string

	Maintenance bool   // of the endpoint
	Reason      string // of that
	// NodeMaintenance says that the whole machine is in maintenance, whatever is
	// said of the endpoint.
	NodeMaintenance bool
}

// Place finds the machine of an endpoint by its ID and address.
func (c *Client) Place(ctx context.Context, service, id, addr string) (Place, error) {
	var found []Place
	_, err := c.get(ctx, LookupPath(service), nil, c.cfg.Timeout, func(dec *json.Decoder) error {
		return eachElement(dec, func(e *entry) {
			if e.Service.ID == id && e.addr() == addr {
				found = append(found, e.place())
			}
		})
	})
	switch {
	case err != nil:
		return Place{}, err
	case len(found) == 0:
		return Place{}, fmt.Errorf("%s at %s is %w", id, addr, ErrNotRegistered)
	case len(found) > 1:
		return Place{}, fmt.Errorf("%s at %s is registered on %d machines: %s and %s", id, addr, len(found), found[0].Node, found[1].Node)
	default:
		return found[0], nil
	}
}

func (e *entry) place() Place {
	p := Place{Node: e.Node.Node, Address: e.Node.Address, Datacenter: e.Node.Datacenter}
	for _, ch := range e.Checks {
		switch {
		case ch.CheckID == nodeMaintenance:
			p.NodeMaintenance = true
		case strings.HasPrefix(ch.CheckID, serviceMaintenance):
			p.Maintenance, p.Reason = true, ch.Notes
		}
	}
	return p
}

// OfPlace returns a client of the agent on the machine of a place: c itself where
// it is that one's, otherwise one with the same settings for the machine's address
// and the same port. The caller closes it if it is not c.
func (c *Client) OfPlace(ctx context.Context, p Place) (*Client, error) {
	var self struct {
		Config struct {
			NodeName   string `json:"NodeName"`
			Datacenter string `json:"Datacenter"`
		} `json:"Config"`
	}
	_, err := c.get(ctx, "/v1/agent/self", nil, c.cfg.Timeout, func(dec *json.Decoder) error { return dec.Decode(&self) })
	if err != nil {
		return nil, err
	}
	if self.Config.NodeName == p.Node && self.Config.Datacenter == p.Datacenter {
		return c, nil
	}
	_, port, err := net.SplitHostPort(c.host)
	if err != nil {
		return nil, fmt.Errorf("the agent of %s is not the one at %s, and its port is not known", p.Node, c.shown)
	}
	cfg := c.cfg
	cfg.Address = c.scheme + "://" + net.JoinHostPort(p.Address, port)
	return New(cfg)
}

// SetMaintenance takes a process out of traffic with its process alive, or back
// in. The client must talk to the agent at which the process is registered.
func (c *Client) SetMaintenance(ctx context.Context, id string, on bool, reason string) error {
	params := url.Values{"enable": {strconv.FormatBool(on)}}
	setIf(params, "reason", reason)
	return c.put(ctx, MaintenancePath(id), params, nil)
}

// MaintenancePath is the path that SetMaintenance asks for.
func MaintenancePath(id string) string { return "/v1/agent/service/maintenance/" + id }
