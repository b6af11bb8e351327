package fleet

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// factKey names a fact within its kind and service.
type factKey [4]string

func (k factKey) compare(o factKey) int {
	for i := range k {
		if c := cmp.Compare(k[i], o[i]); c != 0 {
			return c
		}
	}
	return 0
}

// kind is what tables need to know of a type of fact.
type kind[T any] struct {
	name    string
	service func(*T) string
	key     func(*T) factKey
	same    func(a, b *T) bool // provenance aside
	origin  func(*T) *Provenance
	asked   bool // instances are asked for it, and its key begins with their ID
}

// InstanceFact is an instance as a source listed it.
type InstanceFact struct {
	Instance

	Provenance Provenance
}

// serviceFact is a service as a source listed it.
type serviceFact struct {
	Service

	provenance Provenance
}

//nolint:gochecknoglobals // constants that the language cannot express
var (
	serviceKind = &kind[serviceFact]{
		name:    "service",
		service: func(f *serviceFact) string { return f.Name },
		key:     func(*serviceFact) factKey { return factKey{} },
		same: func(a, b *serviceFact) bool {
			return a.GRPC == b.GRPC && sameStrings(a.Tags, b.Tags) && sameMap(a.Meta, b.Meta)
		},
		origin: func(f *serviceFact) *Provenance { return &f.provenance },
	}
	instanceKind = &kind[InstanceFact]{
		name:    "instance",
		service: func(f *InstanceFact) string { return f.Service },
		key:     func(f *InstanceFact) factKey { return factKey{f.ID} },
		same:    func(a, b *InstanceFact) bool { return a.Equal(b.Instance) },
		origin:  func(f *InstanceFact) *Provenance { return &f.Provenance },
	}
	healthKind = &kind[Health]{
		name:    "health",
		service: func(f *Health) string { return f.Instance.Service },
		key:     func(f *Health) factKey { return factKey{f.Instance.ID, f.Name} },
		same: func(a, b *Health) bool {
			return a.State == b.State && a.Instance.Addr == b.Instance.Addr && errText(a.Err) == errText(b.Err) && near(a.Latency, b.Latency)
		},
		origin: func(f *Health) *Provenance { return &f.Provenance },
		asked:  true,
	}
	breakerKind = &kind[Breaker]{
		name:    "breaker",
		service: func(f *Breaker) string { return f.Caller.Service },
		key:     func(f *Breaker) factKey { return factKey{f.Caller.ID, f.Name} },
		same:    sameBreaker,
		origin:  func(f *Breaker) *Provenance { return &f.Provenance },
		asked:   true,
	}
	redKind = &kind[RED]{
		name:    "red",
		service: func(f *RED) string { return f.Service },
		key:     func(f *RED) factKey { return factKey{f.Method, f.Instance, f.Caller, string(f.Side)} },
		same:    sameRED,
		origin:  func(f *RED) *Provenance { return &f.Provenance },
	}
	dependencyKind = &kind[Dependency]{
		name:    "dependency",
		service: func(f *Dependency) string { return f.Caller },
		key:     func(f *Dependency) factKey { return factKey{f.Callee, f.Method} },
		same: func(a, b *Dependency) bool {
			return sameRED(&a.RED, &b.RED)
		},
		origin: func(f *Dependency) *Provenance { return &f.Provenance },
	}
	sloKind = &kind[SLO]{
		name:    "slo",
		service: func(f *SLO) string { return f.Service },
		key:     func(*SLO) factKey { return factKey{} },
		same: func(a, b *SLO) bool {
			return sameFloat(a.Objective, b.Objective) && a.Window == b.Window && sameFloat(a.BudgetLeft, b.BudgetLeft) &&
				sameFloat(a.BurnRate, b.BurnRate) && a.BurnWindow == b.BurnWindow && sameStrings(a.Unknown, b.Unknown)
		},
		origin: func(f *SLO) *Provenance { return &f.Provenance },
	}
)

// row is a fact and the source that says it, by its place in the order.
type row[T any] struct {
	fact   *T
	source int
}

// table holds the facts of one kind about one service, sorted by key and then by
// source, and what is shown of them: of those with the same key the one of the
// best source.
type table[T any] struct {
	rows  []row[T]
	shown []*T
	mixed bool // several sources spoke
	dirty bool
}

func (t *table[T]) len() int {
	if t == nil {
		return 0
	}
	return len(t.rows)
}

// changed tells whether what is shown is not what is known.
func (t *table[T]) changed() bool { return t != nil && t.dirty }

func (t *table[T]) has(source int) bool {
	return t != nil && slices.ContainsFunc(t.rows, func(r row[T]) bool { return r.source == source })
}

