package form

import (
	"errors"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

var (
	errNoList    = errors.New("this is no list")
	errNoElement = errors.New("only elements of lists and entries of maps can be removed; clear the row instead")
	errTooMany   = errors.New("a form shows 10,000 elements; more are added in the JSON")
)

// Add puts a new element into a list and returns its row: behind the last one if
// id is the list, behind id if it is an element.
func (f *Form) Add(id ID) (ID, error) {
	n, err := f.find(id)
	if err != nil {
		return 0, err
	}
	list, at := n, len(n.kids)
	if n.role == element {
		list, at = n.up, n.index()+1
	}
	switch {
	case list.shape == aMap || n.role == entry:
		return 0, errors.New("an entry of a map needs a key")
	case list.shape != aList:
		return 0, errNoList
	case list.count() >= MaxElements:
		return 0, errTooMany
	}
	added := f.element(list, protoreflect.Value{})
	list.kids = slices.Insert(list.kids, at, added)
	f.added(list, added)
	return added.id, nil
}

// added opens what got something new.
func (f *Form) added(in, added *node) {
	in.open = true
	in.touch()
	if added.shape == aMessage {
		f.unfold(added)
	}
}

// Remove takes an element out of its list, or an entry out of its map.
func (f *Form) Remove(id ID) error {
	n, err := f.find(id)
	if err != nil {
		return err
	}
	if n.role != element && n.role != entry {
		return errNoElement
	}
	at := n.index()
	n.up.kids = slices.Delete(n.up.kids, at, at+1)
	f.forget(n)
	// One of those that had no row has one now.
	switch up := n.up; {
	case len(up.rest) > 0:
		up.kids = append(up.kids, f.element(up, up.rest[0]))
		up.rest = up.rest[1:]
	case len(up.restMap) > 0:
		up.kids = append(up.kids, f.entry(up, up.restMap[0].key, up.restMap[0].value))
		up.restMap = up.restMap[1:]
	}
	return nil
}

// Move moves an element of a list by so many places, towards the end if by is
// positive, and no further than to the first or last place.
func (f *Form) Move(id ID, by int) error {
	n, err := f.find(id)
	if err != nil {
		return err
	}
	if n.role != element {
		return errors.New("only elements of lists can be moved")
	}
	kids := n.up.kids
	at := n.index()
	to := min(max(at+by, 0), len(kids)-1)
	kids = slices.Delete(kids, at, at+1)
	n.up.kids = slices.Insert(kids, to, n)
	return nil
}
