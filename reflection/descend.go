package reflection

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// descend finds name in f, where top is the top-level declaration of f that is
// name or holds it.
func descend(f protoreflect.FileDescriptor, top, name protoreflect.FullName) (protoreflect.Descriptor, error) {
	d := topLevel(f, top.Name())
	if d == nil {
		return nil, protoregistry.NotFound
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(string(name), string(top)), ".")
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ".")
		if d = child(d, protoreflect.Name(part)); d == nil {
			return nil, protoregistry.NotFound
		}
	}
	return d, nil
}

func topLevel(f protoreflect.FileDescriptor, n protoreflect.Name) protoreflect.Descriptor {
	if d := f.Messages().ByName(n); d != nil {
		return d
	}
	if d := f.Services().ByName(n); d != nil {
		return d
	}
	if d := f.Enums().ByName(n); d != nil {
		return d
	}
	if d := f.Extensions().ByName(n); d != nil {
		return d
	}
	return enumValue(f.Enums(), n)
}

func child(d protoreflect.Descriptor, n protoreflect.Name) protoreflect.Descriptor {
	switch d := d.(type) {
	case protoreflect.ServiceDescriptor:
		if m := d.Methods().ByName(n); m != nil {
			return m
		}
	case protoreflect.MessageDescriptor:
		return messageChild(d, n)
	}
	return nil
}

// messageChild asks for nested declarations before fields: types are what
// descriptors refer to, and looking at fields builds the whole file.
func messageChild(m protoreflect.MessageDescriptor, n protoreflect.Name) protoreflect.Descriptor {
	if d := m.Messages().ByName(n); d != nil {
		return d
	}
	if d := m.Enums().ByName(n); d != nil {
		return d
	}
	if d := m.Extensions().ByName(n); d != nil {
		return d
	}
	if d := m.Fields().ByName(n); d != nil {
		return d
	}
	if d := m.Oneofs().ByName(n); d != nil {
		return d
	}
	return enumValue(m.Enums(), n)
}

// enumValue finds a value of one of the enums: values are siblings of their
// enum, not its children.
func enumValue(enums protoreflect.EnumDescriptors, n protoreflect.Name) protoreflect.Descriptor {
	for i := range enums.Len() {
		if v := enums.Get(i).Values().ByName(n); v != nil {
			return v
		}
	}
	return nil
}
