package reflection

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Types resolves the types and extensions of a schema as dynamic ones, for
// protojson, prototext and proto.Unmarshal. Messages that the schema does not
// have, such as the details of errors, are looked up among the google.* types
// that are linked into the program.
type Types struct{ schema *Schema }

// Types returns the resolver of the schema's types.
func (s *Schema) Types() *Types { return &Types{s} }

// FindMessageByName implements protoregistry.MessageTypeResolver.
func (t *Types) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if md, ok := t.schema.find(string(name)).(protoreflect.MessageDescriptor); ok && !Missing(md) {
		return dynamicpb.NewMessageType(md), nil
	}
	if strings.HasPrefix(string(name), "google.") {
		return protoregistry.GlobalTypes.FindMessageByName(name)
	}
	return nil, protoregistry.NotFound
}

// FindMessageByURL implements protoregistry.MessageTypeResolver.
func (t *Types) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	return t.FindMessageByName(protoreflect.FullName(url[strings.LastIndexByte(url, '/')+1:]))
}

// FindExtensionByName implements protoregistry.ExtensionTypeResolver.
func (t *Types) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	if xd, ok := t.schema.find(string(name)).(protoreflect.ExtensionDescriptor); ok && xd.IsExtension() {
		return dynamicpb.NewExtensionType(xd), nil
	}
	return nil, protoregistry.NotFound
}

// FindExtensionByNumber implements protoregistry.ExtensionTypeResolver.
func (t *Types) FindExtensionByNumber(message protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	for _, e := range t.schema.exts {
		if e.number == int32(number) && e.extendee == string(message) {
			return t.FindExtensionByName(protoreflect.FullName(e.name))
		}
	}
	return nil, protoregistry.NotFound
}
