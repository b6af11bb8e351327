package fleet

import (
	"maps"
	"slices"
)

// Teller is for catalogs that must be asked again and again: of all that they
// find it tells the listener of a watch only what is new.
type Teller struct {
	Notify func(Update)

	told    bool         // a list was told already
	last    InstanceList // the last one
	failure string       // the text of the failure that was told last, "" after a list
}

// Tell tells a list, or a failure, unless it is what was told last.
func (t *Teller) Tell(list InstanceList, err error) {
	switch {
	case err != nil && err.Error() == t.failure:
	case err != nil:
		t.failure = err.Error()
		t.Notify(Update{List: t.last, Err: err})
	case !t.told || t.failure != "" || !slices.EqualFunc(list.Instances, t.last.Instances, Instance.Equal):
		t.told, t.failure, t.last = true, "", list
		t.Notify(Update{List: list})
	}
}

// Equal reports whether two instances say the same.
func (i Instance) Equal(o Instance) bool {
	return i.ID == o.ID && i.Service == o.Service && i.Addr == o.Addr && i.Version == o.Version && i.Zone == o.Zone &&
		i.Catalog == o.Catalog && i.GRPC == o.GRPC && slices.Equal(i.Tags, o.Tags) && maps.Equal(i.Meta, o.Meta)
}
