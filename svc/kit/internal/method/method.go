// Package method looks up what the schema says of a method that is called.
package method

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Find returns the descriptor of a method by the name that is on the wire,
// "/package.Service/Method", or false where its generated code is not linked in.
func Find(name string) (protoreflect.MethodDescriptor, bool) {
	dotted := strings.Replace(strings.TrimPrefix(name, "/"), "/", ".", 1)
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(dotted))
	if err != nil {
		return nil, false
	}
	method, ok := found.(protoreflect.MethodDescriptor)
	return method, ok
}

// ReadOnly tells whether the schema says that the method has no side effects.
func ReadOnly(method protoreflect.MethodDescriptor) bool {
	return level(method) == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

// Idempotent tells whether the schema says that two calls of the method do what
// one does; one without side effects is idempotent too.
func Idempotent(method protoreflect.MethodDescriptor) bool {
	return level(method) != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
}

func level(method protoreflect.MethodDescriptor) descriptorpb.MethodOptions_IdempotencyLevel {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	return options.GetIdempotencyLevel()
}
