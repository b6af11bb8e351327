package consul

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/gctl-dev/gctl/discovery"
)

// Service is one service as the catalog lists it.
type Service struct {
	Name string
	Tags []string // union over the endpoints, sorted
	GRPC bool     // an endpoint is checked by gRPC
	// How many endpoints there are, and how many of each status.
	Endpoints, Passing, Warning, Critical, Maintenance int
}

func (s *Service) add(status string, n int) {
	s.Endpoints += n
	switch status {
	case discovery.Passing:
		s.Passing += n
	case discovery.Warning:
		s.Warning += n
	case discovery.Maintenance:
		s.Maintenance += n
	default:
		s.Critical += n
	}
}

// ServiceList is the answer of Services.
type ServiceList struct {
	Services []Service // sorted by name
	Hidden   bool      // ACLs filtered services or checks out
}

// ServicesPath are the paths that Services asks for.
const ServicesPath = "/v1/internal/ui/services + /v1/health/state/any"

// summary is the part of an answer of /v1/internal/ui/services that is used
// here.
type summary struct {
	Name, Kind, PeerName string
	Tags, Nodes          []string
	InstanceCount        int
}

// Services lists all services with the status of their endpoints; sidecar
// proxies and gateways are left out.
//
// No single query of Consul answers this: the one that lists all checks misses
// endpoints without a check, and the one that counts endpoints counts checks
// instead of verdicts. So both are asked at once and joined. What this leaves
// open (an endpoint without a check on a machine that is itself in trouble) is
// asked service by service.
func (c *Client) Services(ctx context.Context) (ServiceList, error) {
	var summaries []summary
	var hidden [2]bool
	checks := newChecks()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		a, err := c.get(groupCtx, "/v1/internal/ui/services", c.tagFilter(`Service.Tags`, ""), c.cfg.Timeout, func(dec *json.Decoder) error {
			return eachElement(dec, func(s *summary) { summaries = append(summaries, *s) })
		})
		hidden[0] = a.hides(len(summaries))
		return err
	})
	group.Go(func() error {
		a, err := c.get(groupCtx, "/v1/health/state/any", c.tagFilter(`ServiceTags`, `ServiceID == "" or `), c.cfg.Timeout, func(dec *json.Decoder) error {
			return eachElement(dec, checks.add)
		})
		hidden[1] = a.hidden
		return err
	})
	if err := group.Wait(); err != nil {
		if notServed(err) {
			return c.servicesOneByOne(ctx)
		}
		return ServiceList{}, err
	}
	list := ServiceList{Hidden: hidden[0] || hidden[1]}
	var open []int
	for i := range summaries {
		s := &summaries[i]
		if s.PeerName != "" || s.Kind != "" && s.Kind != "typical" {
			continue
		}
		service, exact := checks.join(s)
		if !exact {
			open = append(open, len(list.Services))
		}
		list.Services = append(list.Services, service)
	}
	err := c.countExactly(ctx, &list, open)
	slices.SortFunc(list.Services, func(a, b Service) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

// tagFilter restricts a listing to the configured tags by an expression over
// the list field.
func (c *Client) tagFilter(field, or string) url.Values {
	if len(c.cfg.Tags) == 0 {
		return nil
	}
	terms := make([]string, 0, len(c.cfg.Tags))
	for _, tag := range c.cfg.Tags {
		terms = append(terms, fmt.Sprintf("%q in %s", tag, field))
	}
	return url.Values{"filter": {or + "(" + strings.Join(terms, " and ") + ")"}}
}

// notServed tells whether an answer means that a path does not exist here: the
// UI's paths are internal and may be blocked or gone.
func notServed(err error) bool {
	var s *StatusError
	return errors.As(err, &s) && (s.Code == http.StatusNotFound || s.Code == http.StatusMethodNotAllowed ||
		s.Code == http.StatusForbidden && strings.Contains(s.Body, "Endpoint is blocked"))
}

// servicesOneByOne is Services for a Consul that does not serve the UI's paths:
// one request a service.
func (c *Client) servicesOneByOne(ctx context.Context) (ServiceList, error) {
	var names map[string][]string
	a, err := c.get(ctx, "/v1/catalog/services", nil, c.cfg.Timeout, func(dec *json.Decoder) error { return dec.Decode(&names) })
	if err != nil {
		return ServiceList{}, err
	}
	list := ServiceList{Hidden: a.hides(len(names))}
	for name, tags := range names {
		slices.Sort(tags)
		list.Services = append(list.Services, Service{Name: name, Tags: tags})
	}
	all := make([]int, len(list.Services))
	for i := range all {
		all[i] = i
	}
	if err := c.countExactly(ctx, &list, all); err != nil {
		return ServiceList{}, err
	}
	// What has no typical endpoint is a proxy, or lacks the wanted tags.
	list.Services = slices.DeleteFunc(list.Services, func(s Service) bool { return s.Endpoints == 0 })
	slices.SortFunc(list.Services, func(a, b Service) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// countExactly replaces the counts of the services with these positions by
// those of their endpoints.
func (c *Client) countExactly(ctx context.Context, list *ServiceList, positions []int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, i := range positions {
		group.Go(func() error {
			s := &list.Services[i]
			r, err := c.Lookup(ctx, s.Name)
			if err != nil {
				return err
			}
			*s = Service{Name: s.Name, Tags: s.Tags}
			for _, e := range r.Endpoints {
				s.add(e.Status, 1)
				s.GRPC = s.GRPC || e.GRPC
			}
			return nil
		})
	}
	return group.Wait()
}

// Datacenters lists the names of the datacenters that the agent knows.
func (c *Client) Datacenters(ctx context.Context) ([]string, error) {
	local := *c
	local.cfg.Datacenter, local.cfg.Namespace = "", ""
	var names []string
	_, err := local.get(ctx, "/v1/catalog/datacenters", nil, c.cfg.Timeout, func(dec *json.Decoder) error { return dec.Decode(&names) })
	return names, err
}
