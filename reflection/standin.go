package reflection

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// standInFolder holds, inside a schema, the files that stand in for missing
// ones: one for each missing type, with an empty message or an open enum. With
// them every file of a schema is valid, and whatever works on descriptors works
// on what is left of a damaged schema.
const standInFolder = "gctl-missing/"

// addStandIns declares every type that a file mentions and no file declares.
func (l *linker) addStandIns() {
	lost := map[string]bool{} // full name to "is an enum"
	for _, f := range l.protos {
		for _, r := range references(f) {
			name := trimDot(r.name)
			if name != r.name && l.where[name] == "" && protoreflect.FullName(name).IsValid() {
				lost[name] = r.enum
			}
		}
	}
	messages := map[string]*descriptorpb.DescriptorProto{}
	for _, name := range slices.Sorted(maps.Keys(lost)) { // a parent comes before its children
		full := protoreflect.FullName(name)
		if parent := messages[string(full.Parent())]; parent != nil {
			if lost[name] {
				parent.EnumType = append(parent.EnumType, emptyEnum(full.Name()))
			} else {
				messages[name] = emptyMessage(full.Name())
				parent.NestedType = append(parent.NestedType, messages[name])
			}
			l.where[name] = l.where[string(full.Parent())]
			continue
		}
		f := &descriptorpb.FileDescriptorProto{ // enums are open in it, messages may be extended
			Name: new(standInFolder + name), Syntax: new("editions"), Edition: descriptorpb.Edition_EDITION_2023.Enum(),
		}
		if p := full.Parent(); p != "" {
			f.Package = new(string(p))
		}
		if lost[name] {
			f.EnumType = []*descriptorpb.EnumDescriptorProto{emptyEnum(full.Name())}
		} else {
			messages[name] = emptyMessage(full.Name())
			f.MessageType = []*descriptorpb.DescriptorProto{messages[name]}
		}
		l.protos[f.GetName()] = f
		l.where[name] = f.GetName()
	}
}

// emptyMessage may be extended, in case that is what it is missed for.
func emptyMessage(name protoreflect.Name) *descriptorpb.DescriptorProto {
	return &descriptorpb.DescriptorProto{
		Name: new(string(name)),
		ExtensionRange: []*descriptorpb.DescriptorProto_ExtensionRange{
			{Start: proto.Int32(1), End: proto.Int32(19000)},
			{Start: proto.Int32(20000), End: proto.Int32(1 << 29)},
		},
	}
}

func emptyEnum(name protoreflect.Name) *descriptorpb.EnumDescriptorProto {
	return &descriptorpb.EnumDescriptorProto{
		Name:  new(string(name)),
		Value: []*descriptorpb.EnumValueDescriptorProto{{Name: new("UNKNOWN_" + string(name)), Number: new(int32(0))}},
	}
}

func (l *linker) missingImports(f *descriptorpb.FileDescriptorProto) []string {
	var out []string
	for _, dep := range f.GetDependency() {
		if l.protos[dep] == nil {
			out = append(out, dep)
		}
	}
	return out
}

// complete returns f, or where imports are missing a copy that does without
// them: each type that they may have declared is imported from where it is.
func (l *linker) complete(f *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	missing, omitted := l.missingImports(f), l.omittedImports(f)
	if len(missing)+len(omitted) == 0 {
		return f
	}
	f = proto.CloneOf(f)
	dropImports(f, missing)
	f.Dependency = append(f.Dependency, omitted...)
	var lost []string
	for _, r := range references(f) {
		if name := trimDot(r.name); isStandIn(l.where[name]) {
			lost = append(lost, name)
		}
	}
	l.tell(f, missing, lost)
	dropDefaults(f, lost)
	return f
}

// tell adds to the problems what the user will notice: an import that was only
// forgotten, and could be put back, is none.
func (l *linker) tell(f *descriptorpb.FileDescriptorProto, missing, lost []string) {
	var parts []string
	if len(missing) > 0 {
		parts = append(parts, "its import "+strings.Join(missing, ", ")+" is missing or broken")
	}
	if len(lost) > 0 {
		parts = append(parts, "unknown without it: "+strings.Join(lost, ", "))
		if len(missing) == 0 {
			parts[0] = "it mentions what no file declares: " + strings.Join(lost, ", ")
		}
	}
	if len(parts) > 0 {
		l.problems = append(l.problems, f.GetName()+": "+strings.Join(parts, "; "))
	}
}

// omittedImports returns the files that declare what f mentions and that f does
// not import, neither itself nor through a public import. The reflection of
// Node.js serves such files: those of its well-known types are never imported.
func (l *linker) omittedImports(f *descriptorpb.FileDescriptorProto) []string {
	visible := map[string]bool{f.GetName(): true}
	var see func(path string)
	see = func(path string) {
		if visible[path] {
			return
		}
		visible[path] = true
		if imported := l.protos[path]; imported != nil {
			for _, i := range imported.GetPublicDependency() {
				if int(i) >= 0 && int(i) < len(imported.GetDependency()) {
					see(imported.GetDependency()[i])
				}
			}
		}
	}
	for _, dep := range f.GetDependency() {
		see(dep)
	}
	var out []string
	for _, r := range references(f) {
		if path := l.where[trimDot(r.name)]; path != "" && !visible[path] {
			visible[path] = true
			out = append(out, path)
		}
	}
	return out
}

func dropImports(f *descriptorpb.FileDescriptorProto, missing []string) {
	moved := map[int32]int32{}
	var kept []string
	for i, dep := range f.GetDependency() {
		if !slices.Contains(missing, dep) {
			moved[int32(i)] = int32(len(kept))
			kept = append(kept, dep)
		}
	}
	remap := func(in []int32) (out []int32) {
		for _, i := range in {
			if to, ok := moved[i]; ok {
				out = append(out, to)
			}
		}
		return out
	}
	f.PublicDependency, f.WeakDependency = remap(f.GetPublicDependency()), remap(f.GetWeakDependency())
	f.Dependency = kept
}

// dropDefaults removes default values that name values of lost enums.
func dropDefaults(f *descriptorpb.FileDescriptorProto, lost []string) {
	eachField(f, func(fd *descriptorpb.FieldDescriptorProto) {
		if slices.Contains(lost, trimDot(fd.GetTypeName())) {
			fd.DefaultValue = nil
		}
	})
}
