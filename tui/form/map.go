package form

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

var errNoMap = errors.New("this is no map")

// AddKey puts a new entry into a map and returns its row. Entries are ordered by
// their keys, as in the JSON. The id is that of the map or of any of its entries.
func (f *Form) AddKey(id ID, key string) (ID, error) {
	n, err := f.find(id)
	if err != nil {
		return 0, err
	}
	if n.role == entry {
		n = n.up
	}
	if n.shape != aMap {
		return 0, errNoMap
	}
	if n.count() >= MaxElements {
		return 0, errTooMany
	}
	at, k, err := n.placeOf(key)
	if err != nil {
		return 0, err
	}
	added := f.entry(n, k, protoreflect.Value{})
	n.kids = slices.Insert(n.kids, at, added)
	f.added(n, added)
	return added.id, nil
}

// Key is the key of an entry of a map; empty for any other row.
func (f *Form) Key(id ID) string {
	n, err := f.find(id)
	if err != nil || n.role != entry {
		return ""
	}
	return n.key.String()
}

// Rename gives an entry of a map another key, and keeps its value.
func (f *Form) Rename(id ID, key string) error {
	n, err := f.find(id)
	if err != nil {
		return err
	}
	switch {
	case n.role != entry:
		return errNoMap
	case len(n.up.restMap) > 0:
		return errTooMany
	case n.key.String() == key:
		return nil
	}
	at := n.index()
	to, k, err := n.up.placeOf(key)
	if err != nil {
		return err
	}
	if to > at {
		to--
	}
	n.key, n.hot = k, isSecretName(key)
	n.up.kids = slices.Insert(slices.Delete(n.up.kids, at, at+1), to, n)
	return nil
}

// placeOf reads a key and returns where an entry with it belongs. A key that the
// map has already is an error.
func (n *node) placeOf(text string) (int, protoreflect.MapKey, error) {
	v, err := parseScalar(n.fd.MapKey(), text)
	if err != nil {
		return 0, protoreflect.MapKey{}, fmt.Errorf("the key: %w", err)
	}
	at, found := slices.BinarySearchFunc(n.kids, v.MapKey(), func(kid *node, key protoreflect.MapKey) int {
		return compareKeys(kid.key, key)
	})
	if found {
		return 0, protoreflect.MapKey{}, fmt.Errorf("%s has the key %s already", label(n.fd), strconv.Quote(v.String()))
	}
	return at, v.MapKey(), nil
}

// compareKeys orders the keys of a map as protobuf's JSON does.
func compareKeys(a, b protoreflect.MapKey) int {
	switch x := a.Interface().(type) {
	case bool:
		switch {
		case x == b.Bool():
			return 0
		case x:
			return 1
		default:
			return -1
		}
	case int32, int64:
		return cmp.Compare(a.Int(), b.Int())
	case uint32, uint64:
		return cmp.Compare(a.Uint(), b.Uint())
	default:
		return cmp.Compare(a.String(), b.String())
	}
}
