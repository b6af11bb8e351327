package reflection

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// MissingTypes returns the full names of the types that messages of the method
// refer to and that the source of the schema did not deliver, sorted. What a
// server sends in fields of these types cannot be shown.
func (s *Schema) MissingTypes(md protoreflect.MethodDescriptor) []string {
	if !slices.ContainsFunc(s.entries, func(e fileEntry) bool { return isStandIn(e.path) }) {
		return nil // the usual case, without looking at any message
	}
	missing, seen := []string{}, map[protoreflect.FullName]bool{}
	var visit func(m protoreflect.MessageDescriptor)
	add := func(d protoreflect.Descriptor) {
		if name := string(d.FullName()); Missing(d) && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	visit = func(m protoreflect.MessageDescriptor) {
		if seen[m.FullName()] {
			return
		}
		seen[m.FullName()] = true
		add(m)
		for i := range m.Fields().Len() {
			fd := m.Fields().Get(i)
			if fd.Message() != nil {
				visit(fd.Message())
			} else if fd.Enum() != nil {
				add(fd.Enum())
			}
		}
	}
	visit(md.Input())
	visit(md.Output())
	slices.Sort(missing)
	return missing
}

// Missing tells whether d only stands in for a type that the source of the
// schema refers to but did not deliver.
func Missing(d protoreflect.Descriptor) bool {
	f := d.ParentFile()
	return f != nil && isStandIn(f.Path())
}

// isStandIn tells whether a file of a schema was made up, see standInFolder.
func isStandIn(path string) bool { return strings.HasPrefix(path, standInFolder) }
