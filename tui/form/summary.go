package form

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/internal/term"
)

const (
	summaryFields = 3  // how many fields a summary has
	summaryValue  = 24 // how many characters of each value
)

// summarize returns the first values in a message, such as "id: u-1, name: Ann",
// so that closed rows can be told apart.
func (f *Form) summarize(n *node) string {
	if n.shape == anAny {
		if len(n.kids) == 0 {
			return ""
		}
		n = n.kids[0]
	}
	var s summary
	switch {
	case n.shape != aMessage:
		return ""
	case n.loaded:
		for _, kid := range n.kids {
			if kid.shape == aOneof && len(kid.kids) > 0 {
				kid = kid.kids[0]
			}
			if kid.shape == leaf && kid.set {
				s.add(f.factsOf(kid.fd), kid.text)
			}
		}
	case n.src != nil && n.summary == "":
		f.summarizeFields(&s, n)
		n.summary = s.text.String()
		return n.summary
	default:
		return n.summary
	}
	return s.text.String()
}

// summarizeFields goes through a message that nobody looked into, in the order
// of the rows that it would have.
func (f *Form) summarizeFields(s *summary, n *node) {
	fields := n.md.Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if od := fd.ContainingOneof(); od != nil && !od.IsSynthetic() {
			if od.Fields().Get(0) != fd {
				continue
			}
			if fd = n.src.WhichOneof(od); fd == nil {
				continue
			}
		}
		if s.fields == summaryFields {
			return
		}
		if fd.IsMap() || fd.IsList() || shapeOf(fd.Message()) != leaf || !n.src.Has(fd) {
			continue
		}
		s.add(f.factsOf(fd), formatLeaf(fd, fd.Message(), n.src.Get(fd)))
	}
}

// formatLeaf writes the value of a leaf.
func formatLeaf(fd protoreflect.FieldDescriptor, md protoreflect.MessageDescriptor, v protoreflect.Value) string {
	if md != nil {
		return formatKnown(v.Message())
	}
	return formatScalar(fd, v)
}

type summary struct {
	text   strings.Builder
	fields int
}

func (s *summary) add(fact *facts, value string) {
	if s.fields == summaryFields {
		return
	}
	if s.fields > 0 {
		s.text.WriteString(", ")
	}
	s.fields++
	s.text.WriteString(fact.label)
	s.text.WriteString(": ")
	if fact.secret {
		s.text.WriteString("(hidden)")
		return
	}
	s.text.WriteString(shortened(value))
}

// shortened returns the beginning of a value, harmless for a terminal.
func shortened(value string) string {
	const most = summaryValue * utf8.UTFMax
	cut := len(value) > most
	if cut {
		value = strings.ToValidUTF8(value[:most], "")
	}
	value = term.CleanLine(value)
	n := 0
	for i := range value {
		if n == summaryValue {
			return value[:i] + "…"
		}
		n++
	}
	if cut {
		value += "…"
	}
	return value
}
