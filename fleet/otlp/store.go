package otlp

import (
	"container/list"
	"sync"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/fleet/dialect/spans"
)

// store keeps the traces that got a span last.
type store struct {
	mu    sync.Mutex
	o     *Options
	known map[string]*list.Element // by trace ID, of *entry
	order *list.List               // the one with the newest span in front
	bytes int64
}

// entry is a trace that is kept.
type entry struct {
	trace fleet.Trace
	seen  map[string]bool // spans
	bytes int64
}

func newStore(o *Options) *store {
	return &store{o: o, known: map[string]*list.Element{}, order: list.New()}
}

// add keeps spans and returns the new ones, without those that have come before,
// and how many a trace had no room for.
func (s *store) add(all []spans.Span) (kept []spans.Span, full int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range all {
		span := &all[i]
		e := s.entry(span.Trace)
		key := span.ID + string(span.Kind) // Zipkin's client and server share an ID
		switch {
		case e.seen[key]: // a sender repeats what was not acknowledged
		case len(e.trace.Spans) >= s.o.Spans:
			e.trace.Truncated++
			full++
		default:
			e.seen[key] = true
			e.trace.Spans = append(e.trace.Spans, span.Span)
			kept = append(kept, *span)
			n := size(&span.Span)
			e.bytes += n
			s.bytes += n
		}
	}
	s.shrink()
	return kept, full
}

// entry returns the entry of a trace, now the newest.
func (s *store) entry(id string) *entry {
	if el, ok := s.known[id]; ok {
		s.order.MoveToFront(el)
		return el.Value.(*entry) //nolint:forcetypeassert // nothing else is in the list
	}
	e := &entry{trace: fleet.Trace{ID: id}, seen: map[string]bool{}}
	s.known[id] = s.order.PushFront(e)
	return e
}

// shrink forgets the oldest traces until the rest is allowed. The newest stays.
func (s *store) shrink() {
	for s.order.Len() > 1 && (s.order.Len() > s.o.Traces || s.bytes > s.o.Bytes) {
		last := s.order.Back()
		e := s.order.Remove(last).(*entry) //nolint:forcetypeassert // nothing else is in the list
		delete(s.known, e.trace.ID)
		s.bytes -= e.bytes
	}
}

// size estimates what a span takes in memory. The attributes of its process count
// for each span, though those of one request share them.
func size(s *fleet.Span) int64 {
	const each, pair = 400, 64
	n := each + len(s.Name) + len(s.Message) + len(s.Service)
	count := func(m map[string]string) {
		for k, v := range m {
			n += pair + len(k) + len(v)
		}
	}
	count(s.Attributes)
	count(s.Resource)
	for _, e := range s.Events {
		n += pair + len(e.Name)
		count(e.Attributes)
	}
	return int64(n)
}

// trace returns the trace with an ID. Its spans are the caller's to read: those
// that are kept are never changed.
func (s *store) trace(id string) (fleet.Trace, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	el, ok := s.known[id]
	if !ok {
		return fleet.Trace{}, false
	}
	return el.Value.(*entry).snapshot(), true //nolint:forcetypeassert // nothing else is in the list
}

// snapshot is the trace as it is now: spans are only ever added behind.
func (e *entry) snapshot() fleet.Trace {
	t := e.trace
	t.Spans = t.Spans[:len(t.Spans):len(t.Spans)]
	return t
}

// all returns the traces, the one with the newest span first.
func (s *store) all() []fleet.Trace {
	s.mu.Lock()
	defer s.mu.Unlock()
	traces := make([]fleet.Trace, 0, s.order.Len())
	for el := s.order.Front(); el != nil; el = el.Next() {
		traces = append(traces, el.Value.(*entry).snapshot()) //nolint:forcetypeassert // nothing else is in the list
	}
	return traces
}
