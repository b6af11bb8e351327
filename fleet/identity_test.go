package fleet_test

import (
	"testing"

	"github.com/gctl-dev/gctl/fleet"
)

// joined is a world in which every rule has something to join, and something
// that it must not.
func joined() *fleet.Identity {
	return fleet.NewIdentity(fleet.IdentityOptions{
		Instances: []fleet.Instance{
			{ID: "user-1", Service: "user", Addr: "10.0.0.1:9090", Meta: map[string]string{"metrics": "10.0.0.1:9100", "admin": "10.0.0.1:9200"}},
			{ID: "user-2", Service: "user", Addr: "10.0.0.2:9090", Meta: map[string]string{"instance": "pod-b", "grpc_services": "user.v1.UserService,grpc.health.v1.Health"}},
			{ID: "user-3", Service: "user", Addr: "10.0.0.3:9090"},
			{ID: "user-4", Service: "user", Addr: "10.0.0.3:9091"}, // shares its host
			{ID: "edge-1", Service: "edge", Addr: "10.0.0.9:8080", Meta: map[string]string{"grpc_services": "grpc.health.v1.Health"}},
			{ID: "cart-1", Service: "cart", Addr: "10.0.0.2:7070"}, // on the host of user-2
			{ID: "same", Service: "a", Addr: "10.0.0.7:1", Meta: map[string]string{"metrics": "10.0.0.7:9"}},
			{ID: "same", Service: "b", Addr: "10.0.0.7:1", Meta: map[string]string{"metrics": "10.0.0.7:9"}}, // one process, two names
		},
		Map:  map[string]map[string]string{"user": {"prometheus": "user-api", "jaeger": "users"}, "cart": {"prometheus": "user"}},
		GRPC: map[string][]string{"cart": {"cart.v1.Cart"}},
	})
}

func TestJoiningBySuites(t *testing.T) {
	type labels = map[string]string
	for name, c := range map[string]struct {
		labels labels
		want   fleet.Match
	}{
		"map":                          {labels{"job": "user-api"}, fleet.Match{Service: "user", Rule: fleet.ByMap}},
		"map, of another's name":       {labels{"job": "user"}, fleet.Match{Service: "cart", Rule: fleet.ByMap}},
		"name":                         {labels{"consul_service": "edge"}, fleet.Match{Service: "edge", Rule: fleet.ByName}},
		"service before job":           {labels{"service": "edge", "job": "kubernetes-pods"}, fleet.Match{Service: "edge", Rule: fleet.ByName}},
		"meta metrics":                 {labels{"instance": "10.0.0.1:9100"}, fleet.Match{Service: "user", Instance: "user-1", Rule: fleet.ByMeta}},
		"meta admin":                   {labels{"instance": "10.0.0.1:9200"}, fleet.Match{Service: "user", Instance: "user-1", Rule: fleet.ByMeta}},
		"meta instance":                {labels{"instance": "pod-b"}, fleet.Match{Service: "user", Instance: "user-2", Rule: fleet.ByMeta}},
		"resource attribute":           {labels{"service.instance.id": "user-3"}, fleet.Match{Service: "user", Instance: "user-3", Rule: fleet.ByInstanceID}},
		"consul":                       {labels{"consul_service_id": "user-4"}, fleet.Match{Service: "user", Instance: "user-4", Rule: fleet.ByConsul}},
		"address":                      {labels{"instance": "10.0.0.3:9091"}, fleet.Match{Service: "user", Instance: "user-4", Rule: fleet.ByAddress}},
		"host":                         {labels{"instance": "10.0.0.9:9999"}, fleet.Match{Service: "edge", Instance: "edge-1", Rule: fleet.ByHost}},
		"host with two instances":      {labels{"instance": "10.0.0.3:9999"}, fleet.Match{}},
		"host of two services":         {labels{"instance": "10.0.0.2:9999"}, fleet.Match{}},
		"the service decides the host": {labels{"instance": "10.0.0.2:9999", "job": "user-api"}, fleet.Match{Service: "user", Instance: "user-2", Rule: fleet.ByHost}},
		"the service alone":            {labels{"instance": "10.0.0.3:9999", "job": "user-api"}, fleet.Match{Service: "user", Rule: fleet.ByMap}},
		"one process, two names":       {labels{"instance": "10.0.0.7:9"}, fleet.Match{}},
		"two names, one named":         {labels{"instance": "10.0.0.7:9", "service": "b"}, fleet.Match{Service: "b", Instance: "same", Rule: fleet.ByMeta}},
		"gRPC service":                 {labels{"grpc_service": "cart.v1.Cart"}, fleet.Match{Service: "cart", Rule: fleet.ByGRPC}},
		"gRPC service of meta":         {labels{"grpc_service": "user.v1.UserService"}, fleet.Match{Service: "user", Rule: fleet.ByGRPC}},
		"gRPC service of several":      {labels{"grpc_service": "grpc.health.v1.Health"}, fleet.Match{}},
		"stranger":                     {labels{"job": "node", "instance": "10.9.9.9:9100"}, fleet.Match{}},
		"nothing":                      {nil, fleet.Match{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := joined().Join("prometheus", c.labels); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestNamesInASource(t *testing.T) {
	id := joined()
	if name, mapped := id.NameIn("jaeger", "user"); name != "users" || !mapped {
		t.Error(name, mapped)
	}
	if name, mapped := id.NameIn("jaeger", "edge"); name != "edge" || mapped {
		t.Error(name, mapped)
	}
	if m := id.Service("jaeger", "user"); m != (fleet.Match{}) {
		t.Errorf("%+v: the map says that user is called users there", m)
	}
}

// Nobody knows which of them is meant, and it is not left to chance.
func TestTwoServicesMappedToOneNameAreNotJoined(t *testing.T) {
	for range 20 {
		id := fleet.NewIdentity(fleet.IdentityOptions{
			Instances: []fleet.Instance{{ID: "a-1", Service: "a"}, {ID: "b-1", Service: "b"}, {ID: "c-1", Service: "c"}, {ID: "same-1", Service: "same"}},
			Map: map[string]map[string]string{
				"a": {"prometheus": "same", "jaeger": "a-there"}, "b": {"prometheus": "same", "jaeger": "b-there"}, "c": {"prometheus": "same"},
			},
		})
		if m := id.Service("prometheus", "same"); m != (fleet.Match{}) {
			t.Fatalf("%+v", m)
		}
		for name, want := range map[string]string{"a-there": "a", "b-there": "b"} {
			if m := id.Service("jaeger", name); m.Service != want {
				t.Fatalf("%s: %+v", name, m)
			}
		}
	}
}
