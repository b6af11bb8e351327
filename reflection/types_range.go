package reflection

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// RangeMessages calls f for every message of the schema, also those inside
// others, until f returns false. What only stands in for a missing type is left
// out.
func (t *Types) RangeMessages(f func(protoreflect.MessageType) bool) {
	for _, name := range t.schema.symbolNames() {
		if md, ok := t.schema.find(name).(protoreflect.MessageDescriptor); ok && !rangeMessage(md, f) {
			return
		}
	}
}

func rangeMessage(md protoreflect.MessageDescriptor, f func(protoreflect.MessageType) bool) bool {
	if md.IsMapEntry() {
		return true
	}
	if !f(dynamicpb.NewMessageType(md)) {
		return false
	}
	for i := range md.Messages().Len() {
		if !rangeMessage(md.Messages().Get(i), f) {
			return false
		}
	}
	return true
}

// RangeExtensionsByMessage calls f for every extension of a message that the
// schema has, until f returns false.
func (t *Types) RangeExtensionsByMessage(message protoreflect.FullName, f func(protoreflect.ExtensionType) bool) {
	for _, e := range t.schema.exts {
		if e.extendee != string(message) {
			continue
		}
		xt, err := t.FindExtensionByName(protoreflect.FullName(e.name))
		if err == nil && !f(xt) {
			return
		}
	}
}
