// Package consul is the fleet.Catalog over Consul's HTTP API. What Consul is
// asked and how it is watched is in package discovery/consul; here its answers
// become the words of the fleet, and its failures become errors that say what to
// do.
package consul

import (
	"context"
	"time"

	"github.com/gctl-dev/gctl/discovery"
	"github.com/gctl-dev/gctl/discovery/consul"
	"github.com/gctl-dev/gctl/fleet"
)

// Options say where Consul is and what to ask it for. Whatever is empty is
// taken from the environment that Consul's own tools read (CONSUL_HTTP_ADDR,
// CONSUL_HTTP_TOKEN, ...).
type Options struct {
	Address    string // consul://HOST:PORT, consul+https://HOST:PORT, an http(s) URL or HOST:PORT; 127.0.0.1:8500 if empty
	Token      string
	Datacenter string
	Namespace  string   // Consul Enterprise only
	Tags       []string // only instances with all of these tags
	Timeout    time.Duration
}

// Catalog implements fleet.Catalog.
type Catalog struct {
	client *consul.Client
	opts   Options
	now    func() time.Time
}

// New returns a catalog. Nothing is sent; an error is about the options.
func New(opts Options) (fleet.Catalog, error) {
	client, err := consul.New(consul.Config{
		Address: opts.Address, Token: opts.Token, Datacenter: opts.Datacenter,
		Namespace: opts.Namespace, Tags: opts.Tags, Timeout: opts.Timeout,
	})
	if err != nil {
		return nil, &fleet.Error{Kind: fleet.Failed, What: "configuration of Consul", Err: err,
			Hint: "a catalog is written consul://HOST:PORT; CONSUL_HTTP_ADDR and its companions count too"}
	}
	return &Catalog{client: client, opts: opts, now: time.Now}, nil
}

// Close drops the idle connections to Consul.
func (c *Catalog) Close() { c.client.Close() }

// Services implements fleet.Catalog.
func (c *Catalog) Services(ctx context.Context) (fleet.ServiceList, error) {
	list, err := c.client.Services(ctx)
	if err != nil {
		return fleet.ServiceList{}, c.explain(ctx, err)
	}
	result := fleet.ServiceList{
		Services: make([]fleet.Service, 0, len(list.Services)),
		Hidden:   list.Hidden, Provenance: c.provenance("GET " + consul.ServicesPath),
	}
	for _, s := range list.Services {
		result.Services = append(result.Services, fleet.Service{
			Name: s.Name, Tags: s.Tags, GRPC: s.GRPC,
			Counts: fleet.Counts{Instances: s.Endpoints, Passing: s.Passing, Warning: s.Warning, Critical: s.Critical, Maintenance: s.Maintenance},
		})
	}
	return result, nil
}

// Instances implements fleet.Catalog.
func (c *Catalog) Instances(ctx context.Context, service string) (fleet.InstanceList, error) {
	r, err := c.client.Lookup(ctx, service)
	if err != nil {
		return fleet.InstanceList{}, c.explain(ctx, err)
	}
	return c.list(service, r.Endpoints, r.Hidden), nil
}

// Watch implements fleet.Catalog.
func (c *Catalog) Watch(ctx context.Context, service string, notify func(fleet.Update)) error {
	return c.client.Watch(ctx, service, func(u discovery.Update) {
		update := fleet.Update{List: c.list(service, u.Endpoints, u.Hidden)}
		if u.Err != nil {
			update.Err = c.explain(ctx, u.Err)
		}
		notify(update)
	})
}

func (c *Catalog) list(service string, endpoints []discovery.Endpoint, hidden bool) fleet.InstanceList {
	list := fleet.InstanceList{
		Service: service, Instances: make([]fleet.Instance, 0, len(endpoints)),
		Hidden: hidden, Provenance: c.provenance("GET " + consul.LookupPath(service)),
	}
	for i := range endpoints {
		list.Instances = append(list.Instances, instance(&endpoints[i]))
	}
	return list
}

func instance(e *discovery.Endpoint) fleet.Instance {
	return fleet.Instance{
		ID: e.ID, Service: e.Service, Addr: e.Addr,
		Version: e.Meta[fleet.MetaVersion], Zone: e.Meta[fleet.MetaZone],
		Tags: e.Tags, Meta: e.Meta, Catalog: fleet.Status(e.Status), GRPC: e.GRPC,
	}
}

func (c *Catalog) provenance(query string) fleet.Provenance {
	return fleet.Provenance{Source: "consul " + c.client.Address(), Query: query, At: c.now()}
}
