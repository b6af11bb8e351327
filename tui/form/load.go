package form

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// content returns a node for a whole message: the root, or what is in an Any.
// A src of nil is an empty message.
func (f *Form) content(up *node, md protoreflect.MessageDescriptor, src protoreflect.Message) *node {
	n := f.register(&node{role: theWhole, up: up, md: md, shape: shapeOf(md)})
	f.put(n, messageValue(src))
	return n
}

// field returns a node for a field; an invalid v means that it is not set.
func (f *Form) field(up *node, fd protoreflect.FieldDescriptor, v protoreflect.Value) *node {
	n := &node{role: aField, up: up, fd: fd, vd: fd}
	switch {
	case fd.IsMap():
		n.shape = aMap
	case fd.IsList():
		n.shape = aList
	default:
		n.md = fd.Message()
		n.shape = shapeOf(n.md)
	}
	f.put(f.register(n), v)
	return n
}

// element returns a node for an element of a list.
func (f *Form) element(up *node, v protoreflect.Value) *node {
	n := f.register(&node{role: element, up: up, fd: up.fd, vd: up.fd, md: up.fd.Message(), shape: shapeOf(up.fd.Message())})
	f.put(n, v)
	return n
}

// entry returns a node for an entry of a map.
func (f *Form) entry(up *node, key protoreflect.MapKey, v protoreflect.Value) *node {
	vd := up.fd.MapValue()
	n := f.register(&node{role: entry, up: up, key: key, hot: isSecretName(key.String()), fd: up.fd, vd: vd, md: vd.Message(), shape: shapeOf(vd.Message())})
	f.put(n, v)
	return n
}

// shapeOf returns the shape of one value.
func shapeOf(md protoreflect.MessageDescriptor) shape {
	switch {
	case md == nil || isLeaf(md):
		return leaf
	case isAny(md):
		return anAny
	default:
		return aMessage
	}
}

// put makes v the content of a node.
func (f *Form) put(n *node, v protoreflect.Value) {
	for _, kid := range n.kids {
		f.forget(kid)
	}
	n.kids, n.rest, n.restMap, n.loaded, n.src, n.summary, n.url = nil, nil, nil, false, nil, "", ""
	if !v.IsValid() && n.always() {
		v = initial(n)
	}
	n.set = v.IsValid()
	switch n.shape {
	case leaf:
		n.give(v)
	case aList:
		f.putList(n, v)
	case aMap:
		f.putMap(n, v)
	case anAny:
		if n.set {
			f.putAny(n, v.Message())
		}
	default:
		if n.set {
			n.src = v.Message()
		}
		if n.open {
			f.load(n)
		}
	}
}

// give makes v the value of a leaf.
func (n *node) give(v protoreflect.Value) {
	n.set, n.value, n.problem, n.text = v.IsValid(), v, "", ""
	if n.set {
		n.text = formatLeaf(n.vd, n.md, v)
	}
}

// initial returns what a node is when nothing was said about it yet.
func initial(n *node) protoreflect.Value {
	switch {
	case n.shape == aList || n.shape == aMap || n.shape == aOneof:
		return protoreflect.Value{}
	case n.md == nil && n.role == aField && n.vd.HasDefault():
		return n.vd.Default()
	case n.md == nil:
		return zero(n.vd)
	}
	m := dynamicpb.NewMessage(n.md)
	if n.md.FullName() == valueName { // an empty Value has no JSON
		if v, err := fromJSON(n.md, "null", "null"); err == nil {
			return v
		}
	}
	return protoreflect.ValueOfMessage(m)
}

func (f *Form) putList(n *node, v protoreflect.Value) {
	if !v.IsValid() {
		return
	}
	list := v.List()
	shown := min(list.Len(), MaxElements)
	n.kids = make([]*node, 0, shown)
	for i := range list.Len() {
		if i < shown {
			n.kids = append(n.kids, f.element(n, list.Get(i)))
		} else {
			n.rest = append(n.rest, list.Get(i))
		}
	}
}

func (f *Form) putMap(n *node, v protoreflect.Value) {
	if !v.IsValid() {
		return
	}
	var entries []mapEntry
	v.Map().Range(func(key protoreflect.MapKey, v protoreflect.Value) bool {
		entries = append(entries, mapEntry{key, v})
		return true
	})
	slices.SortFunc(entries, func(a, b mapEntry) int { return compareKeys(a.key, b.key) })
	shown := min(len(entries), MaxElements)
	for _, e := range entries[:shown] {
		n.kids = append(n.kids, f.entry(n, e.key, e.value))
	}
	n.restMap = entries[shown:]
}

// putAny reads an Any: the message in it if its type is known, its bytes if not.
func (f *Form) putAny(n *node, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	n.url = m.Get(fields.ByNumber(1)).String()
	raw := m.Get(fields.ByNumber(2)).Bytes()
	if n.url == "" {
		return
	}
	if md := f.types.message(n.url); md != nil {
		inside := dynamicpb.NewMessage(md)
		if err := (proto.UnmarshalOptions{AllowPartial: true, Resolver: f.types}).Unmarshal(raw, inside); err == nil {
			n.kids = []*node{f.content(n, md, inside)}
			return
		}
	}
	bytes := wrapperspb.Bytes(raw).ProtoReflect()
	n.kids = []*node{f.content(n, bytes.Descriptor(), bytes)}
}

// load reads a message into nodes for its fields.
func (f *Form) load(n *node) {
	if n.loaded || n.shape != aMessage {
		return
	}
	n.loaded = true
	fields := n.md.Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		od := fd.ContainingOneof()
		switch {
		case od == nil || od.IsSynthetic():
			n.kids = append(n.kids, f.field(n, fd, valueIn(n.src, fd)))
		case od.Fields().Get(0) == fd:
			n.kids = append(n.kids, f.oneof(n, od))
		}
	}
	for _, td := range f.extensions(n) {
		n.kids = append(n.kids, f.field(n, td, valueIn(n.src, td)))
	}
	n.src = nil
}

// oneof returns the node of a oneof of a message that is being loaded.
func (f *Form) oneof(up *node, od protoreflect.OneofDescriptor) *node {
	n := f.register(&node{role: aField, shape: aOneof, up: up, od: od})
	if up.src != nil {
		if fd := up.src.WhichOneof(od); fd != nil {
			n.kids = []*node{f.field(n, fd, up.src.Get(fd))}
		}
	}
	return n
}

// extensions returns those that are known and those that are set, by name.
func (f *Form) extensions(n *node) []protoreflect.ExtensionTypeDescriptor {
	known := f.types.extensions(n.md)
	if n.src == nil {
		return known
	}
	n.src.Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		td, ok := fd.(protoreflect.ExtensionTypeDescriptor)
		if ok && !slices.ContainsFunc(known, func(k protoreflect.ExtensionTypeDescriptor) bool { return k.Number() == td.Number() }) {
			known = append(known, td)
		}
		return true
	})
	slices.SortFunc(known, func(a, b protoreflect.ExtensionTypeDescriptor) int {
		return cmp.Compare(a.FullName(), b.FullName())
	})
	return known
}

// valueIn returns the value of a field that is set.
func valueIn(m protoreflect.Message, fd protoreflect.FieldDescriptor) protoreflect.Value {
	if m == nil || !m.Has(fd) {
		return protoreflect.Value{}
	}
	return m.Get(fd)
}

// messageValue is the value of a message, invalid for nil.
func messageValue(m protoreflect.Message) protoreflect.Value {
	if m == nil {
		return protoreflect.Value{}
	}
	return protoreflect.ValueOfMessage(m)
}
