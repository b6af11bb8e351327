// Package fleet is the domain of gctl: the services of a fleet, their
// instances, and the facts known about them.
//
// The package holds types and the small interfaces over them and imports
// nothing but the standard library. Each technology that delivers facts
// (Consul, a file, DNS, ...) has a sub-package that turns its answers into these
// types; commands and the dashboard read the types and never ask which
// technology it was.
package fleet

import (
	"context"
	"time"
)

// Status is the verdict of a catalog about an instance, not of the instance
// about itself.
type Status string

// The verdicts, from good to bad. Maintenance is an operator's decision and
// outranks what the checks say.
const (
	Passing     Status = "passing"
	Warning     Status = "warning"
	Critical    Status = "critical"
	Maintenance Status = "maintenance"
)

// Service is a named group of instances as a catalog lists it.
type Service struct {
	Name string
	Tags []string          // union over the instances, sorted
	Meta map[string]string // the pairs that all instances share; nil where a catalog cannot list them at once
	GRPC bool              // the catalog itself says that an instance speaks gRPC
	Counts
}

// Counts says how many instances a service has and how many of them have each
// catalog verdict.
type Counts struct {
	Instances, Passing, Warning, Critical, Maintenance int
}

// Add counts one instance with the verdict s.
func (c *Counts) Add(s Status) {
	c.Instances++
	switch s {
	case Passing:
		c.Passing++
	case Warning:
		c.Warning++
	case Maintenance:
		c.Maintenance++
	default:
		c.Critical++
	}
}

// Instance is one process that serves a service.
type Instance struct {
	ID      string
	Service string
	Addr    string // host:port, as a client dials it
	Version string // from the meta "version", empty if not published
	Zone    string // from the meta "zone", empty if not published
	Tags    []string
	Meta    map[string]string
	Catalog Status
	GRPC    bool // the catalog itself says that the instance speaks gRPC
}

// The meta keys that gctl understands. Services that do not publish them work
// too.
const (
	MetaInstance     = "instance"      // the instance's own name
	MetaTLS          = "tls"           // "true" or "false"
	MetaGRPCServices = "grpc_services" // comma-separated full names
	MetaAdmin        = "admin"         // address of the control API
	MetaMetrics      = "metrics"       // address of /metrics
	MetaHTTP         = "http"          // address of gRPC-Web, Connect and JSON
	MetaVersion      = "version"
	MetaZone         = "zone"
	MetaAuthority    = "authority" // the name in the instance's certificate, where it is not the host of its address
)

// Provenance is the evidence behind a fact: who said it, asked what, when.
type Provenance struct {
	Source string // for example "consul 127.0.0.1:8500"
	Query  string // for example "GET /v1/health/service/user"
	At     time.Time
	Feed   string // name of the Store's Source by which the fact came; empty outside a Store

	heard *hearing // of a fact about an instance that a Store heard; nil elsewhere
}

// ServiceList is a catalog's answer to "which services are there?".
type ServiceList struct {
	Services   []Service // sorted by name
	Hidden     bool      // the catalog left out results that the caller may not see
	Provenance Provenance
}

// InstanceList is a catalog's answer to "which instances has this service?".
type InstanceList struct {
	Service    string
	Instances  []Instance // sorted by ID
	Hidden     bool       // as in ServiceList
	Provenance Provenance
}

// Update is one observation of a watch: a list, or why there is none. After an
// error the last list still is the last known one.
type Update struct {
	List InstanceList
	Err  error
}

// Catalog tells which services and instances exist.
//
// A service that the catalog does not know is an empty InstanceList, not an
// error: "no such service" and "no instances right now" look the same to most
// registries, and the caller knows which names would have been right.
type Catalog interface {
	// Services lists every service with the counts of its instances.
	Services(ctx context.Context) (ServiceList, error)
	// Instances lists the instances of one service, whatever their status.
	Instances(ctx context.Context, service string) (InstanceList, error)
	// Watch calls notify with the present list and then after each change,
	// one call at a time, until ctx ends; it returns ctx's error. Failures on
	// the way are passed to notify and retried.
	Watch(ctx context.Context, service string, notify func(Update)) error
}
