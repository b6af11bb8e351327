// Package reflection finds the way from a name to a callable method.
//
// A Schema is everything that is known about the services of one server: it
// comes from the server's reflection service, from protosets, from .proto
// files, or from the cache of an earlier run, and is the same thing whatever
// its source. What a source got wrong costs only the symbols that need it; the
// rest works, and Problems says what is missing.
//
// A Locator finds the service of a catalog that has a method, and remembers the
// answer, so that the next call needs neither catalog nor reflection.
//
// The package prints nothing and dials nothing.
package reflection

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
)

// Schema is an immutable set of linked descriptors. It is safe for concurrent
// use.
type Schema struct {
	index
	files files
	raw   []byte // the binary form it was read from, nil if it was linked here
}

// files finds descriptors. Both the registry of the standard library and the
// lazy files of the cache do.
type files interface {
	FindFileByPath(path string) (protoreflect.FileDescriptor, error)
	FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error)
}

// Hash identifies the schema: equal for equal descriptors, whatever their
// source and order. It is the hexadecimal SHA-256 of the files without comments.
func (s *Schema) Hash() string { return s.hash }

// Problems returns what was wrong with the source, one line each: files that
// are missing, broken or contradict each other, limits that were reached.
func (s *Schema) Problems() []string { return slices.Clone(s.problems) }

// Services returns the descriptors of all services, sorted by full name.
func (s *Schema) Services() []protoreflect.ServiceDescriptor {
	out := make([]protoreflect.ServiceDescriptor, 0, len(s.services))
	for _, e := range s.services {
		if sd, ok := s.find(e.name).(protoreflect.ServiceDescriptor); ok {
			out = append(out, sd)
		}
	}
	return out
}

// Methods returns the names of all methods, sorted. It builds no descriptors.
func (s *Schema) Methods() []MethodName {
	var out []MethodName
	for _, e := range s.services {
		for _, m := range e.methods {
			out = append(out, MethodName{Service: e.name, Method: m})
		}
	}
	return out
}

// HasService tells whether the schema has the service with this full name.
func (s *Schema) HasService(name string) bool {
	return slices.ContainsFunc(s.services, func(e serviceEntry) bool { return e.name == name })
}

// FindMethod returns the method that name means: see ResolveMethod for the
// forms. service narrows the search and may be empty.
//
// Unknown and ambiguous names are usage errors (*fleet.Error) that list the
// nearest candidates; a method whose request or response type the source did
// not deliver is a failure.
func (s *Schema) FindMethod(name, service string) (protoreflect.MethodDescriptor, error) {
	m, err := ResolveMethod(s.Methods(), name, service)
	if err != nil {
		return nil, err
	}
	sd, ok := s.find(m.Service).(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, &fleet.Error{What: "the schema lists " + m.Service + " without its descriptor"}
	}
	md := sd.Methods().ByName(protoreflect.Name(m.Method))
	if md == nil {
		return nil, &fleet.Error{What: "the schema lists " + m.String() + " without its descriptor"}
	}
	for _, t := range []protoreflect.MessageDescriptor{md.Input(), md.Output()} {
		if Missing(t) {
			return nil, &fleet.Error{
				What:    m.String() + " cannot be called: its type " + string(t.FullName()) + " is not in the schema",
				Details: s.Problems(),
				Hint:    "give the complete schema with --proto or --protoset",
			}
		}
	}
	return md, nil
}

// FindSymbol returns the service, method, message, enum, field, oneof, enum
// value or extension that name means. It takes full names, the forms of
// ResolveMethod for methods, the end of a full name where only one symbol has
// it, and any case where nothing else matches. Errors are as in FindMethod.
func (s *Schema) FindSymbol(name string) (protoreflect.Descriptor, error) {
	name = cleanName(name)
	dotted := strings.ReplaceAll(name, "/", ".")
	if d := s.find(dotted); d != nil && !Missing(d) {
		return d, nil
	}
	names := s.symbolNames()
	full, err := resolveSymbol(names, dotted)
	if err == nil {
		if d := s.find(full); d != nil {
			return d, nil
		}
	}
	if d := s.member(names, dotted); d != nil {
		return d, nil
	}
	if d, merr := s.FindMethod(name, ""); merr == nil {
		return d, nil
	} else if err == nil || isAmbiguous(merr) {
		return nil, merr
	}
	if isAmbiguous(err) {
		return nil, err
	}
	for _, m := range s.Methods() {
		names = append(names, m.Service+"."+m.Method)
	}
	return nil, unknownSymbol(names, dotted)
}

// member returns what name means as a part of a symbol, nil if it does not.
func (s *Schema) member(names []string, name string) protoreflect.Descriptor {
	for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
		full, err := resolveSymbol(names, name[:i])
		if err != nil {
			continue
		}
		if d := s.find(full + name[i:]); d != nil {
			return d
		}
	}
	return nil
}

// find returns the descriptor with this full name, or nil.
func (s *Schema) find(name string) protoreflect.Descriptor {
	d, err := s.files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil
	}
	return d
}

// symbolNames returns the full names of what a user may ask for by a short
// name: services, top-level messages and enums. Stand-ins are left out.
func (s *Schema) symbolNames() []string {
	var out []string
	for _, e := range s.symbols {
		if !isStandIn(s.entries[e.file].path) {
			out = append(out, e.name)
		}
	}
	return out
}
