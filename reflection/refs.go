package reflection

import "google.golang.org/protobuf/types/descriptorpb"

// reference is one mention of a type in a file.
type reference struct {
	name string // with a leading dot if it is a full name
	enum bool
}

// references returns the types that f's fields, extensions and methods mention.
func references(f *descriptorpb.FileDescriptorProto) []reference {
	var out []reference
	seen := map[string]bool{}
	add := func(name string, enum bool) {
		if name != "" && !seen[name] {
			seen[name] = true
			out = append(out, reference{name, enum})
		}
	}
	eachField(f, func(fd *descriptorpb.FieldDescriptorProto) {
		add(fd.GetTypeName(), fd.GetType() == descriptorpb.FieldDescriptorProto_TYPE_ENUM)
		add(fd.GetExtendee(), false)
	})
	for _, s := range f.GetService() {
		for _, m := range s.GetMethod() {
			add(m.GetInputType(), false)
			add(m.GetOutputType(), false)
		}
	}
	return out
}

// eachField calls do for every field and extension of f.
func eachField(f *descriptorpb.FileDescriptorProto, do func(*descriptorpb.FieldDescriptorProto)) {
	fields := func(list []*descriptorpb.FieldDescriptorProto) {
		for _, fd := range list {
			do(fd)
		}
	}
	var message func(m *descriptorpb.DescriptorProto)
	message = func(m *descriptorpb.DescriptorProto) {
		fields(m.GetField())
		fields(m.GetExtension())
		for _, n := range m.GetNestedType() {
			message(n)
		}
	}
	for _, m := range f.GetMessageType() {
		message(m)
	}
	fields(f.GetExtension())
}

// declared returns the full names of the messages and enums that f declares.
func declared(f *descriptorpb.FileDescriptorProto) map[string]bool {
	out := map[string]bool{}
	enums := func(scope string, list []*descriptorpb.EnumDescriptorProto) {
		for _, e := range list {
			out[join(scope, e.GetName())] = true
		}
	}
	var messages func(scope string, list []*descriptorpb.DescriptorProto)
	messages = func(scope string, list []*descriptorpb.DescriptorProto) {
		for _, m := range list {
			name := join(scope, m.GetName())
			out[name] = true
			enums(name, m.GetEnumType())
			messages(name, m.GetNestedType())
		}
	}
	messages(f.GetPackage(), f.GetMessageType())
	enums(f.GetPackage(), f.GetEnumType())
	return out
}
