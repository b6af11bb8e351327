// Package waterfall lays out a trace: which span is below which, what of the time
// was each span's own, what decided how long it all took, and how two traces
// differ.
//
// Traces are as bad as those who sent them. A span whose parent is not there is a
// root and says so; a cycle is cut at the span that began first; a span that came
// twice counts once; one that began before its parent is kept where it is and
// marked, since the clocks of two machines disagree.
package waterfall

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Mark is what is odd about a span.
type Mark string

// The marks.
const (
	MissingParent Mark = "parent missing" // shown as a root, since its parent is not in the trace
	Cycle         Mark = "cycle cut"      // it was its own ancestor
	ClockSkew     Mark = "clock skew"     // it began before its parent
	Duplicate     Mark = "came twice"
)

// Row is a span in its place.
type Row struct {
	Span     *fleet.Span
	Depth    int           // 0 for a root
	Parent   int           // index of its row, -1 for a root
	Last     bool          // the last among its siblings
	Below    int           // how many spans are below it
	Offset   time.Duration // from the start of the trace
	Self     time.Duration // in which none below it ran
	Critical time.Duration // of its own on the critical path
	Skew     time.Duration // how long before its parent it began
	Marks    []Mark
}

// Segment is a part of the critical path: the row decided then how long the trace
// takes.
type Segment struct {
	Row        int
	Start, End time.Duration // from the start of the trace
}

// Share is what a service has of a trace.
type Share struct {
	Service  string
	Spans    int
	Errors   int
	Self     time.Duration // sum over its spans; more than the trace took where they run side by side
	Critical time.Duration // on the critical path
	Ratio    float64       // of the critical path, 0 to 1; the shares add up to 1
}

// Layout is a trace laid out.
type Layout struct {
	ID       string
	Start    time.Time
	Duration time.Duration // from the first start to the last end
	Rows     []Row         // each parent before its children, siblings by their start
	Path     []Segment     // the critical path, in the order of time
	Shares   []Share       // most of the critical path first
	Errors   int           // spans with an error

	Missing    int // spans whose parent is not in the trace
	Cycles     int // that were cut
	Duplicates int // spans that came more than once
	Skewed     int // spans that began before their parents
	Truncated  int // spans that the source left out
}

// Lay lays out a trace. The spans stay the trace's.
func Lay(t *fleet.Trace) *Layout {
	l := &Layout{ID: t.ID, Truncated: t.Truncated}
	nodes := l.merge(t.Spans)
	l.span(nodes)
	roots := l.tree(nodes)
	l.order(nodes, roots)
	l.selfTimes()
	l.criticalPath()
	l.shares()
	return l
}

// node is a span before its place is known.
type node struct {
	span     *fleet.Span
	parent   int // index, -1 for none
	children []int
	marks    []Mark
}

// key tells spans apart. Zipkin gives a client and its server one ID.
type key struct {
	id   string
	kind fleet.SpanKind
}

// merge leaves one node for each span.
func (l *Layout) merge(spans []fleet.Span) []node {
	nodes := make([]node, 0, len(spans))
	seen := make(map[key]int, len(spans))
	for i := range spans {
		s := &spans[i]
		n, twice := seen[key{s.ID, s.Kind}]
		if !twice {
			seen[key{s.ID, s.Kind}] = len(nodes)
			nodes = append(nodes, node{span: s, parent: -1})
			continue
		}
		l.Duplicates++
		if len(nodes[n].marks) == 0 {
			nodes[n].marks = []Mark{Duplicate}
		}
		if s.Duration > nodes[n].span.Duration { // the other was sent before the end
			nodes[n].span = s
		}
	}
	return nodes
}

// span finds the time that the trace covers.
func (l *Layout) span(nodes []node) {
	var end time.Time
	for i := range nodes {
		s := nodes[i].span
		if i == 0 || s.Start.Before(l.Start) {
			l.Start = s.Start
		}
		if e := s.Start.Add(length(s)); i == 0 || e.After(end) {
			end = e
		}
		if s.Error {
			l.Errors++
		}
	}
	l.Duration = end.Sub(l.Start)
}

