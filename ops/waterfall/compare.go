package waterfall

import (
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Step is an operation on the way from a root.
type Step struct {
	Service, Name string
	Kind          fleet.SpanKind
}

// Stat is what one trace has of an operation path.
type Stat struct {
	Spans    int
	Errors   int
	Total    time.Duration // sum of the spans
	Self     time.Duration
	Critical time.Duration
}

// Difference is how two traces compare in one operation path: spans that do the
// same below spans that do the same.
type Difference struct {
	Step
	Depth int  // 0 for a root; the one above is the last before with a lesser depth
	A, B  Stat // without spans where one does not have it
}

// Change is how much longer its own time is in B.
func (d *Difference) Change() time.Duration { return d.B.Self - d.A.Self }

// Compare compares two traces by operation path, parents before their children, in
// the order in which A has them, then B.
func Compare(a, b *Layout) []Difference {
	c := &comparison{at: map[comparisonKey]int{}}
	first, second := c.join(a), c.join(b)
	c.count(a, first, func(d *Difference) *Stat { return &d.A })
	c.count(b, second, func(d *Difference) *Stat { return &d.B })
	return c.inOrder()
}

type comparisonKey struct {
	parent int
	step   Step
}

type comparison struct {
	at   map[comparisonKey]int
	list []Difference
	up   []int // the index of the path above
}

// join finds or makes the path of each row and returns their indexes.
func (c *comparison) join(l *Layout) []int {
	paths := make([]int, len(l.Rows))
	for i := range l.Rows {
		parent := -1
		if p := l.Rows[i].Parent; p >= 0 {
			parent = paths[p]
		}
		s := l.Rows[i].Span
		k := comparisonKey{parent, Step{s.Service, s.Name, s.Kind}}
		n, known := c.at[k]
		if !known {
			n = len(c.list)
			c.at[k] = n
			d := Difference{Step: k.step}
			if parent >= 0 {
				d.Depth = c.list[parent].Depth + 1
			}
			c.list = append(c.list, d)
			c.up = append(c.up, parent)
		}
		paths[i] = n
	}
	return paths
}

func (c *comparison) count(l *Layout, paths []int, side func(*Difference) *Stat) {
	for i := range l.Rows {
		row, s := &l.Rows[i], side(&c.list[paths[i]])
		s.Spans++
		s.Total = plus(s.Total, length(row.Span))
		s.Self = plus(s.Self, row.Self)
		s.Critical += row.Critical
		if row.Span.Error {
			s.Errors++
		}
	}
}

// inOrder puts what only B has below its parent too.
func (c *comparison) inOrder() []Difference {
	below := make([][]int, len(c.list)+1)
	for i, parent := range c.up {
		below[parent+1] = append(below[parent+1], i)
	}
	out := make([]Difference, 0, len(c.list))
	stack := slices.Clone(below[0])
	slices.Reverse(stack)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		out = append(out, c.list[n])
		for _, child := range slices.Backward(below[n+1]) {
			stack = append(stack, child)
		}
	}
	return out
}
