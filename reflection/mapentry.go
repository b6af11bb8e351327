package reflection

import (
	"strings"
	"unicode"

	"google.golang.org/protobuf/types/descriptorpb"
)

// renameMapEntries gives the entries of map fields the names that they must
// have. protobufjs, and with it the reflection of Node.js, calls the entry of a
// field labels "Labels" where descriptor.proto wants "LabelsEntry".
func renameMapEntries(messages []*descriptorpb.DescriptorProto) {
	for _, m := range messages {
		renameMapEntries(m.GetNestedType())
		for _, f := range m.GetField() {
			scope, name := "", f.GetTypeName()
			if i := strings.LastIndexByte(name, '.'); i >= 0 {
				scope, name = name[:i+1], name[i+1:]
			}
			want := mapEntryName(f.GetName())
			if entry := mapEntry(m, name); entry != nil && name != want && !hasNested(m, want) {
				entry.Name, f.TypeName = &want, new(scope+want)
			}
		}
	}
}

// mapEntry returns the nested type of that name, if it is the entry of a map.
func mapEntry(m *descriptorpb.DescriptorProto, name string) *descriptorpb.DescriptorProto {
	for _, n := range m.GetNestedType() {
		if n.GetName() == name && n.GetOptions().GetMapEntry() {
			return n
		}
	}
	return nil
}

func hasNested(m *descriptorpb.DescriptorProto, name string) bool {
	for _, n := range m.GetNestedType() {
		if n.GetName() == name {
			return true
		}
	}
	return false
}

// mapEntryName is the name of a map field's entry: the field's in camel case
// and "Entry" (the comment of map_entry in descriptor.proto).
func mapEntryName(field string) string {
	var b strings.Builder
	upper := true
	for _, c := range field {
		switch {
		case c == '_':
			upper = true
		case upper:
			b.WriteRune(unicode.ToUpper(c))
			upper = false
		default:
			b.WriteRune(c)
		}
	}
	return b.String() + "Entry"
}
