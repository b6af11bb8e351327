package waterfall

import (
	"slices"
	"time"
)

// Line is a row that is shown, or several that are folded into one.
type Line struct {
	Row    int // the row; of folded ones the first
	Folded int // how many siblings are folded into this line, 0 for none
	Hidden int // how many spans are not shown: those folded, or those below the row, with all below them
	Errors int // among the hidden
	Total  time.Duration
	Last   bool // the last of its parent that is shown
}

// alike is how many siblings that do the same are shown before the rest is
// folded.
const alike = 3

// Fold chooses what to show of a trace in about most lines. Siblings with the same
// service and name are folded after the third; where that is not enough, what is
// deep is hidden below its ancestor, and at last what comes late. Spans with an
// error or on the critical path are folded last of their kind. A most of 0 shows
// everything.
func (l *Layout) Fold(most int) []Line {
	if most <= 0 || len(l.Rows) <= most {
		lines := make([]Line, len(l.Rows))
		for i := range l.Rows {
			lines[i] = Line{Row: i, Last: l.Rows[i].Last}
		}
		return lines
	}
	f := folder{l: l, children: l.children()}
	// The depth that fits is found by counting; traces are rarely deeper than 64.
	depth, deepest := 1, 64
	for depth < deepest {
		middle := (depth + deepest + 1) / 2
		if f.count(-1, middle, most) <= most {
			depth = middle
		} else {
			deepest = middle - 1
		}
	}
	if f.count(-1, depth, most) < most/8 { // a part of the next level says more than hardly anything
		depth++
	}
	f.lines(-1, depth)
	if len(f.out) > most {
		f.out = f.out[:most]
	}
	return f.out
}

type folder struct {
	l        *Layout
	children [][]int // of a row, at row+1
	out      []Line
}

func (l *Layout) children() [][]int {
	lists := make([][]int, len(l.Rows)+1)
	for i := range l.Rows {
		lists[l.Rows[i].Parent+1] = append(lists[l.Rows[i].Parent+1], i)
	}
	return lists
}

// shown splits the children of a row into those with a line of their own and, by
// operation, those that are folded.
func (f *folder) shown(row int) (own []int, folded [][]int) {
	type operation struct{ service, name string }
	groups := map[operation][]int{}
	var order []operation
	for _, c := range f.children[row+1] {
		s := f.l.Rows[c].Span
		o := operation{s.Service, s.Name}
		if groups[o] == nil {
			order = append(order, o)
		}
		groups[o] = append(groups[o], c)
	}
	for _, o := range order {
		group := groups[o]
		if len(group) <= alike+1 {
			own = append(own, group...)
			continue
		}
		slices.SortStableFunc(group, func(a, b int) int { return f.weight(b) - f.weight(a) })
		own = append(own, group[:alike]...)
		rest := group[alike:]
		slices.Sort(rest)
		folded = append(folded, rest)
	}
	slices.Sort(own)
	return own, folded
}

// weight is how much a span is worth a line of its own.
func (f *folder) weight(row int) int {
	w := 0
	if f.l.Rows[row].Span.Error {
		w += 2
	}
	if f.l.Rows[row].Critical > 0 {
		w++
	}
	return w
}

// count is how many lines there are down to a depth; it stops counting beyond
// most.
func (f *folder) count(row, depth, most int) int {
	own, folded := f.shown(row)
	n := len(own) + len(folded)
	if depth <= 1 {
		return n
	}
	for _, c := range own {
		if n > most {
			return n
		}
		n += f.count(c, depth-1, most-n)
	}
	return n
}

func (f *folder) lines(row, depth int) {
	own, folded := f.shown(row)
	for i, c := range own {
		line := Line{Row: c, Last: i == len(own)-1 && len(folded) == 0}
		if depth <= 1 {
			line.Hidden = f.l.Rows[c].Below
			line.Errors = f.errors(c) - f.error(c)
		}
		f.out = append(f.out, line)
		if depth > 1 {
			f.lines(c, depth-1)
		}
	}
	for i, group := range folded {
		line := Line{Row: group[0], Folded: len(group), Last: i == len(folded)-1}
		for _, c := range group {
			line.Hidden += f.l.Rows[c].Below + 1
			line.Errors += f.errors(c)
			line.Total = plus(line.Total, length(f.l.Rows[c].Span))
		}
		f.out = append(f.out, line)
	}
}

func (f *folder) error(row int) int {
	if f.l.Rows[row].Span.Error {
		return 1
	}
	return 0
}

// errors counts those of a row and all below it, which follow it.
func (f *folder) errors(row int) int {
	n := 0
	for i := row; i <= row+f.l.Rows[row].Below; i++ {
		n += f.error(i)
	}
	return n
}
