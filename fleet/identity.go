package fleet

import (
	"cmp"
	"context"
	"maps"
	"net"
	"slices"
	"strings"
)

// The rules by which names are joined, strongest first. The one that was used
// is part of the evidence.
const (
	ByMap        = "map"                 // the context's map says so
	ByMeta       = "meta"                // the instance published the name: instance, metrics, admin
	ByInstanceID = "service.instance.id" // OpenTelemetry's resource attribute
	ByConsul     = "consul"              // a label that Prometheus' Consul discovery left
	ByAddress    = "address"             // the same host and port
	ByHost       = "host"                // the only instance on that host
	ByName       = "name"                // the service has the same name in both
	ByGRPC       = "grpc_service"        // the only service of the catalog that serves it
)

// Labels that name an instance or a service, as the sources write them: the
// attribute names of OpenTelemetry, and the forms that Prometheus gives them.
// Consul's are the names that relabelling usually leaves of __meta_consul_*.
//
//nolint:gochecknoglobals // constants that the language cannot express
var (
	instanceIDLabels = []string{"service.instance.id", "service_instance_id", "exported_service_instance_id"}
	consulIDLabels   = []string{"consul_service_id", "service_id"}
	serviceLabels    = []string{"consul_service", "service", "service.name", "service_name", "exported_job", "job"}
)

// Identity joins the names that sources use with the services and instances of
// the catalog. What cannot be joined for certain is not joined: two services
// that fit are as good as none.
type Identity struct {
	instances map[string][]*Instance       // by service
	byMeta    map[string][]*Instance       // by what meta publishes: an own name, the addresses of metrics and admin
	byID      map[string][]*Instance       // by catalog ID and meta instance
	byAddr    map[string][]*Instance       // by host:port
	byHost    map[string][]*Instance       // by host
	mapped    map[string]map[string]string // source, name there: service, empty where the map says two
	back      map[string]map[string]string // source, service: name there
	served    map[string][]string          // gRPC service: services of the catalog
}

// IdentityOptions are what the joining rules know.
type IdentityOptions struct {
	Instances []Instance                   // of all services concerned; nobody may change them later
	Map       map[string]map[string]string // of a service of the catalog: source to its name there
	GRPC      map[string][]string          // of a service of the catalog: full names of the gRPC services it serves
}

// Match says whom a name means and by which rule. Instance is empty where only
// the service is known, both where nothing is.
type Match struct {
	Service, Instance string
	Rule              string // the weakest of those that were needed
}

// NewIdentity prepares the rules.
func NewIdentity(o IdentityOptions) *Identity {
	id := &Identity{
		instances: map[string][]*Instance{}, byMeta: map[string][]*Instance{}, byID: map[string][]*Instance{},
		byAddr: map[string][]*Instance{}, byHost: map[string][]*Instance{},
		mapped: map[string]map[string]string{}, back: map[string]map[string]string{}, served: map[string][]string{},
	}
	for i := range o.Instances {
		id.add(&o.Instances[i])
	}
	for service, names := range o.Map {
		for source, name := range names {
			meant := service
			if _, twice := id.mapped[source][name]; twice {
				meant = "" // nobody knows which of them it is
			}
			put(id.mapped, source, name, meant)
			put(id.back, source, service, name)
		}
	}
	for service, names := range o.GRPC {
		for _, name := range names {
			id.serves(name, service)
		}
	}
	return id
}

func put(m map[string]map[string]string, a, b, value string) {
	if m[a] == nil {
		m[a] = map[string]string{}
	}
	m[a][b] = value
}

func (id *Identity) add(in *Instance) {
	index := func(m map[string][]*Instance, key string) {
		if key != "" {
			m[key] = append(m[key], in)
		}
	}
	id.instances[in.Service] = append(id.instances[in.Service], in)
	for _, key := range []string{MetaInstance, MetaMetrics, MetaAdmin} {
		index(id.byMeta, in.Meta[key])
	}
	index(id.byID, in.ID)
	if own := in.Meta[MetaInstance]; own != in.ID {
		index(id.byID, own)
	}
	index(id.byAddr, in.Addr)
	index(id.byHost, hostOf(in.Addr))
	for name := range strings.SplitSeq(in.Meta[MetaGRPCServices], ",") {
		id.serves(strings.TrimSpace(name), in.Service)
	}
}

