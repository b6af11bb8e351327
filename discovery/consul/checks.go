package consul

import (
	"slices"

	"github.com/gctl-dev/gctl/discovery"
)

// checks gathers the checks of a whole catalog: those of machines by machine,
// those of endpoints by service and endpoint.
type checks struct {
	nodes    map[string]string // only those that are not passing
	services map[string]*serviceChecks
}

type serviceChecks struct {
	grpc      bool
	endpoints map[endpointKey]string
}

// endpointKey names an endpoint: IDs are unique on one machine only.
type endpointKey struct{ node, id string }

func newChecks() *checks {
	return &checks{nodes: map[string]string{}, services: map[string]*serviceChecks{}}
}

func (cs *checks) add(ch *check) {
	verdict := ch.verdict()
	if ch.ServiceID == "" {
		if verdict != discovery.Passing {
			cs.nodes[ch.Node] = worse(cs.nodes[ch.Node], verdict)
		}
		return
	}
	s := cs.services[ch.ServiceName]
	if s == nil {
		s = &serviceChecks{endpoints: map[endpointKey]string{}}
		cs.services[ch.ServiceName] = s
	}
	s.grpc = s.grpc || ch.Type == "grpc"
	key := endpointKey{ch.Node, ch.ServiceID}
	if old, ok := s.endpoints[key]; ok {
		verdict = worse(old, verdict)
	}
	s.endpoints[key] = verdict
}

// join combines the checks of a service with what its summary says. It is not
// exact where an endpoint without a check may live on a machine in trouble.
func (cs *checks) join(sum *summary) (service Service, exact bool) {
	service = Service{Name: sum.Name, Tags: slices.Sorted(slices.Values(sum.Tags))}
	if s := cs.services[sum.Name]; s != nil {
		service.GRPC = s.grpc
		for key, verdict := range s.endpoints {
			if node, bad := cs.nodes[key.node]; bad {
				verdict = worse(verdict, node)
			}
			service.add(verdict, 1)
		}
	}
	unchecked := sum.InstanceCount - service.Endpoints
	switch {
	case unchecked < 0:
		return service, false // the two answers are of different moments
	case unchecked == 0:
		return service, true
	}
	service.add(discovery.Passing, unchecked)
	return service, !slices.ContainsFunc(sum.Nodes, func(n string) bool { return cs.nodes[n] != "" })
}
