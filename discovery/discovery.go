package discovery

import (
	"context"
	"maps"
	"slices"
)

// The verdicts of a registry about an endpoint.
const (
	Passing     = "passing"
	Warning     = "warning"
	Critical    = "critical"
	Maintenance = "maintenance"
)

// Endpoint is one place at which a service can be reached.
type Endpoint struct {
	ID      string // unique within the service
	Service string
	Node    string // the machine as the registry calls it, empty if it does not
	Addr    string // host:port, as a client dials it
	Status  string // Passing, Warning, Critical or Maintenance
	Tags    []string
	Meta    map[string]string
	GRPC    bool // the registry checks the endpoint by gRPC
}

// Equal reports whether two endpoints say the same.
func (e Endpoint) Equal(o Endpoint) bool {
	return e.ID == o.ID && e.Service == o.Service && e.Node == o.Node && e.Addr == o.Addr &&
		e.Status == o.Status && e.GRPC == o.GRPC &&
		slices.Equal(e.Tags, o.Tags) && maps.Equal(e.Meta, o.Meta)
}

// Update is one observation of a watch.
type Update struct {
	// Endpoints are all endpoints of the service, sorted by ID; with Err set,
	// the last ones that were known, until they are too old to be used.
	Endpoints []Endpoint
	// Hidden says that the registry left out endpoints that the caller may not
	// see, so that an empty list does not mean that there are none.
	Hidden bool
	// Err is why the registry could not be asked. The watch goes on.
	Err error
}

// Watcher reports the endpoints of a service.
type Watcher interface {
	// Watch calls notify with the present endpoints and after each change, one
	// call at a time, until ctx ends, and returns ctx's error. Failures on the
	// way are passed to notify and retried by the Watcher.
	Watch(ctx context.Context, service string, notify func(Update)) error
}

// HurriedWatcher is a Watcher that can be made to look at once. A channel whose
// connections fail wants that: what it knows may be old, however quiet the watch.
type HurriedWatcher interface {
	Watcher
	// WatchHurried is Watch, and asks the registry anew when it receives from hurry,
	// though not more often than the registry can bear.
	WatchHurried(ctx context.Context, service string, hurry <-chan struct{}, notify func(Update)) error
}

// Usable returns the endpoints that should get traffic: the passing ones, or,
// where not a single one passes, all of them. A registry whose checks fail for
// everybody is more likely wrong than right, and a refused call is no worse
// than one that was never made.
func Usable(all []Endpoint) []Endpoint {
	var passing []Endpoint
	for _, e := range all {
		if e.Status == Passing {
			passing = append(passing, e)
		}
	}
	if len(passing) == 0 {
		return all
	}
	return passing
}
