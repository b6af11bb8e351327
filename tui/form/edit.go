package form

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Set makes text the value of a row. What it means depends on the row: the text
// of a scalar or a well-known type, a name or number of an enum, the case of a
// oneof, the type URL or type name of an Any, the JSON of a message. An empty
// text clears whatever is no string or bytes.
//
// A wrong text stays in the row with the returned error as its Problem, and the
// value before it stays too, until Set, Clear or Revert. For what is no text, a
// oneof, an Any or a message, an error changes nothing.
func (f *Form) Set(id ID, text string) (err error) {
	defer catch(&err)
	n, err := f.find(id)
	if err != nil {
		return err
	}
	if text == "" && !n.takesEmpty() {
		return f.Clear(id)
	}
	switch n.shape {
	case leaf:
		return f.setLeaf(n, text)
	case aOneof:
		return f.choose(n, text)
	case anAny:
		return f.setType(n, text)
	case aMessage:
		return f.setMessage(n, text)
	default:
		return errors.New("a list or map has no text: add, change and remove what is in it, or edit the JSON")
	}
}

// takesEmpty tells whether an empty text is a value of a leaf.
func (n *node) takesEmpty() bool {
	switch {
	case n.shape != leaf:
		return false
	case n.md != nil && n.md.FullName() == fieldMaskName:
		return true
	}
	fd := n.scalar()
	return fd != nil && (fd.Kind() == protoreflect.StringKind || fd.Kind() == protoreflect.BytesKind)
}

func (f *Form) setLeaf(n *node, text string) error {
	if n.md != nil && strings.TrimSpace(text) == "null" && n.nullClears() {
		return f.Clear(n.id)
	}
	v, err := f.parse(n, text)
	if err != nil {
		if fd := n.scalar(); fd != nil && fd.Kind() == protoreflect.BytesKind && n.fd != nil && f.factsOf(n.fd).secret {
			_, err = wrongScalar(fd.Kind()) // without what was typed
		}
		n.text, n.problem = text, err.Error()
		return err
	}
	if n.role == aField && n.md == nil && !n.vd.HasPresence() && isZero(n.vd, v) {
		v = protoreflect.Value{} // nobody could tell it from unset
	}
	n.give(v)
	n.touch()
	return nil
}

// nullClears tells whether the word null can only mean no value.
func (n *node) nullClears() bool {
	return n.role == aField && n.md.FullName() != valueName && !n.takesEmpty()
}

func (f *Form) parse(n *node, text string) (protoreflect.Value, error) {
	if n.md != nil {
		return parseKnown(n.md, text, f.Now())
	}
	return parseScalar(n.vd, text)
}

// setMessage reads the JSON of a message.
func (f *Form) setMessage(n *node, text string) error {
	m := dynamicpb.NewMessage(n.md)
	opts := protojson.UnmarshalOptions{AllowPartial: true, Resolver: f.types}
	if err := opts.Unmarshal([]byte(text), m); err != nil {
		return fmt.Errorf("%s wants its JSON, such as {}: %s", n.md.FullName(), plain(err))
	}
	f.put(n, protoreflect.ValueOfMessage(m))
	n.touch()
	return nil
}

// plain returns the text of an error of protobuf's parsers, which put in
// strange spaces to keep programs from reading them.
func plain(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	return strings.TrimPrefix(text, "proto: ")
}

// Clear unsets a row: a field has no value, a oneof no case, a list no elements,
// an Any no type. An element, an entry or a chosen case that is cleared has the
// value that a new one has, except that a oneof whose case is cleared has none.
func (f *Form) Clear(id ID) error {
	n, err := f.find(id)
	if err != nil {
		return err
	}
	switch {
	case n.shape == aOneof:
		for _, kid := range n.kids {
			f.forget(kid)
		}
		n.kids, n.aside = nil, nil
	case n.up != nil && n.up.shape == aOneof:
		return f.Clear(n.up.id)
	default:
		f.put(n, protoreflect.Value{})
	}
	return nil
}

// Revert drops a wrong text: the row has the value again that it had before.
func (f *Form) Revert(id ID) error {
	n, err := f.find(id)
	if err == nil && n.shape == leaf {
		n.give(n.value)
	}
	return err
}

// Expand shows what is in a row. That sets nothing.
func (f *Form) Expand(id ID) error {
	n, err := f.find(id)
	if err != nil {
		return err
	}
	f.unfold(n)
	return nil
}

func (f *Form) unfold(n *node) {
	n.open = true
	f.load(n)
	if n.shape == anAny {
		for _, kid := range n.kids {
			f.load(kid)
		}
	}
}

// Collapse hides what is in a row.
func (f *Form) Collapse(id ID) error {
	n, err := f.find(id)
	if err == nil {
		n.open = false
	}
	return err
}

// catch turns a panic into an error: a schema comes from anywhere, and the
// libraries below rely on well-known types that look as they are known.
func catch(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the schema is not usable: %v", r)
	}
}
