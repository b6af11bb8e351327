package commands

import (
	"context"
	"errors"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/health"
	"github.com/gctl-dev/gctl/rpc"
)

// healthReport is what was found in one round of questions.
type healthReport struct {
	services []askedService // sorted as the catalog or the user has them
	foreign  []string       // services that speak another protocol
	empty    []string       // services of the catalog without instances
}

// askedService is a service with the answers of its instances and the verdict.
type askedService struct {
	name      string
	declared  bool // somebody said that it speaks gRPC
	instances []fleet.Instance
	answers   []fleet.Health
	verdict   health.Verdict
}

// healthy tells whether all services are, and at least one is there.
func (r *healthReport) healthy() bool {
	return len(r.services) > 0 && !slices.ContainsFunc(r.services, func(s askedService) bool { return !s.verdict.Healthy })
}

// ask finds the services, asks their instances and judges the answers.
func (o *healthOptions) ask(ctx context.Context, list func(context.Context, string) (fleet.InstanceList, error)) (*healthReport, error) {
	services, err := o.find(ctx, list)
	if err != nil {
		return nil, err
	}
	r := &healthReport{}
	var all []fleet.Instance
	for i := range services {
		all = append(all, services[i].instances...)
	}
	answers := health.Ask(ctx, o.prober, all, health.Questions{Names: o.names, List: o.list})
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, context.Cause(ctx)
	}
	for _, s := range services {
		n := slices.IndexFunc(answers, func(h fleet.Health) bool { return h.Instance.Service != s.name })
		if len(s.instances) == 0 {
			n = 0
		} else if n < 0 {
			n = len(answers)
		}
		s.answers, answers = answers[:n], answers[n:]
		switch {
		case len(o.services) == 0 && len(s.instances) == 0:
			r.empty = append(r.empty, s.name)
			continue
		case len(o.services) == 0 && s.foreign():
			r.foreign = append(r.foreign, s.name)
			continue
		}
		s.verdict = o.rule.Judge(s.name, s.answers)
		r.services = append(r.services, s)
	}
	return r, nil
}

// find returns the services that are meant, with their instances.
func (o *healthOptions) find(ctx context.Context, list func(context.Context, string) (fleet.InstanceList, error)) ([]askedService, error) {
	names, declared := slices.Compact(slices.Sorted(slices.Values(o.services))), map[string]bool{}
	if o.f.Global.Addr != "" && len(names) == 0 {
		names = []string{o.f.Global.Addr}
	}
	if len(names) == 0 {
		all, err := listServices(ctx, o.f)
		if err != nil {
			return nil, err
		}
		for _, s := range all.Services {
			names = append(names, s.Name)
			declared[s.Name] = s.GRPC
		}
	}
	services := make([]askedService, len(names))
	errs := make([]error, len(names))
	fleet.Each(len(names), func(i int) {
		var found fleet.InstanceList
		found, errs[i] = list(ctx, names[i])
		services[i] = askedService{name: names[i], instances: found.Instances, declared: declared[names[i]]}
		for j := range found.Instances {
			in := &found.Instances[j]
			in.Service = names[i]
			if o.f.Global.Addr != "" {
				in.Catalog = "" // nobody has said anything of it
			}
			services[i].declared = services[i].declared || in.GRPC || in.Meta[fleet.MetaGRPCServices] != ""
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return services, nil
}

// listed lists the instances of a service that must be known.
func (o *healthOptions) listed(ctx context.Context, service string) (fleet.InstanceList, error) {
	if len(o.services) > 0 {
		return listInstances(ctx, o.f, service)
	}
	return o.listedIfAny(ctx, service)
}

// listedIfAny lists the instances of a service that need not be known.
func (o *healthOptions) listedIfAny(ctx context.Context, service string) (fleet.InstanceList, error) {
	catalog, err := o.f.Catalog()
	if err != nil {
		return fleet.InstanceList{}, err
	}
	list, err := catalog.Instances(ctx, service)
	if err != nil {
		return list, catalogError(o.f, err)
	}
	return list, nil
}

// foreign tells that a service speaks another protocol: nobody has said that it
// speaks gRPC, and each of its instances shows that it does not.
func (s *askedService) foreign() bool {
	return !s.declared && !slices.ContainsFunc(s.answers, func(h fleet.Health) bool {
		if h.State == fleet.TimedOut {
			return false // many servers wait for a client who knows their protocol
		}
		ce, ok := errors.AsType[*rpc.ConnectError](h.Err)
		return h.State != fleet.Unreachable || ok && !speaksOther(ce.Cause)
	})
}
