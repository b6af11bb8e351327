package reflection

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
)

// Locator finds the service of a catalog that has a method. What it learns it
// keeps in the cache, so that the next question is answered without the catalog
// and without a server.
type Locator struct {
	Catalog fleet.Catalog
	// Open connects to one instance; the function it returns closes the
	// connection. It is called by several goroutines.
	Open  func(ctx context.Context, in fleet.Instance) (grpc.ClientConnInterface, func(), error)
	Cache Cache // nil for none
	// Scope keeps what was learned about one fleet apart from another's: the
	// name of the context, or the address.
	Scope   string
	Headers metadata.MD // sent with reflection requests
	// Search is sent instead while services are asked that may have nothing to do
	// with the matter: what is meant for one service is not for all.
	Search  metadata.MD
	Timeout time.Duration // for each service that is asked, 0 for 3 s, or 10 s for the only one
	// Schema, if not nil, is what the user gave by --proto or --protoset: no
	// server is asked for its schema, only for the names of its services.
	Schema *Schema
}

// Located is a method and who has it.
type Located struct {
	Service   string // of the catalog
	Method    protoreflect.MethodDescriptor
	Schema    *Schema
	FromCache bool // no server was asked in this run

	versions []string // the cached schema is theirs
}

// Covers tells whether the schema is fresh, or was fetched when the service had
// the versions that these instances publish. After a deployment it was not, and
// Again is due before anything is sent.
func (l *Located) Covers(instances []fleet.Instance) bool {
	return !l.FromCache || !slices.ContainsFunc(instances, func(in fleet.Instance) bool {
		return in.Version != "" && !slices.Contains(l.versions, in.Version)
	})
}

// Method returns the method that name means and the service of the catalog that
// has it. service narrows the search; it is the name of a service of the
// catalog, or the full name of a gRPC service or the end of one, and may be
// empty.
//
// Unknown and ambiguous names are usage errors (*fleet.Error); so is a gRPC
// service that several services of the catalog have. Before a name is called
// unknown everything was asked anew, and the error mentions who did not answer.
func (l *Locator) Method(ctx context.Context, name, service string) (*Located, error) {
	x := l.loadIndex()
	if found := l.warm(x, name, service); found != nil {
		return found, nil
	}
	return l.newSearch(name, service).method(ctx)
}

// warm answers from the cache alone, nil if it cannot. A bare method is looked
// up only if every service was asked once: another may have it too.
func (l *Locator) warm(x *fleetIndex, name, service string) *Located {
	if svc, _ := splitMethod(cleanName(name)); svc == "" && service == "" && !x.complete {
		return nil
	}
	where, m, err := x.resolve(l.Schema, name, service)
	if err != nil || len(where) != 1 {
		return nil
	}
	if e := &x.entries[x.find(where[0])]; !x.complete && service == "" && !slices.Contains(e.published, m.Service) {
		return nil // it may pass on what another one publishes
	}
	schema := l.Schema
	if schema == nil {
		if schema = l.loadSchema(where[0]); schema == nil {
			return nil
		}
	}
	md, err := schema.FindMethod(m.String(), "")
	if err != nil {
		return nil
	}
	found := &Located{Service: where[0], Method: md, Schema: schema, FromCache: true}
	if i := x.find(where[0]); i >= 0 {
		found.versions = x.entries[i].versions
	}
	return found
}

// Refresh fetches the schema of a service of the catalog anew.
func (l *Locator) Refresh(ctx context.Context, service string) (*Schema, error) {
	c, err := l.candidate(ctx, service)
	if err != nil {
		return nil, err
	}
	if len(c.instances) == 0 {
		return nil, noInstances(service)
	}
	schema, err := l.ask(ctx, c, question{timeout: askAloneTimeout, headers: l.Headers})
	if err != nil {
		return nil, err
	}
	x := l.loadIndex()
	x.put(service, schema.Methods(), &c)
	l.saveSchema(service, schema)
	l.saveIndex(x)
	return schema, nil
}

// Again fetches the schema behind located anew and finds the same method in it.
// changed is false if the schema is what it was, and then so is the answer: what
// did not work with it will not work now.
func (l *Locator) Again(ctx context.Context, located *Located) (again *Located, changed bool, err error) {
	if !located.FromCache || l.Schema != nil {
		return located, false, nil
	}
	schema, err := l.Refresh(ctx, located.Service)
	if err != nil {
		return nil, false, err
	}
	m := MethodName{Service: string(located.Method.Parent().FullName()), Method: string(located.Method.Name())}
	md, err := schema.FindMethod(m.String(), "")
	if err != nil {
		return nil, false, err
	}
	again = &Located{Service: located.Service, Method: md, Schema: schema}
	return again, schema.Hash() != located.Schema.Hash(), nil
}

// Service returns the schema of one service of the catalog, from the cache
// where it is known.
func (l *Locator) Service(ctx context.Context, service string) (schema *Schema, fromCache bool, err error) {
	if schema := l.loadSchema(service); schema != nil {
		return schema, true, nil
	}
	schema, err = l.Refresh(ctx, service)
	return schema, false, err
}

// resolve returns the method that name means, of all that were ever seen, and
// the services of the catalog that have it: where some publish it, only those,
// for the others pass it on.
func (x *fleetIndex) resolve(given *Schema, name, service string) ([]string, MethodName, error) {
	entries := x.entries
	if i := x.find(service); service != "" && i >= 0 {
		entries, service = entries[i:i+1], ""
	}
	var candidates []MethodName
	for _, e := range entries {
		candidates = append(candidates, e.methods...)
	}
	if given != nil {
		candidates = given.Methods()
	}
	m, err := ResolveMethod(candidates, name, service)
	if err != nil {
		return nil, m, err
	}
	var where, owners []string
	for _, e := range entries {
		if !slices.ContainsFunc(e.methods, func(have MethodName) bool { return have.Service == m.Service }) {
			continue
		}
		where = append(where, e.service)
		if slices.Contains(e.published, m.Service) {
			owners = append(owners, e.service)
		}
	}
	if len(owners) > 0 {
		where = owners
	}
	return where, m, nil
}
