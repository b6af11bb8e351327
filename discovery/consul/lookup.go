package consul

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/discovery"
)

// The check IDs with which Consul marks maintenance; that of a service is
// followed by the service's ID.
const (
	nodeMaintenance    = "_node_maintenance"
	serviceMaintenance = "_service_maintenance:"
)

// entry is the part of an answer of /v1/health/service that is used here.
type entry struct {
	Node struct {
		Node, Address, Datacenter string
	}
	Service nodeService
	Checks  []check
}

type nodeService struct {
	ID, Service, Address, SocketPath, Kind string
	Port                                   int
	Tags                                   []string
	Meta                                   map[string]string
}

type check struct {
	Node, CheckID, Status, ServiceID, ServiceName, Type, Notes string
}

// Result is one answer about a service.
type Result struct {
	Endpoints []discovery.Endpoint // sorted by ID
	Hidden    bool                 // ACLs filtered endpoints out
}

// Lookup returns the endpoints of a service, whatever their status, by one
// request.
func (c *Client) Lookup(ctx context.Context, service string) (Result, error) {
	r, _, err := c.lookup(ctx, service, 0)
	return r, err
}

// lookup asks for a service; with an index other than 0 the answer comes when
// there is something newer, or after WaitTime.
func (c *Client) lookup(ctx context.Context, service string, index uint64) (Result, uint64, error) {
	params, timeout := c.blockingParams(index)
	if len(c.cfg.Tags) > 0 {
		params["tag"] = c.cfg.Tags
	}
	var r Result
	a, err := c.getEntries(ctx, LookupPath(service), params, timeout, &r)
	r.Hidden = a.hides(len(r.Endpoints))
	return r, a.index, err
}

// blockingParams are those of a query that waits for something newer than index,
// and how long it may take; with 0 it does not wait.
func (c *Client) blockingParams(index uint64) (url.Values, time.Duration) {
	params, timeout := url.Values{}, c.cfg.Timeout
	if index > 0 {
		params.Set("index", strconv.FormatUint(index, 10))
		params.Set("wait", strconv.FormatInt(c.cfg.WaitTime.Milliseconds(), 10)+"ms")
		// Consul adds up to a sixteenth so that not all clients wake at once.
		timeout += c.cfg.WaitTime + c.cfg.WaitTime/16
	}
	return params, timeout
}

// LookupPath is the path that Lookup asks for.
func LookupPath(service string) string { return "/v1/health/service/" + service }

func (c *Client) getEntries(ctx context.Context, path string, params url.Values, timeout time.Duration, r *Result) (answer, error) {
	return c.get(ctx, path, params, timeout, func(dec *json.Decoder) error {
		err := eachElement(dec, func(e *entry) {
			if e.Service.Kind == "" || e.Service.Kind == "typical" {
				r.Endpoints = append(r.Endpoints, e.endpoint())
			}
		})
		slices.SortFunc(r.Endpoints, func(a, b discovery.Endpoint) int {
			return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Node, b.Node))
		})
		return err
	})
}

// eachElement decodes a JSON array (or null) one element at a time, so that
// decoding goes on while Consul is still sending.
func eachElement[T any](dec *json.Decoder, use func(*T)) error {
	start, err := dec.Token()
	if err != nil || start == nil {
		return err
	}
	if start != json.Delim('[') {
		return errors.New("not a list")
	}
	for dec.More() {
		var v T
		if err := dec.Decode(&v); err != nil {
			return err
		}
		use(&v)
	}
	_, err = dec.Token()
	return err
}

func (e *entry) endpoint() discovery.Endpoint {
	ep := discovery.Endpoint{
		ID: e.Service.ID, Service: e.Service.Service, Node: e.Node.Node,
		Addr: e.addr(), Status: discovery.Passing,
		Tags: e.Service.Tags, Meta: e.Service.Meta,
	}
	for _, ch := range e.Checks {
		ep.Status = worse(ep.Status, ch.verdict())
		if ch.Type == "grpc" && ch.ServiceID != "" {
			ep.GRPC = true
		}
	}
	return ep
}

// addr is the service's address, or the node's where the service has none of its
// own.
func (e *entry) addr() string {
	if e.Service.SocketPath != "" {
		return "unix:" + e.Service.SocketPath
	}
	return net.JoinHostPort(cmp.Or(e.Service.Address, e.Node.Address), strconv.Itoa(e.Service.Port))
}

// verdict is what one check means for an endpoint. Maintenance is a critical
// check with a special name.
func (ch *check) verdict() string {
	switch {
	case ch.CheckID == nodeMaintenance || strings.HasPrefix(ch.CheckID, serviceMaintenance):
		return discovery.Maintenance
	case ch.Status == discovery.Passing || ch.Status == discovery.Warning:
		return ch.Status
	default:
		return discovery.Critical
	}
}

func worse(a, b string) string {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func rank(status string) int {
	switch status {
	case "", discovery.Passing:
		return 0
	case discovery.Warning:
		return 1
	case discovery.Maintenance:
		return 3
	default:
		return 2
	}
}
