package reflection

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// index is what is known about a schema without building a descriptor.
type index struct {
	hash     string
	problems []string
	entries  []fileEntry    // sorted by path
	services []serviceEntry // sorted by name
	symbols  []symbolEntry  // top-level declarations, sorted by name
	exts     []extEntry
}

// fileEntry is one file as a normalised FileDescriptorProto on the wire:
// references fully qualified, without comments.
type fileEntry struct {
	path string
	raw  []byte
}

type serviceEntry struct {
	name    string
	methods []string // sorted
}

type symbolEntry struct {
	name string
	file int // in entries
}

type extEntry struct {
	extendee string
	number   int32
	name     string
}

// newIndex describes files, which must be linked and normalised.
func newIndex(linked []*descriptorpb.FileDescriptorProto, problems []string) (index, error) {
	x := index{problems: problems}
	linked = slices.Clone(linked)
	slices.SortFunc(linked, func(a, b *descriptorpb.FileDescriptorProto) int {
		return cmp.Compare(a.GetName(), b.GetName())
	})
	sum := sha256.New()
	for i, f := range linked {
		raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(f)
		if err != nil {
			return index{}, err
		}
		digest := sha256.Sum256(raw)
		sum.Write(digest[:]) // the path is in the file
		x.entries = append(x.entries, fileEntry{path: f.GetName(), raw: raw})
		x.addFile(i, f)
	}
	x.hash = hex.EncodeToString(sum.Sum(nil))
	slices.SortFunc(x.services, func(a, b serviceEntry) int { return cmp.Compare(a.name, b.name) })
	slices.SortFunc(x.symbols, func(a, b symbolEntry) int { return cmp.Compare(a.name, b.name) })
	return x, nil
}

func (x *index) addFile(i int, f *descriptorpb.FileDescriptorProto) {
	full := func(name string) string { return join(f.GetPackage(), name) }
	for _, m := range f.GetMessageType() {
		x.symbols = append(x.symbols, symbolEntry{full(m.GetName()), i})
		x.addNestedExtensions(full(m.GetName()), m)
	}
	for _, e := range f.GetEnumType() {
		x.symbols = append(x.symbols, symbolEntry{full(e.GetName()), i})
		for _, v := range e.GetValue() { // siblings of their enum, by protobuf's scoping
			x.symbols = append(x.symbols, symbolEntry{full(v.GetName()), i})
		}
	}
	for _, e := range f.GetExtension() {
		x.symbols = append(x.symbols, symbolEntry{full(e.GetName()), i})
		x.addExtension(full(e.GetName()), e)
	}
	for _, s := range f.GetService() {
		x.symbols = append(x.symbols, symbolEntry{full(s.GetName()), i})
		e := serviceEntry{name: full(s.GetName())}
		for _, m := range s.GetMethod() {
			e.methods = append(e.methods, m.GetName())
		}
		slices.Sort(e.methods)
		x.services = append(x.services, e)
	}
}

func (x *index) addNestedExtensions(scope string, m *descriptorpb.DescriptorProto) {
	for _, e := range m.GetExtension() {
		x.addExtension(join(scope, e.GetName()), e)
	}
	for _, n := range m.GetNestedType() {
		x.addNestedExtensions(join(scope, n.GetName()), n)
	}
}

func (x *index) addExtension(name string, e *descriptorpb.FieldDescriptorProto) {
	x.exts = append(x.exts, extEntry{extendee: trimDot(e.GetExtendee()), number: e.GetNumber(), name: name})
}

// fileOf returns the file that declares the top-level symbol name.
func (x *index) fileOf(name string) (int, bool) {
	i, ok := slices.BinarySearchFunc(x.symbols, name, func(e symbolEntry, n string) int { return cmp.Compare(e.name, n) })
	if !ok {
		return 0, false
	}
	return x.symbols[i].file, true
}

func join(scope, name string) string {
	if scope == "" {
		return name
	}
	return scope + "." + name
}

func trimDot(name string) string {
	if name != "" && name[0] == '.' {
		return name[1:]
	}
	return name
}
