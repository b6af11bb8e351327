package form

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// shape is what the children of a node are.
type shape int

const (
	leaf     shape = iota // no children; its value is one text
	aMessage              // its fields and oneofs
	anAny                 // the message in it, once the type is chosen
	aList                 // its elements
	aMap                  // its entries, ordered by key
	aOneof                // the chosen case
)

// role is how a node hangs in its parent.
type role int

const (
	aField   role = iota // by its field, or its oneof
	element              // by its place in a list
	entry                // by its key in a map
	theWhole             // as the root or the message in an Any
)

// node is a place in the form.
type node struct {
	id    ID
	shape shape
	role  role
	up    *node

	fd protoreflect.FieldDescriptor   // of elements and entries that of the list or map; nil for a oneof and a whole
	vd protoreflect.FieldDescriptor   // what describes one value of fd: of an entry the map's value
	md protoreflect.MessageDescriptor // if it is a message of any kind
	od protoreflect.OneofDescriptor

	set  bool
	open bool

	// A leaf: the last right value, if set, and the text, which is what was typed
	// as long as there is a problem with it.
	value   protoreflect.Value
	text    string
	problem string

	key protoreflect.MapKey // of an entry
	hot bool                // the key is the name of something secret
	url string              // of an Any

	// A message is read into kids when somebody looks into it; until then src, if
	// not nil, is its content. It is never changed.
	src     protoreflect.Message
	summary string // of src, once it was asked for
	loaded  bool
	kids    []*node
	aside   []*node // cases of a oneof that were chosen before

	rest    []protoreflect.Value // of a list behind MaxElements
	restMap []mapEntry           // of a map behind MaxElements
}

// mapEntry is an entry of a map that has no row.
type mapEntry struct {
	key   protoreflect.MapKey
	value protoreflect.Value
}

// always tells whether a node cannot be unset: it is there or it is not.
func (n *node) always() bool { return n.role != aField }

// isSet tells whether a node has a value.
func (n *node) isSet() bool {
	switch n.shape {
	case aList, aMap, aOneof:
		return len(n.kids) > 0
	default:
		return n.set
	}
}

// count returns how many elements a list or map has.
func (n *node) count() int { return len(n.kids) + len(n.rest) + len(n.restMap) }

// touch marks everything above n as set: a message with a field is there.
func (n *node) touch() {
	for up := n.up; up != nil; up = up.up {
		up.set = true
	}
}

// index returns the place of n among its siblings, -1 if it is not there.
func (n *node) index() int {
	for i, kid := range n.up.kids {
		if kid == n {
			return i
		}
	}
	return -1
}

// scalar returns what describes the scalar of a leaf, also one in a wrapper; nil
// for the other well-known types.
func (n *node) scalar() protoreflect.FieldDescriptor {
	if n.md != nil {
		return wrapped(n.md)
	}
	return n.vd
}
