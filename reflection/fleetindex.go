package reflection

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// fleetIndex is what is known about who has which methods.
type fleetIndex struct {
	complete bool // all services of the catalog were asked once
	entries  []fleetEntry
}

type fleetEntry struct {
	service  string // of the catalog; sorted by it
	methods  []MethodName
	versions []string // that its instances published when the schema was fetched
	// published are the gRPC services that the catalog says are its own. A gateway
	// serves those of others too, and does not publish them.
	published []string
}

// find returns the position of a service of the catalog, negative if it is not
// known.
func (x *fleetIndex) find(service string) int {
	i, ok := slices.BinarySearchFunc(x.entries, service, func(e fleetEntry, s string) int { return cmp.Compare(e.service, s) })
	if !ok {
		return -i - 1
	}
	return i
}

// put replaces what is known about a service.
func (x *fleetIndex) put(service string, methods []MethodName, c *candidate) {
	i := x.find(service)
	if i < 0 {
		i = -i - 1
		x.entries = slices.Insert(x.entries, i, fleetEntry{})
	}
	x.entries[i] = fleetEntry{service: service, methods: methods, versions: c.versions, published: c.published}
}

// keep forgets the services for which known is false.
func (x *fleetIndex) keep(known func(service string) bool) {
	x.entries = slices.DeleteFunc(x.entries, func(e fleetEntry) bool { return !known(e.service) })
}

const indexMagic = "gctlidx3"

func (x *fleetIndex) marshal() []byte {
	var w writer
	w.b = append(w.b, indexMagic...)
	w.b = append(w.b, 0, 0, 0, 0)
	if x.complete {
		w.count(1)
	} else {
		w.count(0)
	}
	w.count(len(x.entries))
	for _, e := range x.entries {
		w.str(e.service)
		w.count(len(e.methods))
		for _, m := range e.methods {
			w.str(m.Service)
			w.str(m.Method)
		}
		w.strs(e.versions)
		w.strs(e.published)
	}
	binary.LittleEndian.PutUint32(w.b[len(indexMagic):], sum(w.b))
	return w.b
}

// unmarshalIndex returns an empty index for what is damaged.
func unmarshalIndex(data []byte) *fleetIndex {
	head := len(indexMagic) + 4
	if len(data) < head || string(data[:len(indexMagic)]) != indexMagic || binary.LittleEndian.Uint32(data[len(indexMagic):]) != sum(data) {
		return &fleetIndex{}
	}
	r := newReader(data[head:], len(data)-head)
	x := &fleetIndex{complete: r.number() == 1}
	x.entries = make([]fleetEntry, r.count())
	for i := range x.entries {
		e := fleetEntry{service: r.str()}
		e.methods = make([]MethodName, r.count())
		for j := range e.methods {
			e.methods[j] = MethodName{Service: r.str(), Method: r.str()}
		}
		e.versions, e.published = r.strs(), r.strs()
		x.entries[i] = e
	}
	if !r.done() {
		return &fleetIndex{}
	}
	return x
}

func indexKey(scope string) string           { return "index\x00" + scope }
func schemaKey(scope, service string) string { return "schema\x00" + scope + "\x00" + service }

// CacheKeys returns the keys under which a Locator keeps what it learned of a
// scope and of these services in it, for those who want it forgotten.
func CacheKeys(scope string, services ...string) []string {
	keys := []string{indexKey(scope)}
	for _, s := range services {
		keys = append(keys, schemaKey(scope, s))
	}
	return keys
}

func (l *Locator) loadIndex() *fleetIndex { return loadIndex(l.Cache, l.Scope) }

func loadIndex(c Cache, scope string) *fleetIndex {
	if c == nil {
		return &fleetIndex{}
	}
	data, _ := c.Load(indexKey(scope))
	return unmarshalIndex(data)
}

func (l *Locator) loadSchema(service string) *Schema {
	if l.Cache == nil {
		return nil
	}
	data, ok := l.Cache.Load(schemaKey(l.Scope, service))
	if !ok {
		return nil
	}
	s, err := Unmarshal(data)
	if err != nil {
		return nil
	}
	return s
}

// saveIndex and saveSchema drop errors: without a cache the next run is slower,
// and that is all.
func (l *Locator) saveIndex(x *fleetIndex) {
	if l.Cache != nil {
		_ = l.Cache.Save(indexKey(l.Scope), x.marshal())
	}
}

func (l *Locator) saveSchema(service string, s *Schema) {
	if l.Cache == nil {
		return
	}
	data, err := s.MarshalBinary()
	if err != nil {
		data = nil // an older one must not pass for it
	}
	_ = l.Cache.Save(schemaKey(l.Scope, service), data)
}
