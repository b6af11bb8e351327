package form_test

import (
	"testing"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

var strangeTypes = []string{"Timestamp", "Duration", "Any", "Struct", "Value", "ListValue", "FieldMask", "StringValue"}

// strange is a schema as nobody writes it and any server may send it: the
// well-known types have no fields, or others.
func strange(t *testing.T, empty bool) (protoreflect.MessageDescriptor, *dynamicpb.Types) {
	t.Helper()
	known := &descriptorpb.FileDescriptorProto{Name: new("known.proto"), Package: new("google.protobuf"), Syntax: new("proto3")}
	root := &descriptorpb.DescriptorProto{Name: new("Root")}
	for i, name := range strangeTypes {
		md := &descriptorpb.DescriptorProto{Name: new(name)}
		if !empty { // a list where a scalar belongs
			md.Field = []*descriptorpb.FieldDescriptorProto{{
				Name: new("x"), Number: new(int32(1)), Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(),
				Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: new(".google.protobuf." + name),
			}}
		}
		known.MessageType = append(known.MessageType, md)
		root.Field = append(root.Field, &descriptorpb.FieldDescriptorProto{
			Name: new("f" + name), Number: new(int32(i + 1)), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: new(".google.protobuf." + name),
		})
	}
	for i, name := range strangeTypes {
		root.Field = append(root.Field, &descriptorpb.FieldDescriptorProto{
			Name: new("l" + name), Number: new(int32(i + 100)), Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(),
			Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: new(".google.protobuf." + name),
		})
	}
	root.Field = append(root.Field, &descriptorpb.FieldDescriptorProto{
		Name: new("deep"), Number: new(int32(200)), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: new(".strange.Root"),
	})
	files, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{known, {
		Name: new("strange.proto"), Package: new("strange"), Syntax: new("proto3"), Dependency: []string{"known.proto"}, MessageType: []*descriptorpb.DescriptorProto{root},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := files.FindDescriptorByName("strange.Root")
	if err != nil {
		t.Fatal(err)
	}
	return d.(protoreflect.MessageDescriptor), dynamicpb.NewTypes(files)
}
