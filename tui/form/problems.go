package form

import (
	"errors"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Problem is what keeps a form from being sent.
type Problem struct {
	ID   ID     // of the row, or of the nearest one above where it has none
	Path string // as in roles[2].name
	Text string
}

// err returns path and text.
func (p Problem) err() error {
	if p.Path == "" {
		return errors.New(p.Text)
	}
	return errors.New(p.Path + ": " + p.Text)
}

// Problems returns the wrong texts and the missing required fields, from top to
// bottom.
func (f *Form) Problems() []Problem {
	problems := f.wrong()
	if proto.CheckInitialized(f.build(f.root).Interface()) != nil {
		problems = append(problems, missing(f.root)...)
	}
	return problems
}

// wrong returns the wrong texts.
func (f *Form) wrong() []Problem {
	var problems []Problem
	var walk func(n *node)
	walk = func(n *node) {
		if n.problem != "" {
			problems = append(problems, Problem{n.id, pathOf(n), n.problem})
		}
		for _, kid := range n.kids {
			walk(kid)
		}
	}
	walk(f.root)
	return problems
}

// missing returns the required fields that are not set. In an Any none is
// required: protobuf does not look into it either.
func missing(n *node) []Problem {
	switch {
	case n.shape == leaf, n.shape == anAny, !n.isSet():
		return nil
	case n.shape == aMessage && !n.loaded && n.src != nil:
		return missingIn(n, n.src, "")
	case n.shape == aMessage && !n.loaded:
		return missingIn(n, dynamicpb.NewMessage(n.md), "")
	}
	var problems []Problem
	for _, kid := range n.kids {
		if kid.role == aField && kid.fd != nil && kid.fd.Cardinality() == protoreflect.Required && !kid.isSet() && kid.problem == "" {
			problems = append(problems, Problem{kid.id, pathOf(kid), notSet})
		}
		problems = append(problems, missing(kid)...)
	}
	return problems
}

const notSet = "required, and not set"

// missingIn returns those of a message that nobody looked into.
func missingIn(n *node, m protoreflect.Message, path string) []Problem {
	var problems []Problem
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		at := join(path, label(fd))
		if fd.Cardinality() == protoreflect.Required && !m.Has(fd) {
			problems = append(problems, Problem{n.id, join(pathOf(n), at), notSet})
		}
		eachMessageOf(fd, m.Get(fd), at, func(m protoreflect.Message, at string) {
			problems = append(problems, missingIn(n, m, at)...)
		})
	}
	return problems
}

// eachMessageOf visits the messages in the value of a field, with their paths.
func eachMessageOf(fd protoreflect.FieldDescriptor, v protoreflect.Value, path string, visit func(protoreflect.Message, string)) {
	switch {
	case fd.IsMap() && fd.MapValue().Message() != nil:
		v.Map().Range(func(key protoreflect.MapKey, v protoreflect.Value) bool {
			visit(v.Message(), path+"["+strconv.Quote(key.String())+"]")
			return true
		})
	case fd.IsMap():
	case fd.IsList() && fd.Message() != nil:
		for i := range v.List().Len() {
			visit(v.List().Get(i).Message(), path+"["+strconv.Itoa(i)+"]")
		}
	case fd.Message() != nil && v.Message().IsValid():
		visit(v.Message(), path)
	}
}

// Path returns where a row is, as in roles[2].name; "" for the whole message and
// for a row that is gone.
func (f *Form) Path(id ID) string {
	if n := f.byID[id]; n != nil {
		return pathOf(n)
	}
	return ""
}

func pathOf(n *node) string {
	switch {
	case n.up == nil:
		return ""
	case n.role == element:
		return pathOf(n.up) + "[" + strconv.Itoa(n.index()) + "]"
	case n.role == entry:
		return pathOf(n.up) + "[" + strconv.Quote(n.key.String()) + "]"
	default:
		return join(pathOf(n.up), nameIn(n))
	}
}

// nameIn returns the name of a node in JSON, "" if it has none of its own.
func nameIn(n *node) string {
	if n.fd == nil {
		return ""
	}
	return label(n.fd)
}

func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}
