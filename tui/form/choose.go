package form

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Choices returns the texts that Set can be given, in their order: the names of
// an enum's values, false and true, the cases of a oneof, the known types of an
// Any. Nil: anything can be typed.
func (f *Form) Choices(id ID) []string {
	n, err := f.find(id)
	if err != nil {
		return nil
	}
	switch kindOf(n) {
	case Bool:
		return []string{"false", "true"}
	case Enum:
		return enumNames(n.vd.Enum())
	case Oneof:
		return cases(n.od)
	case Any:
		return slices.Clone(f.types.urls())
	default:
		return nil
	}
}

// Cycle takes the next of the choices, or with a negative by one before, and
// goes round. It toggles a bool. A oneof has no case between the last and the
// first.
func (f *Form) Cycle(id ID, by int) error {
	n, err := f.find(id)
	if err != nil {
		return err
	}
	choices := f.Choices(id)
	kind := kindOf(n)
	if len(choices) == 0 || kind == Any {
		return fmt.Errorf("there is nothing to choose from here; type a value")
	}
	now := n.text
	if kind == Oneof {
		choices = append([]string{""}, choices...)
		now = ""
		if len(n.kids) > 0 {
			now = label(n.kids[0].fd)
		}
	} else if !n.set {
		now = formatScalar(n.scalar(), n.scalar().Default())
	}
	at := slices.Index(choices, now)
	if at < 0 && by < 0 {
		at = 0
	}
	at = ((at+by)%len(choices) + len(choices)) % len(choices)
	return f.Set(id, choices[at])
}

// cases returns the names of the cases of a oneof.
func cases(od protoreflect.OneofDescriptor) []string {
	var names []string
	for i := range od.Fields().Len() {
		names = append(names, label(od.Fields().Get(i)))
	}
	return names
}

// choose selects the case of a oneof. A case that was chosen before has its
// value again.
func (f *Form) choose(n *node, name string) error {
	names := cases(n.od)
	at := slices.Index(names, name)
	if at < 0 {
		if fd := n.od.Fields().ByName(protoreflect.Name(name)); fd != nil {
			at = slices.Index(names, label(fd))
		}
	}
	if at < 0 {
		return fmt.Errorf("oneof %s wants one of %s%s", n.od.Name(), listed(names), meant(name, names))
	}
	fd := n.od.Fields().Get(at)
	for _, kid := range n.kids {
		if kid.fd == fd {
			return nil
		}
		f.forget(kid)
		n.aside = append(n.aside, kid)
	}
	i := slices.IndexFunc(n.aside, func(kid *node) bool { return kid.fd == fd })
	if i >= 0 {
		n.kids = []*node{n.aside[i]}
		n.aside = slices.Delete(n.aside, i, i+1)
		f.remember(n.kids[0])
	} else {
		kid := f.field(n, fd, protoreflect.Value{})
		f.put(kid, initial(kid))
		n.kids = []*node{kid}
		if kid.shape == aMessage {
			f.unfold(kid)
		}
	}
	n.touch()
	return nil
}
