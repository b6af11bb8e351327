package form

import (
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/internal/term"
)

// Row is a line of the form.
type Row struct {
	ID    ID
	Depth int    // from 0
	Kind  Kind   // what can be done with it
	Label string // the name in JSON; "[2]" of an element, the key of an entry
	Type  string // as in a .proto file: repeated user.v1.Role, map<string, int64>, oneof contact

	// Value is the value as Set takes it, whole and as it is: who shows it cuts
	// it and drops what a terminal would obey. Of a message it is "", of a oneof
	// the chosen case, of an Any the type URL.
	Value string
	// Default is what a row without a value counts as: null for a wrapper, the
	// default of proto2, the zero of a field without presence.
	Default string
	Set     bool // has a value
	Count   int  // elements of a list or map, also those without rows
	// Summary tells a closed message from others by the first values in it, such
	// as "id: u-1, name: Ann", cut and harmless for a terminal, without secrets.
	Summary string

	Expandable bool
	Expanded   bool

	Required   bool // proto2's required
	Presence   bool // unset differs from the default
	Deprecated bool
	Secret     bool   // not to be shown, nor kept in a history
	Comment    string // of the field in its source, harmless for a terminal
	Problem    string // what is wrong with Value; Set was refused
	Note       string // what is worth knowing about the value

	Element bool // of a list: can be removed and moved
	Entry   bool // of a map: can be removed and renamed
}

// Kind says what a row is.
type Kind int

// The kinds of rows.
const (
	Scalar  Kind = iota // one text
	Enum                // one text of Choices, or a number
	Bool                // true or false
	Known               // a well-known type with one text: Timestamp, Struct, ...
	Message             // fields
	List                // elements, see Add
	Map                 // entries, see AddKey
	Oneof               // one of Choices
	Any                 // a message of a type of Choices
	More                // not a row: how many elements have none
)

// Rows returns the visible rows, from top to bottom.
func (f *Form) Rows() []Row {
	out := make([]Row, 0, f.shown+16)
	if f.root.shape == aMessage {
		f.load(f.root)
		out = f.below(out, f.root, 0, false)
	} else {
		out = f.rows(out, f.root, 0, false)
	}
	f.shown = len(out)
	return out
}

// rows appends the row of a node and those below it. In what is hidden
// everything is secret.
func (f *Form) rows(out []Row, n *node, depth int, hidden bool) []Row {
	out = append(out, Row{ID: n.id, Depth: depth, Value: n.text, Set: n.isSet(), Problem: n.problem, Expanded: n.open})
	r := &out[len(out)-1]
	f.describe(n, r)
	r.Secret = r.Secret || hidden
	hidden = r.Secret
	if n.shape != aOneof && !n.open {
		if !hidden {
			r.Summary = f.summarize(n)
		}
		return out
	}
	out = f.below(out, n, depth+1, hidden)
	if more := n.count() - len(n.kids); more > 0 {
		out = append(out, Row{Depth: depth + 1, Kind: More, Label: strconv.Itoa(more) + " more, in the JSON only", Secret: hidden})
	}
	return out
}

// below appends the rows of what a node contains.
func (f *Form) below(out []Row, n *node, depth int, hidden bool) []Row {
	for i, kid := range n.kids {
		at := len(out)
		switch {
		case n.shape == anAny && kid.shape == aMessage:
			out = f.below(out, kid, depth, hidden)
			continue
		case n.shape == anAny:
			out = f.rows(out, kid, depth, hidden)
			out[at].Label = "value"
		case n.shape == aList:
			out = f.rows(out, kid, depth, hidden)
			out[at].Label = "[" + strconv.Itoa(i) + "]"
		case n.shape == aMap:
			out = f.rows(out, kid, depth, hidden || kid.hot)
		default:
			out = f.rows(out, kid, depth, hidden)
		}
	}
	return out
}

// describe fills in what the descriptors say.
func (f *Form) describe(n *node, r *Row) {
	r.Kind = kindOf(n)
	r.Element, r.Entry = n.role == element, n.role == entry
	switch {
	case n.shape == aOneof:
		fact := f.factsOfOneof(n.od)
		r.Label, r.Type, r.Comment, r.Presence = fact.label, fact.typ, fact.comment, true
		if len(n.kids) > 0 {
			r.Value = label(n.kids[0].fd)
		}
	case n.fd == nil:
		r.Label = string(n.md.Name())
		r.Type = string(n.md.FullName())
	default:
		f.describeField(n, r)
	}
	switch n.shape {
	case aMessage:
		r.Expandable = n.md.Fields().Len() > 0 || n.md.ExtensionRanges().Len() > 0
	case aList, aMap:
		r.Count = n.count()
		r.Expandable = r.Count > 0
	case anAny:
		r.Value = n.url
		r.Expandable = len(n.kids) > 0
		r.Note = f.types.note(n.url)
	}
	r.Expanded = r.Expanded && r.Expandable || n.shape == aOneof && len(n.kids) > 0
}

func (f *Form) describeField(n *node, r *Row) {
	fact := f.factsOf(n.fd)
	r.Label, r.Type = fact.label, fact.typ
	r.Deprecated, r.Secret = fact.deprecated, fact.secret
	if n.role != aField {
		r.Type = fact.single
		if n.role == entry {
			r.Label = term.CleanLine(n.key.String())
		}
		return
	}
	r.Comment, r.Required, r.Presence = fact.comment, fact.required, fact.presence
	if !r.Set {
		r.Default = fact.deflt
	}
}

func kindOf(n *node) Kind {
	switch n.shape {
	case aMessage:
		return Message
	case anAny:
		return Any
	case aList:
		return List
	case aMap:
		return Map
	case aOneof:
		return Oneof
	}
	switch fd := n.scalar(); {
	case fd == nil:
		return Known
	case fd.Kind() == protoreflect.EnumKind:
		return Enum
	case fd.Kind() == protoreflect.BoolKind:
		return Bool
	case n.md != nil:
		return Known
	default:
		return Scalar
	}
}
