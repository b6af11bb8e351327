package testkit

import (
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// BrokenRule is the field that the rule of Uncheckable looks for.
const BrokenRule = "no_such_field"

// Uncheckable returns a message whose rules cannot be evaluated: one asks for a
// field that there is not.
func Uncheckable(t testing.TB) proto.Message {
	t.Helper()
	options := &descriptorpb.MessageOptions{}
	proto.SetExtension(options, validate.E_Message, &validate.MessageRules{
		Cel: []*validate.Rule{{Id: new("broken"), Expression: new("this." + BrokenRule + " == 1")}},
	})
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("test/uncheckable.proto"), Package: new("test"), Syntax: new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: new("Uncheckable"), Options: options}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return dynamicpb.NewMessage(file.Messages().Get(0))
}
