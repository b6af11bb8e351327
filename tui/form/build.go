package form

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// build returns the message that a node stands for. Parts of it are shared with
// the form and must not be changed.
func (f *Form) build(n *node) protoreflect.Message {
	switch {
	case n.shape == leaf && n.md != nil:
		return n.value.Message()
	case n.shape == anAny:
		return f.buildAny(n)
	case n.loaded:
		m := dynamicpb.NewMessage(n.md)
		for _, kid := range n.kids {
			f.place(m, kid)
		}
		return m
	case n.src != nil:
		return n.src
	default:
		return dynamicpb.NewMessage(n.md)
	}
}

// place sets the field of m that n stands for.
func (f *Form) place(m protoreflect.Message, n *node) {
	if !n.isSet() {
		return
	}
	switch n.shape {
	case aOneof:
		f.place(m, n.kids[0])
	case aList:
		list := m.Mutable(n.fd).List()
		for _, kid := range n.kids {
			list.Append(f.buildValue(kid))
		}
		for _, v := range n.rest {
			list.Append(v)
		}
	case aMap:
		entries := m.Mutable(n.fd).Map()
		for _, kid := range n.kids {
			entries.Set(kid.key, f.buildValue(kid))
		}
		for _, e := range n.restMap {
			entries.Set(e.key, e.value)
		}
	default:
		m.Set(n.fd, f.buildValue(n))
	}
}

// buildValue returns one value.
func (f *Form) buildValue(n *node) protoreflect.Value {
	if n.shape == leaf {
		return n.value
	}
	return protoreflect.ValueOfMessage(f.build(n))
}

func (f *Form) buildAny(n *node) protoreflect.Message {
	m := dynamicpb.NewMessage(n.md)
	if n.url == "" {
		return m
	}
	fields := n.md.Fields()
	m.Set(fields.ByNumber(1), protoreflect.ValueOfString(n.url))
	inside := f.build(n.kids[0])
	var raw []byte
	if f.types.message(n.url) == nil {
		raw = inside.Get(inside.Descriptor().Fields().ByNumber(1)).Bytes()
	} else {
		raw, _ = proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(inside.Interface())
	}
	if len(raw) > 0 {
		m.Set(fields.ByNumber(2), protoreflect.ValueOfBytes(raw))
	}
	return m
}