func (id *Identity) serves(grpcService, service string) {
	if grpcService != "" && !slices.Contains(id.served[grpcService], service) {
		id.served[grpcService] = append(id.served[grpcService], service)
	}
}

// NameIn returns what a service of the catalog is called in a source, and
// whether the context's map says so; else it is the same name.
func (id *Identity) NameIn(source, service string) (name string, mapped bool) {
	if name, ok := id.back[source][service]; ok {
		return name, true
	}
	return service, false
}

// Service joins the name of a service in a source with one of the catalog; the
// zero Match if there is none.
func (id *Identity) Service(source, name string) Match {
	switch service, ok := id.mapped[source][name]; {
	case ok && service == "":
		return Match{}
	case ok:
		return Match{Service: service, Rule: ByMap}
	}
	if _, taken := id.back[source][name]; taken { // the map says that it has another name there
		return Match{}
	}
	if _, ok := id.instances[name]; ok {
		return Match{Service: name, Rule: ByName}
	}
	return Match{}
}

// ServiceOfGRPC joins the full name of a gRPC service with the one service of
// the catalog that serves it.
func (id *Identity) ServiceOfGRPC(grpcService string) Match {
	if found := id.served[grpcService]; len(found) == 1 {
		return Match{Service: found[0], Rule: ByGRPC}
	}
	return Match{}
}

// Join finds whom the labels of a series, or the resource attributes of a span,
// are about.
func (id *Identity) Join(source string, labels map[string]string) Match {
	service := id.serviceOf(source, labels)
	for _, rule := range []struct {
		name   string
		index  map[string][]*Instance
		labels []string
		form   func(string) string
	}{
		{ByMeta, id.byMeta, append([]string{"instance"}, instanceIDLabels...), nil},
		{ByInstanceID, id.byID, instanceIDLabels, nil},
		{ByConsul, id.byID, consulIDLabels, nil},
		{ByAddress, id.byAddr, []string{"instance", "server.address", "server_address"}, nil},
		{ByHost, id.byHost, []string{"instance", "host.name", "host_name"}, hostOf},
	} {
		for _, label := range rule.labels {
			value := labels[label]
			if value == "" {
				continue
			}
			if rule.form != nil {
				value = rule.form(value)
			}
			if in, ok := only(rule.index[value], service.Service); ok {
				return Match{Service: in.Service, Instance: in.ID, Rule: rule.name}
			}
		}
	}
	return service
}

func (id *Identity) serviceOf(source string, labels map[string]string) Match {
	for _, label := range serviceLabels {
		if m := id.Service(source, labels[label]); m.Service != "" {
			return m
		}
	}
	return id.ServiceOfGRPC(labels["grpc_service"])
}

// only returns the one instance that is meant: the only one of the service
// where the service is known, the only one at all otherwise.
func only(found []*Instance, service string) (*Instance, bool) {
	var of []*Instance
	for _, in := range found {
		if in.Service == service {
			of = append(of, in)
		}
	}
	switch {
	case len(of) == 1:
		return of[0], true
	case service == "" && sameInstance(found):
		return found[0], true
	default:
		return nil, false
	}
}

func sameInstance(found []*Instance) bool {
	for _, in := range found {
		if in.ID != found[0].ID || in.Service != found[0].Service {
			return false
		}
	}
	return len(found) > 0
}

// Services returns the names of the services that can be joined, sorted.
func (id *Identity) Services() []string { return slices.Sorted(maps.Keys(id.instances)) }

// Instances returns the instances of a service, sorted by ID.
func (id *Identity) Instances(service string) []Instance {
	out := make([]Instance, 0, len(id.instances[service]))
	for _, in := range id.instances[service] {
		out = append(out, *in)
	}
	slices.SortFunc(out, func(a, b Instance) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// Joined is how a source calls somebody, and whom that means; the zero Match where
// the rules find nobody for certain.
type Joined struct {
	Name  string // as the source has it, such as a job of Prometheus
	Match Match
	Count int // of what has the name there: targets, ...; 0 where that says nothing
	Down  int // of them, those that the source itself cannot reach
}

// Namer is a source that can list the names that it knows.
type Namer interface {
	Names(ctx context.Context, id *Identity) ([]Joined, error)
}