func (t *table[T]) find(k *kind[T], key factKey, source int) (int, bool) {
	return slices.BinarySearchFunc(t.rows, key, func(r row[T], key factKey) int {
		return cmp.Or(k.key(r.fact).compare(key), cmp.Compare(r.source, source))
	})
}

// put adds or replaces a fact. What was said before is told to changed, with what
// is said now, if the two differ.
func (t *table[T]) put(k *kind[T], source int, feed string, fact *T, changed func(was, is *T)) {
	i, found := t.find(k, k.key(fact), source)
	if found && k.same(t.rows[i].fact, fact) {
		return
	}
	own := *fact
	if feed != "" {
		p := k.origin(&own)
		if p.Feed = feed; k.asked {
			p.heard = &hearing{}
		}
	}
	var was *T
	if found {
		was = t.rows[i].fact
		t.rows[i].fact = &own
	} else {
		t.mixed = t.mixed || len(t.rows) > 0 && t.rows[0].source != source
		t.rows = slices.Insert(t.rows, i, row[T]{&own, source})
	}
	t.dirty = true
	changed(was, &own)
}

// drop removes the facts of a source that gone chooses.
func (t *table[T]) drop(source int, gone func(*T) bool, changed func(was, is *T)) {
	var lost []*T
	t.rows = slices.DeleteFunc(t.rows, func(r row[T]) bool {
		if r.source != source || !gone(r.fact) {
			return false
		}
		lost = append(lost, r.fact)
		return true
	})
	if len(lost) == 0 {
		return
	}
	t.dirty = true
	for _, fact := range lost {
		changed(fact, nil)
	}
}

// replace puts facts into a table, which is made where there is none, and, if they
// are the whole, drops what is not among them.
func replace[T any](to **table[T], k *kind[T], source int, feed string, facts []*T, whole bool, changed func(was, is *T)) {
	if *to == nil {
		if len(facts) == 0 {
			return
		}
		*to = &table[T]{}
	}
	t := *to
	if whole && len(t.rows) > 0 {
		said := make(map[factKey]struct{}, len(facts))
		for _, f := range facts {
			said[k.key(f)] = struct{}{}
		}
		t.drop(source, func(f *T) bool { _, ok := said[k.key(f)]; return !ok }, changed)
	}
	for _, f := range facts {
		t.put(k, source, feed, f, changed)
	}
}

// view returns what is shown. better tells which of two sources is.
func (t *table[T]) view(k *kind[T], better func(a, b int) bool) []*T {
	if t == nil {
		return nil
	}
	if !t.dirty {
		return t.shown
	}
	t.dirty = false
	t.shown = make([]*T, 0, len(t.rows))
	best := -1
	for _, r := range t.rows {
		last := len(t.shown) - 1
		switch {
		case last < 0 || !t.mixed || best == r.source || k.key(t.shown[last]) != k.key(r.fact):
			t.shown, best = append(t.shown, r.fact), r.source
		case better(r.source, best):
			t.shown[last], best = r.fact, r.source
		}
	}
	return t.shown
}

// near tells whether two latencies are the same for a reader: within half of the
// larger. Each probe takes another time, and not each is news.
func near(a, b time.Duration) bool { return (a - b).Abs() <= max(a, b)/2 }

func sameFloat(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func sameStrings(a, b []string) bool { return slices.Equal(a, b) }

func sameMap[V comparable](a, b map[string]V) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

func sameMissing(a, b []Missing) bool {
	return slices.EqualFunc(a, b, func(x, y Missing) bool {
		return x.What == y.What && x.Instance.ID == y.Instance.ID && x.Instance.Service == y.Instance.Service && errText(x.Err) == errText(y.Err)
	})
}

func sameBreaker(a, b *Breaker) bool {
	return a.Caller.Addr == b.Caller.Addr && a.Target == b.Target && a.State == b.State && a.Ratio == b.Ratio && a.Raw == b.Raw &&
		a.Override == b.Override && a.Flapping == b.Flapping && a.Since.Equal(b.Since) && a.Trips == b.Trips && a.LastError == b.LastError &&
		a.NextProbe.Equal(b.NextProbe) && a.Counts == b.Counts && a.ETag == b.ETag
}

func sameRED(a, b *RED) bool {
	for _, pair := range [][2]float64{{a.Rate, b.Rate}, {a.ErrorRatio, b.ErrorRatio}, {a.P50, b.P50}, {a.P95, b.P95}, {a.P99, b.P99}} {
		if !sameFloat(pair[0], pair[1]) {
			return false
		}
	}
	return a.Window == b.Window && a.Dialect == b.Dialect && sameMap(a.Codes, b.Codes) && sameStrings(a.Notes, b.Notes) && sameStrings(a.Unknown, b.Unknown)
}
