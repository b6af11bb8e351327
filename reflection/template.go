package reflection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/fleet"
)

// maxTemplate bounds the number of fields of a template: types that hold each
// other many times over grow without end.
const maxTemplate = 5000

// Template returns a JSON document of the message with every field in it, of a
// oneof the first one, of a list or map one element, as a form to fill in. It
// is a valid message.
func Template(md protoreflect.MessageDescriptor) (text []byte, err error) {
	defer recoverTo(&err, "cannot make a template of "+string(md.FullName()))
	if n := templateFields(md, nil, maxTemplate); n >= maxTemplate {
		return nil, &fleet.Error{What: fmt.Sprintf("a template of %s would have more than %d fields", md.FullName(), maxTemplate)}
	}
	msg := dynamicpb.NewMessage(md)
	fillIn(msg, nil)
	text, err = protojson.MarshalOptions{AllowPartial: true, EmitDefaultValues: true}.Marshal(msg)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer // protojson's white space is random
	err = json.Indent(&out, text, "", "  ")
	return out.Bytes(), err
}

// fillIn sets the fields of m, except those whose type is one of path, the
// types around m.
func fillIn(m protoreflect.Message, path []protoreflect.FullName) {
	md := m.Descriptor()
	if fillInWellKnown(m) {
		return
	}
	path = append(path, md.FullName())
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if o := fd.ContainingOneof(); o != nil && m.WhichOneof(o) != nil || endless(fd, path) {
			continue
		}
		switch {
		case fd.IsMap():
			value := m.Mutable(fd).Map()
			entry := value.NewValue()
			if fd.MapValue().Message() != nil {
				fillIn(entry.Message(), path)
			}
			value.Set(fd.MapKey().Default().MapKey(), entry)
		case fd.IsList():
			list := m.Mutable(fd).List()
			element := list.NewElement()
			if fd.Message() != nil {
				fillIn(element.Message(), path)
			}
			list.Append(element)
		case fd.Message() != nil:
			fillIn(m.Mutable(fd).Message(), path)
		default:
			m.Set(fd, fd.Default())
		}
	}
}

// endless tells whether the field's type is one of those that it stands in.
func endless(fd protoreflect.FieldDescriptor, path []protoreflect.FullName) bool {
	if fd.IsMap() {
		fd = fd.MapValue()
	}
	return fd.Message() != nil && slices.Contains(path, fd.Message().FullName())
}

// fillInWellKnown leaves the messages that have a JSON form of their own
// (https://protobuf.dev/programming-guides/json) as that form wants them, and
// returns false for all others.
func fillInWellKnown(m protoreflect.Message) bool {
	md := m.Descriptor()
	if md.ParentFile().Package() != "google.protobuf" {
		return false
	}
	switch md.Name() {
	case "Any": // must name a type; this one is always known
		m.Set(md.Fields().ByName("type_url"), protoreflect.ValueOfString("type.googleapis.com/google.protobuf.Empty"))
	case "Value": // must hold something
		m.Set(md.Fields().ByName("null_value"), protoreflect.ValueOfEnum(0))
	case "Struct", "ListValue", "FieldMask", "Timestamp", "Duration", "Empty",
		"DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "Int32Value", "UInt32Value",
		"BoolValue", "StringValue", "BytesValue":
	default:
		return false
	}
	return true
}

// templateFields counts the fields of a template, up to limit.
func templateFields(md protoreflect.MessageDescriptor, path []protoreflect.FullName, limit int) int {
	if slices.Contains(path, md.FullName()) {
		return 1
	}
	path = append(path, md.FullName())
	n := 1
	for i := 0; i < md.Fields().Len() && n < limit; i++ {
		n++
		if m := md.Fields().Get(i).Message(); m != nil {
			n += templateFields(m, path, limit-n)
		}
	}
	return n
}
