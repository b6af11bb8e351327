package message

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/fleet"
)

// problem is something in a JSON request that its type does not have.
type problem struct {
	offset     int // of the key or value
	what, hint string
	unknown    bool
}

// node is a JSON value that knows where it stands.
type node struct {
	offset  int
	value   any // nil, bool, json.Number or string; unset for objects and lists
	members []member
	list    []node
	object  bool
}

type member struct {
	key    string
	offset int
	node
}

// findProblem looks for the first field or enum value in raw that md does not
// have, nil if there is none. With fieldsMay unknown fields are allowed.
func findProblem(raw []byte, md protoreflect.MessageDescriptor, types Types, fieldsMay bool) *problem {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	p := &nodeParser{raw: raw, dec: dec}
	root, err := p.parse()
	if err != nil {
		return nil
	}
	c := &checker{types: types, fieldsMay: fieldsMay}
	return c.message(root, md)
}

type nodeParser struct {
	raw []byte
	dec *json.Decoder
}

// token returns the next token and where it starts.
func (p *nodeParser) token() (json.Token, int, error) {
	at := int(p.dec.InputOffset())
	for at < len(p.raw) && strings.IndexByte(" \t\r\n,:", p.raw[at]) >= 0 {
		at++
	}
	tok, err := p.dec.Token()
	return tok, at, err
}

func (p *nodeParser) parse() (node, error) {
	tok, at, err := p.token()
	if err != nil {
		return node{}, err
	}
	n := node{offset: at}
	switch tok {
	case json.Delim('{'):
		n.object = true
		for p.dec.More() {
			key, keyAt, err := p.token()
			if err != nil {
				return node{}, err
			}
			value, err := p.parse()
			if err != nil {
				return node{}, err
			}
			name, _ := key.(string)
			n.members = append(n.members, member{name, keyAt, value})
		}
		_, _, err = p.token()
	case json.Delim('['):
		for p.dec.More() {
			value, err := p.parse()
			if err != nil {
				return node{}, err
			}
			n.list = append(n.list, value)
		}
		_, _, err = p.token()
	default:
		n.value = tok
	}
	return n, err
}

type checker struct {
	types     Types
	fieldsMay bool
}

func (c *checker) message(n node, md protoreflect.MessageDescriptor) *problem {
	if md.FullName() == "google.protobuf.Any" {
		return c.anyValue(n)
	}
	if md.ParentFile() != nil && md.FullName().Parent() == "google.protobuf" && ownJSON[md.Name()] {
		return wellKnown(n, md.Name())
	}
	for _, m := range n.members {
		fd := c.field(md, m.key)
		switch {
		case fd == nil && c.fieldsMay, fd == nil && m.key == "@type":
		case fd == nil:
			return &problem{
				offset: m.offset, unknown: true,
				what: fmt.Sprintf("unknown field %q in %s", m.key, md.FullName()),
				hint: didYouMean(m.key, fieldNames(md)),
			}
		default:
			if p := c.fieldValue(m.node, fd); p != nil {
				return p
			}
		}
	}
	return nil
}

// anyValue checks an Any by the type that it names.
func (c *checker) anyValue(n node) *problem {
	for _, m := range n.members {
		url, ok := m.value.(string)
		if m.key != "@type" || !ok || c.types == nil {
			continue
		}
		if mt, err := c.types.FindMessageByURL(url); err == nil {
			return c.inAny(n, mt.Descriptor())
		}
		return &problem{
			offset: m.offset, unknown: true, what: fmt.Sprintf("unknown type %q", url),
			hint: "the schema of the service does not have it",
		}
	}
	return nil
}

// inAny checks the message in an Any: beside the type stand its fields, or, where
// its JSON is not its fields, a member "value".
func (c *checker) inAny(n node, md protoreflect.MessageDescriptor) *problem {
	if md.FullName() != "google.protobuf.Any" && (md.FullName().Parent() != "google.protobuf" || !ownJSON[md.Name()]) {
		return c.message(n, md)
	}
	for _, m := range n.members {
		if m.key == "value" {
			return c.message(m.node, md)
		}
	}
	return nil
}

func (c *checker) field(md protoreflect.MessageDescriptor, key string) protoreflect.FieldDescriptor {
	if name, ok := strings.CutPrefix(key, "["); ok && c.types != nil {
		ext, err := c.types.FindExtensionByName(protoreflect.FullName(strings.TrimSuffix(name, "]")))
		if err != nil {
			return nil
		}
		return ext.TypeDescriptor()
	}
	if fd := md.Fields().ByJSONName(key); fd != nil {
		return fd
	}
	return md.Fields().ByTextName(key)
}

func (c *checker) fieldValue(n node, fd protoreflect.FieldDescriptor) *problem {
	switch {
	case fd.IsMap():
		for _, m := range n.members {
			if p := c.single(m.node, fd.MapValue()); p != nil {
				return p
			}
		}
		return nil
	case fd.IsList():
		for _, item := range n.list {
			if p := c.single(item, fd); p != nil {
				return p
			}
		}
		return nil
	default:
		return c.single(n, fd)
	}
}

func (c *checker) single(n node, fd protoreflect.FieldDescriptor) *problem {
	if fd.Message() != nil {
		return c.message(n, fd.Message())
	}
	name, ok := n.value.(string)
	ed := fd.Enum()
	if !ok || ed == nil || ed.Values().ByName(protoreflect.Name(name)) != nil {
		return nil
	}
	var names []string
	for i := range ed.Values().Len() {
		names = append(names, string(ed.Values().Get(i).Name()))
	}
	return &problem{
		offset: n.offset, unknown: true,
		what: fmt.Sprintf("unknown value %q of %s", name, ed.FullName()),
		hint: didYouMean(name, names),
	}
}

func fieldNames(md protoreflect.MessageDescriptor) []string {
	var names []string
	for i := range md.Fields().Len() {
		names = append(names, md.Fields().Get(i).JSONName())
	}
	return names
}

// namesIn returns the names of the fields and enum values that a message of
// type md can have at any depth.
func namesIn(md protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) []string {
	if seen[md.FullName()] || len(seen) > 100 {
		return nil
	}
	seen[md.FullName()] = true
	var names []string
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		names = append(names, fd.TextName())
		switch {
		case fd.Message() != nil:
			names = append(names, namesIn(fd.Message(), seen)...)
		case fd.Enum() != nil:
			for j := range fd.Enum().Values().Len() {
				names = append(names, string(fd.Enum().Values().Get(j).Name()))
			}
		}
	}
	return names
}

// maxListed is how many names a hint lists where none is near.
const maxListed = 12

func didYouMean(name string, names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	near := fleet.Nearest(name, names, 3)
	switch {
	case len(near) > 0:
		return "did you mean " + strings.Join(near, " or ") + "?"
	case len(names) == 0:
		return "it has none"
	case len(names) > maxListed:
		return "it has " + strings.Join(names[:maxListed], ", ") + ", ..."
	default:
		return "it has " + strings.Join(names, ", ")
	}
}
