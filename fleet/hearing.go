package fleet

import (
	"sync/atomic"
	"time"
)

// turn is a round of a source that asks instances in turn, and who answered in it:
// all that the source said of them is so still.
type turn struct {
	at    time.Time // when the round began
	began time.Time // SourceState.Turn
	of    []Subject
}

// hearing is when a fact was said or confirmed, in Unix nanoseconds: the last time,
// and since when it has been in each turn. Of a fact that is confirmed all else stays
// as it is, so that snapshots share it.
type hearing struct{ last, since atomic.Int64 }

// confirm notes that the fact is so at a time. Before, everybody was asked since began.
func (h *hearing) confirm(at, began time.Time) {
	if h.last.Load() < began.UnixNano() {
		h.since.Store(at.UnixNano())
	}
	h.last.Store(max(h.last.Load(), at.UnixNano()))
}

// by is when the fact was said or confirmed last, as it was known at a time in a
// snapshot; the zero time if that is not known. Until then everybody was asked since
// began.
func (h *hearing) by(at, began time.Time) time.Time {
	if last := h.last.Load(); last <= at.UnixNano() {
		return time.Unix(0, last)
	}
	if since := h.since.Load(); since <= at.UnixNano() {
		return began
	}
	return time.Time{}
}

// plain is the provenance of a fact outside the store: the time is that of the last
// word or confirmation, of those until at.
func (p Provenance) plain(at time.Time) Provenance {
	if p.heard != nil {
		last := time.Unix(0, p.heard.last.Load())
		if last.After(at) {
			last = at
		}
		if last.After(p.At) {
			p.At = last
		}
		p.heard = nil
	}
	return p
}

// confirm notes that all is so still that a source said of an instance.
func (w *world) confirm(source int, s Subject, at, began time.Time) {
	if k := w.services[s.Service]; k != nil {
		confirm(k.health, healthKind, source, s.Instance, at, began)
		confirm(k.breakers, breakerKind, source, s.Instance, at, began)
	}
}

func confirm[T any](t *table[T], k *kind[T], source int, instance string, at, began time.Time) {
	if t == nil {
		return
	}
	i, _ := t.find(k, factKey{instance}, source)
	for ; i < len(t.rows) && k.key(t.rows[i].fact)[0] == instance; i++ {
		if h := k.origin(t.rows[i].fact).heard; h != nil && t.rows[i].source == source {
			h.confirm(at, began)
		}
	}
}
