package why

import (
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// spanTree is how the spans of a trace hang together. Parents may be missing,
// spans may come twice, and cycles are cut.
type spanTree struct {
	spans    []fleet.Span
	twice    []bool
	depth    []int
	children [][]int
}

func newSpanTree(spans []fleet.Span) *spanTree {
	t := &spanTree{spans: spans, twice: make([]bool, len(spans)), depth: make([]int, len(spans)), children: make([][]int, len(spans))}
	index := make(map[string]int, len(spans))
	for i := range spans {
		if _, known := index[spans[i].ID]; known {
			t.twice[i] = true
			continue
		}
		index[spans[i].ID] = i
	}
	for i := range spans {
		if parent, ok := index[spans[i].Parent]; ok && !t.twice[i] && parent != i {
			t.children[parent] = append(t.children[parent], i)
		}
		t.depth[i] = t.distance(i, index)
	}
	return t
}

// distance counts the parents above a span; a chain longer than the trace is a
// cycle.
func (t *spanTree) distance(i int, index map[string]int) int {
	d := 0
	for at := i; d <= len(t.spans); d++ {
		parent, ok := index[t.spans[at].Parent]
		if !ok || parent == at {
			return d
		}
		at = parent
	}
	return 0
}

// root is the first span without a known parent, -1 in an empty trace.
func (t *spanTree) root() int {
	best := -1
	for i := range t.spans {
		if t.depth[i] == 0 && !t.twice[i] && (best < 0 || t.spans[i].Start.Before(t.spans[best].Start)) {
			best = i
		}
	}
	return best
}

// self is the time of a span during which none of its children ran.
func (t *spanTree) self(i int) time.Duration {
	s := &t.spans[i]
	if s.Duration <= 0 {
		return 0
	}
	type part struct{ from, to time.Duration }
	var parts []part
	for _, c := range t.children[i] {
		from := max(0, t.spans[c].Start.Sub(s.Start))
		to := min(s.Duration, from+max(0, t.spans[c].Duration))
		if to > from {
			parts = append(parts, part{from, to})
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return int(a.from - b.from) })
	covered, end := time.Duration(0), time.Duration(0)
	for _, p := range parts {
		if p.to > end {
			covered += p.to - max(p.from, end)
			end = p.to
		}
	}
	return s.Duration - covered
}
