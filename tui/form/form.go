// Package form is the model behind the form in which the dashboard lets a
// request be filled in. It is data and editing operations only: it draws
// nothing, reads no files and talks to nobody.
//
// A Form is a tree made from the descriptor of a message, seen as the rows that
// are visible now. It grows where it is opened, so that messages which contain
// themselves have no end and cost nothing. What is typed into a row is
// understood at once: a right text becomes a value and is shown as protobuf's
// JSON would have it, a wrong one stays as it was typed, with a text that says
// what the type wants.
//
// The form has a mirror, its JSON. JSON writes it and SetJSON reads it, and the
// one followed by the other changes nothing.
package form

import (
	"errors"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// MaxElements is how many elements of one list or map have rows. What is behind
// them is kept and sent, and can be seen and changed in the JSON only.
const MaxElements = 10_000

// ID names a row for as long as it exists, whatever is added or removed around
// it. No row has the ID 0.
type ID int

// Form is a message that is being filled in. It is not safe for use by several
// goroutines at once.
type Form struct {
	// Now tells the time that texts such as "now-5m" count from.
	Now func() time.Time

	types *resolver
	root  *node
	byID  map[ID]*node
	last  ID
	facts map[protoreflect.Descriptor]*facts
	shown int // rows of the last Rows
}

// New returns the empty form of a message. The types are those that values of
// google.protobuf.Any and extensions can have; nil stands for those that are
// linked into the program.
func New(desc protoreflect.MessageDescriptor, types Types) *Form {
	f := &Form{
		Now:   time.Now,
		types: newResolver(desc, types),
		byID:  map[ID]*node{},
		facts: map[protoreflect.Descriptor]*facts{},
	}
	f.root = f.content(nil, desc, nil)
	return f
}

// errNoRow tells that a row is gone.
var errNoRow = errors.New("this row is not in the form any more")

// find returns the node of a row.
func (f *Form) find(id ID) (*node, error) {
	if n := f.byID[id]; n != nil {
		return n, nil
	}
	return nil, errNoRow
}

// register gives a new node its ID.
func (f *Form) register(n *node) *node {
	f.last++
	n.id = f.last
	f.byID[n.id] = n
	return n
}

// forget drops the IDs of a node that leaves the form.
func (f *Form) forget(n *node) {
	delete(f.byID, n.id)
	for _, kid := range n.kids {
		f.forget(kid)
	}
}

// remember is the way back from forget.
func (f *Form) remember(n *node) {
	f.byID[n.id] = n
	for _, kid := range n.kids {
		f.remember(kid)
	}
}
