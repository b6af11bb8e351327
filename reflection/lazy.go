package reflection

import (
	"fmt"
	"sort"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/runtime/protoimpl"
)

// lazyFiles builds descriptors of normalised files when they are first asked
// for, by the builder that generated code uses: it reads the wire form, resolves
// lazily and validates nothing. That is right only for files that were linked
// before, which the checksum of the cache promises.
type lazyFiles struct {
	index *index

	mu    sync.Mutex
	built []protoreflect.FileDescriptor // nil until asked for
	busy  []bool
}

func newLazyFiles(x *index) *lazyFiles {
	return &lazyFiles{index: x, built: make([]protoreflect.FileDescriptor, len(x.entries)), busy: make([]bool, len(x.entries))}
}

// FindFileByPath implements protodesc.Resolver.
func (l *lazyFiles) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byPath(path)
}

// FindDescriptorByName implements protodesc.Resolver.
func (l *lazyFiles) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	l.mu.Lock()
	f, top, err := l.declaring(name)
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return descend(f, top, name)
}

func (l *lazyFiles) byPath(path string) (protoreflect.FileDescriptor, error) {
	entries := l.index.entries
	i := sort.Search(len(entries), func(i int) bool { return entries[i].path >= path })
	if i == len(entries) || entries[i].path != path {
		return nil, protoregistry.NotFound
	}
	return l.build(i)
}

// declaring returns the file that declares name, and the top-level symbol of
// that file which is name or holds it.
func (l *lazyFiles) declaring(name protoreflect.FullName) (protoreflect.FileDescriptor, protoreflect.FullName, error) {
	for top := name; top != ""; top = top.Parent() {
		if i, ok := l.index.fileOf(string(top)); ok {
			f, err := l.build(i)
			return f, top, err
		}
	}
	return nil, "", protoregistry.NotFound
}

// build builds file i. The caller holds mu.
func (l *lazyFiles) build(i int) (f protoreflect.FileDescriptor, err error) {
	if l.built[i] != nil {
		return l.built[i], nil
	}
	if l.busy[i] {
		return nil, protoregistry.NotFound
	}
	l.busy[i] = true
	view := &fileView{files: l, locked: true}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: invalid descriptor: %v", l.index.entries[i].path, r)
		}
	}()
	b := protoimpl.DescBuilder{GoPackagePath: "gctl", RawDescriptor: l.index.entries[i].raw, FileRegistry: view}
	f = b.Build().File
	view.locked = false
	l.built[i], l.busy[i] = f, false
	return f, nil
}

// fileView is what one file resolves its references with. While the file is
// being built the lock is held already; later, when references are resolved
// lazily, it is not.
type fileView struct {
	files  *lazyFiles
	locked bool
}

func (v *fileView) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if v.locked {
		return v.files.byPath(path)
	}
	return v.files.FindFileByPath(path)
}

func (v *fileView) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if !v.locked {
		return v.files.FindDescriptorByName(name)
	}
	f, top, err := v.files.declaring(name)
	if err != nil {
		return nil, err
	}
	return descend(f, top, name)
}

// RegisterFile accepts the file; lazyFiles keeps it.
func (*fileView) RegisterFile(protoreflect.FileDescriptor) error { return nil }
