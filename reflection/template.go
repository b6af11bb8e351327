package reflection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fullstorydev/grpcurl"
	"github.com/jhump/protoreflect/desc" //nolint:staticcheck // what grpcurl's library takes
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/gctl-dev/gctl/fleet"
)

// maxTemplate bounds the number of fields of a template: types that hold each
// other many times over grow without end.
const maxTemplate = 5000

// Template returns a JSON document of the message with every field in it, of a
// oneof one, as a form to fill in.
func Template(md protoreflect.MessageDescriptor) (text []byte, err error) {
	defer recoverTo(&err, "cannot make a template of "+string(md.FullName()))
	if n := templateFields(md, nil, maxTemplate); n >= maxTemplate {
		return nil, &fleet.Error{What: fmt.Sprintf("a template of %s would have more than %d fields", md.FullName(), maxTemplate)}
	}
	wrapped, err := desc.WrapMessage(md)
	if err != nil {
		return nil, fmt.Errorf("cannot make a template of %s: %w", md.FullName(), err)
	}
	form, err := marshalForm(grpcurl.MakeTemplate(wrapped))
	if err != nil {
		return nil, err
	}
	msg := dynamicpb.NewMessage(md)
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(form, msg); err != nil {
		return nil, err
	}
	fillIn(msg, nil)
	text, err = protojson.MarshalOptions{AllowPartial: true, EmitDefaultValues: true}.Marshal(msg)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer // protojson's white space is random
	err = json.Indent(&out, text, "", "  ")
	return out.Bytes(), err
}

// marshalForm returns grpcurl's template on the wire. In its JSON well-known
// types are not always in the form that protojson takes.
func marshalForm(m protoadapt.MessageV1) ([]byte, error) {
	if dynamic, ok := m.(interface{ Marshal() ([]byte, error) }); ok {
		return dynamic.Marshal()
	}
	return proto.MarshalOptions{AllowPartial: true}.Marshal(protoadapt.MessageV2Of(m))
}

// fillIn sets what grpcurl's template leaves out: fields that tell "unset" from
// their default, and one member of each oneof.
func fillIn(m protoreflect.Message, path []protoreflect.FullName) {
	md := m.Descriptor()
	if md.FullName() == "google.protobuf.FieldMask" { // an empty path is no path
		m.Clear(md.Fields().ByName("paths"))
	}
	if strings.HasPrefix(string(md.FullName()), "google.protobuf.") || slices.Contains(path, md.FullName()) {
		return
	}
	path = append(path, md.FullName())
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if o := fd.ContainingOneof(); !fd.HasPresence() || m.Has(fd) || o != nil && m.WhichOneof(o) != nil {
			continue
		}
		if fd.Message() == nil {
			m.Set(fd, fd.Default())
		} else if !slices.Contains(path, fd.Message().FullName()) {
			m.Mutable(fd)
		}
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			if fd.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					fillIn(v.Message(), path)
					return true
				})
			}
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				fillIn(v.List().Get(i).Message(), path)
			}
		default:
			fillIn(v.Message(), path)
		}
		return true
	})
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
