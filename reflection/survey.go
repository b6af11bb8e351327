package reflection

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
)

// Surveyed is what one service of the catalog said about itself.
type Surveyed struct {
	Service   string  // of the catalog
	Schema    *Schema // nil where nothing is known
	GRPC      bool    // the catalog says that it speaks gRPC
	FromCache bool    // the schema is of an earlier run: Err says why there is no newer one
	Err       error   // why the service was not asked or did not answer
}

// Survey asks every service of the catalog for its schema, all at once and
// within a bounded time, and remembers the answers. The result is sorted by
// service. An error means that the catalog did not answer.
func (l *Locator) Survey(ctx context.Context) ([]Surveyed, error) {
	return l.survey(ctx, "")
}

// survey asks one service of the catalog, if it has one of that name, or all.
func (l *Locator) survey(ctx context.Context, only string) ([]Surveyed, error) {
	s := l.newSearch("", only)
	ctx, cancel := context.WithTimeout(ctx, searchLimit)
	defer cancel()
	waves, err := s.waves(ctx)
	if err != nil {
		return nil, err
	}
	names := slices.Concat(waves...)
	slices.Sort(names)
	candidates, err := s.lookup(ctx, names)
	if err != nil {
		return nil, err
	}
	s.ask(ctx, candidates, s.headers())
	s.save(!s.chosen)
	out := make([]Surveyed, 0, len(names))
	for _, name := range names {
		v := Surveyed{Service: name, GRPC: slices.Contains(s.marked, name), Schema: s.schemas[name], Err: s.errs[name]}
		if v.Schema == nil {
			if v.Err == nil {
				v.Err = noInstances(name)
			}
			v.Schema = l.loadSchema(name)
			v.FromCache = v.Schema != nil
		}
		out = append(out, v)
	}
	return out, nil
}

// Symbol is a declaration and the service of the catalog whose schema has it.
type Symbol struct {
	Surveyed

	Descriptor protoreflect.Descriptor
}

// Symbol returns the declaration that name means, in the forms of
// Schema.FindSymbol. Servers are asked for it, first those that are known to
// have the name as a service or method; what they said earlier counts only
// where they do not answer now. A symbol that several services declare in the
// same way is the symbol of any of them; service narrows the search as in
// Method. Errors are as in Method.
func (l *Locator) Symbol(ctx context.Context, name, service string) (*Symbol, error) {
	if l.Schema != nil {
		d, err := l.Schema.FindSymbol(name)
		return &Symbol{Surveyed{Schema: l.Schema}, d}, err
	}
	if where := l.owners(name, service); len(where) == 1 {
		if schema, err := l.Refresh(ctx, where[0]); err == nil {
			if d, err := schema.FindSymbol(name); err == nil {
				return &Symbol{Surveyed{Service: where[0], Schema: schema}, d}, nil
			}
		}
	}
	all, err := l.survey(ctx, service)
	if err != nil {
		return nil, err
	}
	return pick(all, name, service)
}

// owners returns the services of the catalog that had a gRPC service or method
// of this name.
func (l *Locator) owners(name, service string) []string {
	x := l.loadIndex()
	where, _, err := x.resolve(nil, name, service)
	if err == nil {
		svc, _ := splitMethod(cleanName(name))
		if svc == "" && !x.complete {
			return nil
		}
		return where
	}
	for _, e := range x.entries {
		if len(ofService(e.methods, name)) > 0 && (service == "" || service == e.service) {
			where = append(where, e.service)
		}
	}
	return where
}

// pick finds name in what the services said.
func pick(all []Surveyed, name, service string) (*Symbol, error) {
	var found []Symbol
	var other error
	var near []string
	for _, v := range all {
		if v.Schema == nil {
			continue
		}
		d, err := v.Schema.FindSymbol(name)
		var unknown *UnknownError
		switch {
		case err == nil && (service == "" || service == v.Service || within(d, service)):
			found = append(found, Symbol{v, d})
		case errors.As(err, &unknown):
			near = append(near, unknown.Nearest...)
		case err != nil && other == nil:
			other = err
		}
	}
	switch {
	case len(found) > 0:
		return same(found, name)
	case other != nil:
		return nil, other
	}
	return nil, withSilent(unknownSymbol(near, cleanName(name)), all)
}

// within tells whether d is the gRPC service or one of its methods.
func within(d protoreflect.Descriptor, service string) bool {
	for ; d != nil; d = d.Parent() {
		if sd, ok := d.(protoreflect.ServiceDescriptor); ok {
			return MatchesService(string(sd.FullName()), service)
		}
	}
	return false
}

// same returns one of the symbols if they are all alike.
func same(found []Symbol, name string) (*Symbol, error) {
	var full, where []string
	text, differ := "", false
	for i, f := range found {
		if n := string(f.Descriptor.FullName()); !slices.Contains(full, n) {
			full = append(full, n)
		}
		where = append(where, f.Service)
		t, err := Text(f.Descriptor)
		if err != nil {
			t = err.Error()
		}
		differ = differ || i > 0 && t != text
		text = t
	}
	switch {
	case len(full) > 1:
		return nil, ambiguousSymbol(cleanName(name), full)
	case differ:
		return nil, &fleet.Error{
			Kind: fleet.Usage, What: "services of the catalog disagree about " + full[0],
			Err:  &AmbiguousError{Name: full[0], Full: where},
			Hint: "choose one, for example with --service " + where[0],
		}
	}
	return &found[0], nil
}

// withSilent adds to err who did not answer.
func withSilent(err error, all []Surveyed) error {
	s := search{schemas: map[string]*Schema{}, errs: map[string]error{}}
	for _, v := range all {
		if v.Err != nil {
			s.errs[v.Service] = v.Err
		} else {
			s.schemas[v.Service] = v.Schema
		}
	}
	var e *fleet.Error
	if errors.As(err, &e) {
		s.name = strings.TrimPrefix(e.What, "unknown name ")
	}
	return s.unknown(err)
}
