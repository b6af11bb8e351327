package trace

import (
	"context"
	"maps"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// item is a line of the tree.
type item struct {
	row    int
	id     string
	last   bool // the last of its parent that is shown
	closed bool // there is more below, or in the group, that is not shown
	group  int  // how many spans that do the same are folded into the line, 0 for none
	hidden int  // spans that are not shown
	errors int  // among them
	near   bool // shown for what is below it only, while a filter is on
}

func (i *item) key() string { return i.id }

// folds says what is not shown. It never changes: who folds makes another.
type folds struct {
	closed map[int]bool // rows of which what is below is not shown
	opened map[int]bool // groups that are shown, by their first row
}

// with returns the folds with a row closed or open.
func (f folds) with(row int, closed bool) folds {
	f.closed = maps.Clone(f.closed)
	if f.closed == nil {
		f.closed = map[int]bool{}
	}
	if closed {
		f.closed[row] = true
	} else {
		delete(f.closed, row)
	}
	return f
}

// withGroup returns the folds with a group shown.
func (f folds) withGroup(first int) folds {
	f.opened = maps.Clone(f.opened)
	if f.opened == nil {
		f.opened = map[int]bool{}
	}
	f.opened[first] = true
	return f
}

// fold chooses what is not shown in the beginning: of a long trace spans that do the
// same, and what is deep.
func (l *loaded) fold() {
	l.groups = make([]int32, len(l.Rows))
	for i := range l.groups {
		l.groups[i] = -1
	}
	if len(l.Rows) <= many {
		return
	}
	type operation struct {
		parent        int
		service, name string
	}
	of := func(row int) operation {
		r := &l.Rows[row]
		return operation{r.Parent, r.Span.Service, r.Span.Name}
	}
	folded, own := map[operation]int{}, map[int]bool{}
	l.folds.closed = map[int]bool{}
	for _, line := range l.Fold(many) {
		switch {
		case line.Folded > 0:
			folded[of(line.Row)] = line.Row
		case line.Hidden > 0:
			l.folds.closed[line.Row] = true
			own[line.Row] = true
		default:
			own[line.Row] = true
		}
	}
	for i := range l.Rows {
		if first, ok := folded[of(i)]; ok && !own[i] {
			l.groups[i] = int32(first)
		}
	}
}

// arranged is which lines are shown.
type arranged struct {
	of      *loaded
	shown   *widget.Arranged[item]
	matches *widget.Arranged[item] // of the filter, nil without one
	last    []bool                 // of each row: the last of its parent that is shown
}

// arrange chooses the lines, beside the loop. While that is under way, what is newer
// waits for its end.
func (s *Screen) arrange() tea.Cmd {
	if s.stale = s.jobs.Busy(arranging); s.stale || s.trace == nil {
		return nil
	}
	l, f, spec, before, cols := s.trace, s.folds, widget.Spec{Sort: -1, Filter: s.filter}, s.matches, s.table.Columns
	return s.jobs.Start(arranging, func(context.Context) tea.Msg { return choose(l, f, spec, before, cols) })
}

func choose(l *loaded, f folds, spec widget.Spec, before *widget.Arranged[item], cols []widget.Column[item]) *arranged {
	a := &arranged{of: l, last: make([]bool, len(l.Rows))}
	var items []item
	if spec.Filter.Empty() {
		items = l.unfolded(f)
	} else {
		items = a.filtered(spec, before, cols)
	}
	seen := make([]bool, len(l.Rows)+1)
	for i := range slices.Backward(items) {
		p := l.Rows[items[i].row].Parent + 1
		items[i].last = !seen[p]
		a.last[items[i].row] = !seen[p]
		seen[p] = true
	}
	a.shown = widget.Arrange(cols, items, (*item).key, widget.Spec{Sort: -1}, nil)
	return a
}

// unfolded are the lines that folds leave.
func (l *loaded) unfolded(f folds) []item {
	items := make([]item, 0, min(len(l.Rows), 2*many))
	groups := map[int32]int{} // the line of a group
	for i := 0; i < len(l.Rows); {
		r := &l.Rows[i]
		it := item{row: i, id: l.ids[i]}
		next := i + 1
		switch g := l.groups[i]; {
		case g >= 0 && !f.opened[int(g)]:
			at, known := groups[g]
			if !known {
				at = len(items)
				groups[g] = at
				it.closed = true
				items = append(items, it)
			}
			line := &items[at]
			line.group++
			line.hidden += r.Below + 1
			line.errors += int(l.errors[i+r.Below+1] - l.errors[i])
			i += r.Below + 1
			continue
		case r.Below > 0 && f.closed[i]:
			it.closed, it.hidden, it.errors = true, r.Below, l.errorsBelow(i)
			next = i + r.Below + 1
		}
		items = append(items, it)
		i = next
	}
	return items
}

// filtered are the spans that a filter finds, and those above them.
func (a *arranged) filtered(spec widget.Spec, before *widget.Arranged[item], cols []widget.Column[item]) []item {
	l := a.of
	var all []item
	if before != nil && len(before.Rows) == len(l.Rows) {
		all = before.Rows
	} else {
		all = make([]item, len(l.Rows))
		for i := range all {
			all[i] = item{row: i, id: l.ids[i]}
		}
	}
	a.matches = widget.Arrange(cols, all, (*item).key, spec, before)
	const above, found = 1, 2
	keep := make([]int8, len(l.Rows))
	for i := range a.matches.Len() {
		row := a.matches.At(i).row
		keep[row] = found
		for p := l.Rows[row].Parent; p >= 0 && keep[p] == 0; p = l.Rows[p].Parent {
			keep[p] = above
		}
	}
	var items []item
	for i, k := range keep {
		if k > 0 {
			items = append(items, item{row: i, id: l.ids[i], near: k == above})
		}
	}
	return items
}

// left folds what is below, or goes to the span above.
func (s *Screen) left() tea.Cmd {
	it := s.table.Selected()
	if it == nil {
		return nil
	}
	r := &s.trace.Rows[it.row]
	if r.Below > 0 && !it.closed && s.filter.Empty() {
		s.folds = s.folds.with(it.row, true)
		return s.arrange()
	}
	if r.Parent >= 0 {
		s.table.Select(s.trace.ids[r.Parent])
	}
	return nil
}

// right unfolds, goes to the span below, or from a span without any to its instance.
func (s *Screen) right(look *screen.Look) tea.Cmd {
	it := s.table.Selected()
	switch {
	case it == nil:
		return nil
	case it.group > 0:
		s.folds = s.folds.withGroup(int(s.trace.groups[it.row]))
	case it.closed:
		s.folds = s.folds.with(it.row, false)
	case s.trace.Rows[it.row].Below > 0:
		s.table.Do("down")
		return nil
	default:
		return s.jump(look)
	}
	return s.arrange()
}
