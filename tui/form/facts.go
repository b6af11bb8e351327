package form

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gctl-dev/gctl/internal/term"
)

// facts are what a descriptor says about a field, put into words once.
type facts struct {
	label      string
	typ        string // of the field
	single     string // of one element or of a map's value
	comment    string
	deflt      string // what an unset field counts as
	required   bool
	presence   bool
	deprecated bool
	secret     bool
}

// maxComment is how much of a comment is kept, in bytes.
const maxComment = 4096

// factsOf returns the facts of a field.
func (f *Form) factsOf(fd protoreflect.FieldDescriptor) *facts {
	if found := f.facts[fd]; found != nil {
		return found
	}
	v := fd
	if fd.IsMap() {
		v = fd.MapValue()
	}
	opts, _ := fd.Options().(*descriptorpb.FieldOptions)
	fact := &facts{
		label:      label(fd),
		single:     typeName(v),
		comment:    comment(fd),
		required:   fd.Cardinality() == protoreflect.Required,
		presence:   fd.HasPresence(),
		deprecated: opts.GetDeprecated(),
		secret:     isSecret(fd),
	}
	switch {
	case fd.IsMap():
		fact.typ = "map<" + typeName(fd.MapKey()) + ", " + fact.single + ">"
	case fd.IsList():
		fact.typ = "repeated " + fact.single
	default:
		fact.typ = fact.single
		fact.deflt = defaultText(fd)
	}
	f.facts[fd] = fact
	return fact
}

// factsOfOneof returns the facts of a oneof.
func (f *Form) factsOfOneof(od protoreflect.OneofDescriptor) *facts {
	if found := f.facts[od]; found != nil {
		return found
	}
	fact := &facts{label: string(od.Name()), typ: "oneof " + string(od.Name()), comment: comment(od), presence: true}
	f.facts[od] = fact
	return fact
}

// label is the name of a field in JSON.
func label(fd protoreflect.FieldDescriptor) string {
	if fd.IsExtension() {
		return "[" + string(fd.FullName()) + "]"
	}
	return term.CleanLine(fd.JSONName())
}

// typeName names the type of one value.
func typeName(fd protoreflect.FieldDescriptor) string {
	switch {
	case fd.Message() != nil:
		return string(fd.Message().FullName())
	case fd.Enum() != nil:
		return string(fd.Enum().FullName())
	default:
		return fd.Kind().String()
	}
}

// defaultText says what a singular field counts as while it is unset, "" where
// that is nothing.
func defaultText(fd protoreflect.FieldDescriptor) string {
	switch {
	case wrapped(fd.Message()) != nil:
		return "null"
	case fd.Message() != nil, fd.ContainingOneof() != nil && !fd.HasDefault():
		return ""
	default:
		return formatScalar(fd, fd.Default())
	}
}

// comment returns what the source says before a declaration, otherwise what it
// says behind it, "" if the schema came without comments.
func comment(d protoreflect.Descriptor) string {
	if d.ParentFile() == nil {
		return ""
	}
	loc := d.ParentFile().SourceLocations().ByDescriptor(d)
	text := loc.LeadingComments
	if strings.TrimSpace(text) == "" {
		text = loc.TrailingComments
	}
	if len(text) > maxComment {
		text = text[:maxComment]
	}
	lines := strings.Split(term.Clean(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