// tree joins the nodes with their parents and returns the roots.
func (l *Layout) tree(nodes []node) []int {
	byID := make(map[string]int, len(nodes))
	for i := range nodes {
		other, shared := byID[nodes[i].span.ID]
		// Children belong to the server's of two spans with one ID.
		if !shared || nodes[other].span.Kind == fleet.SpanClient {
			byID[nodes[i].span.ID] = i
		}
	}
	for i := range nodes {
		s := nodes[i].span
		if owner := byID[s.ID]; owner != i { // the client's half
			l.parent(nodes, i, s.Parent, byID)
			nodes[owner].parent = i
			continue
		}
		if nodes[i].parent < 0 {
			l.parent(nodes, i, s.Parent, byID)
		}
	}
	l.cut(nodes)
	var roots []int
	for i := range nodes {
		if p := nodes[i].parent; p >= 0 {
			nodes[p].children = append(nodes[p].children, i)
		} else {
			roots = append(roots, i)
		}
	}
	return roots
}

func (l *Layout) parent(nodes []node, i int, id string, byID map[string]int) {
	p, ok := byID[id]
	switch {
	case id == "":
	case !ok:
		l.Missing++
		nodes[i].marks = append(nodes[i].marks, MissingParent)
	case nodes[p].span.ID == nodes[i].span.ID: // its own parent
		l.Cycles++
		nodes[i].marks = append(nodes[i].marks, Cycle)
	default:
		nodes[i].parent = p
	}
}

// cut makes a root of the span of each cycle that began first.
func (l *Layout) cut(nodes []node) {
	const unseen, onPath, done = 0, 1, 2
	state := make([]int8, len(nodes))
	for i := range nodes {
		var path []int
		at := i
		for at >= 0 && state[at] == unseen {
			state[at] = onPath
			path = append(path, at)
			at = nodes[at].parent
		}
		if at >= 0 && state[at] == onPath {
			first := at
			for n := nodes[at].parent; n != at; n = nodes[n].parent {
				if nodes[n].span.Start.Before(nodes[first].span.Start) {
					first = n
				}
			}
			nodes[first].parent = -1
			nodes[first].marks = append(nodes[first].marks, Cycle)
			l.Cycles++
		}
		for _, n := range path {
			state[n] = done
		}
	}
}

// order makes rows of the nodes, depth first.
func (l *Layout) order(nodes []node, roots []int) {
	byStart := func(a, b int) int {
		x, y := nodes[a].span, nodes[b].span
		return cmp.Or(x.Start.Compare(y.Start), cmp.Compare(y.Duration, x.Duration), cmp.Compare(x.ID, y.ID))
	}
	type todo struct {
		node, parent int
		last         bool
	}
	var stack []todo
	push := func(list []int, parent int) {
		slices.SortFunc(list, byStart)
		for i, n := range slices.Backward(list) {
			stack = append(stack, todo{n, parent, i == len(list)-1})
		}
	}
	l.Rows = make([]Row, 0, len(nodes))
	push(roots, -1)
	for len(stack) > 0 {
		next := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		n := &nodes[next.node]
		row := Row{Span: n.span, Parent: next.parent, Last: next.last, Marks: n.marks, Offset: n.span.Start.Sub(l.Start)}
		if next.parent >= 0 {
			row.Depth = l.Rows[next.parent].Depth + 1
			if early := l.Rows[next.parent].Span.Start.Sub(n.span.Start); early > 0 {
				row.Skew = early
				row.Marks = append(slices.Clip(row.Marks), ClockSkew)
				l.Skewed++
			}
		}
		l.Rows = append(l.Rows, row)
		push(n.children, len(l.Rows)-1)
	}
	for i := len(l.Rows) - 1; i > 0; i-- {
		if p := l.Rows[i].Parent; p >= 0 {
			l.Rows[p].Below += l.Rows[i].Below + 1
		}
	}
}

// end is when a row ended, from the start of the trace.
func (l *Layout) end(row int) time.Duration {
	return min(plus(l.Rows[row].Offset, length(l.Rows[row].Span)), l.Duration)
}

// length is how long a span took. One that ended before it began took no time.
func length(s *fleet.Span) time.Duration { return max(0, s.Duration) }

// plus adds what is not negative. Clocks that are centuries ahead give sums that are
// longer than a duration can be.
func plus(a, b time.Duration) time.Duration {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}
