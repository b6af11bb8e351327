package reflection

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// maxRounds bounds how often linking starts again without the files that turned
// out to be broken.
const maxRounds = 16

// link builds a Schema of files that came from outside and may be wrong in any
// way. A file that cannot be used, or whose imports are not all there, is a
// problem and not an error; what does not need it works.
func link(protos []*descriptorpb.FileDescriptorProto, problems []string) (*Schema, error) {
	known, problems := byPath(protos, problems)
	var l *linker
	for range maxRounds {
		l = newLinker(known)
		bad := l.run()
		for _, path := range slices.Sorted(maps.Keys(bad)) {
			problems = append(problems, fmt.Sprintf("%s: %v", path, bad[path]))
			delete(known, path)
		}
		if len(bad) == 0 {
			break
		}
	}
	x, err := newIndex(l.linked, append(problems, l.problems...))
	if err != nil {
		return nil, err
	}
	return &Schema{index: x, files: l.registry}, nil
}

// byPath tells the files apart. The first of a name wins.
func byPath(protos []*descriptorpb.FileDescriptorProto, problems []string) (map[string]*descriptorpb.FileDescriptorProto, []string) {
	known := map[string]*descriptorpb.FileDescriptorProto{}
	for _, f := range protos {
		renameMapEntries(f.GetMessageType())
		path := f.GetName()
		have, ok := known[path]
		switch {
		case path == "":
			problems = append(problems, "a file without a name was left out")
		case isStandIn(path):
			problems = append(problems, path+": a reserved name")
		case !ok:
			known[path] = f
		case !proto.Equal(have, f):
			problems = append(problems, path+": came twice with different contents; the first is used")
		}
	}
	for changed := true; changed; {
		changed = addWellKnown(known)
	}
	return known, problems
}

// addWellKnown adds google/protobuf/*.proto that files import or use and that
// did not come, as this program was built with them: many servers do not serve
// them.
func addWellKnown(known map[string]*descriptorpb.FileDescriptorProto) (changed bool) {
	here := map[string]bool{}
	for _, f := range known {
		maps.Copy(here, declared(f))
	}
	add := func(fd protoreflect.FileDescriptor, err error) {
		if err == nil && known[fd.Path()] == nil {
			known[fd.Path()] = protodesc.ToFileDescriptorProto(fd)
			changed = true
		}
	}
	for _, f := range slices.Collect(maps.Values(known)) {
		for _, dep := range f.GetDependency() {
			if known[dep] == nil && strings.HasPrefix(dep, "google/protobuf/") {
				add(protoregistry.GlobalFiles.FindFileByPath(dep))
			}
		}
		for _, r := range references(f) {
			name := trimDot(r.name)
			if here[name] || !strings.HasPrefix(name, "google.protobuf.") {
				continue
			}
			if d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name)); err == nil {
				add(d.ParentFile(), nil)
			}
		}
	}
	return changed
}

// linker links one set of files, each after its imports.
type linker struct {
	protos   map[string]*descriptorpb.FileDescriptorProto
	where    map[string]string // full name of a type to the path that declares it
	busy     map[string]bool   // files whose imports are being linked
	done     map[string]bool
	bad      map[string]error
	registry *protoregistry.Files
	linked   []*descriptorpb.FileDescriptorProto // normalised
	problems []string
}

func newLinker(protos map[string]*descriptorpb.FileDescriptorProto) *linker {
	l := &linker{
		protos:   maps.Clone(protos),
		where:    map[string]string{},
		busy:     map[string]bool{},
		done:     map[string]bool{},
		bad:      map[string]error{},
		registry: &protoregistry.Files{},
	}
	for _, path := range slices.Sorted(maps.Keys(protos)) {
		for name := range declared(protos[path]) {
			if l.where[name] == "" {
				l.where[name] = path
			}
		}
	}
	l.addStandIns()
	return l
}

// run links all files and returns those that are broken. Their order does not
// depend on the order of arrival.
func (l *linker) run() map[string]error {
	for _, path := range slices.Sorted(maps.Keys(l.protos)) {
		l.file(path)
	}
	return l.bad
}

// file links the file at path after its imports, once.
func (l *linker) file(path string) {
	f := l.protos[path]
	if f == nil || l.done[path] || l.busy[path] || l.bad[path] != nil {
		return
	}
	l.busy[path] = true
	err := l.build(f)
	delete(l.busy, path)
	if err != nil {
		l.bad[path] = err
		return
	}
	l.done[path] = true
}

// build links one file. Validation of descriptors was written for the output of
// compilers; a panic on the output of strangers is one more broken file.
func (l *linker) build(f *descriptorpb.FileDescriptorProto) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("invalid descriptor: %v", r)
		}
	}()
	f = l.complete(f)
	for _, dep := range f.GetDependency() {
		if l.busy[dep] {
			return fmt.Errorf("import cycle through %s", dep)
		}
		l.file(dep)
	}
	fd, err := protodesc.NewFile(f, l.registry)
	if err != nil {
		return short(err)
	}
	if err := l.registry.RegisterFile(fd); err != nil {
		return short(err)
	}
	normal := protodesc.ToFileDescriptorProto(fd)
	normal.SourceCodeInfo = nil
	l.linked = append(l.linked, normal)
	return nil
}

// short removes the prefix, and the no-break space, that the protobuf module
// puts into its errors.
func short(err error) error {
	text := strings.NewReplacer("proto:", "", "\u00a0", " ").Replace(err.Error())
	return errors.New(strings.TrimSpace(text))
}
