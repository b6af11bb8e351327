package waterfall

import (
	"cmp"
	"slices"
	"time"
)

// selfTimes finds for each row the time in which none of its children ran.
// Children come in the order of their start, so one pass is enough.
func (l *Layout) selfTimes() {
	covered := make([]time.Duration, len(l.Rows)) // by children, until now
	until := make([]time.Duration, len(l.Rows))   // where the last of them ended
	for i := range l.Rows {
		until[i] = l.Rows[i].Offset
	}
	for i := range l.Rows {
		p := l.Rows[i].Parent
		if p < 0 {
			continue
		}
		start, end := max(l.Rows[i].Offset, until[p]), min(l.end(i), l.end(p))
		if end > start {
			covered[p] += end - start
			until[p] = end
		}
	}
	for i := range l.Rows {
		l.Rows[i].Self = max(0, length(l.Rows[i].Span)-covered[i])
	}
}

// criticalPath finds the spans that decided how long the trace took: had one of
// them been shorter then, so would have been the whole.
//
// It is the "last finishing child" of CRISP (Zhang et al., "CRISP: Critical Path
// Analysis of Large-Scale Microservice Architectures", USENIX ATC 2022), as
// Jaeger's web interface draws it too. From the end of a span go back: the child
// that ended last before this moment is what was waited for, so the path goes
// through it, and goes on with the moment at which it started; what lies between is
// the span's own. A child that outlives its parent counts until the parent's end; one
// that was still running when the next on the path began was not waited for. Roots
// are the children of the whole trace, and follow one another however they overlap,
// so the path covers it, save for gaps in which nothing ran.
func (l *Layout) criticalPath() {
	if len(l.Rows) == 0 {
		return
	}
	byEnd := l.childrenByEnd()
	type frame struct {
		row  int           // -1 is the trace
		from time.Duration // where it began
		end  time.Duration
		at   time.Duration // until where the path is known
	}
	own := func(row int, start, end time.Duration) {
		if row >= 0 && end > start {
			l.Path = append(l.Path, Segment{row, start, end})
			l.Rows[row].Critical += end - start
		}
	}
	stack := []frame{{-1, 0, l.Duration, l.Duration}}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		children := byEnd[f.row+1]
		if len(children) == 0 {
			own(f.row, f.from, f.at)
			stack = stack[:len(stack)-1]
			continue
		}
		child := children[len(children)-1]
		byEnd[f.row+1] = children[:len(children)-1]
		start, end := max(l.Rows[child].Offset, f.from), min(l.end(child), f.end)
		if f.row < 0 {
			end = min(end, f.at)
		}
		if end <= start || end > f.at {
			continue
		}
		own(f.row, end, f.at)
		f.at = start
		stack = append(stack, frame{child, start, end, end})
	}
	slices.SortStableFunc(l.Path, func(a, b Segment) int { return cmp.Compare(a.Start, b.Start) })
}

// childrenByEnd returns the children of each row, in front of them the roots, in
// the order of their ends.
func (l *Layout) childrenByEnd() [][]int {
	lists := make([][]int, len(l.Rows)+1)
	for i := range l.Rows {
		lists[l.Rows[i].Parent+1] = append(lists[l.Rows[i].Parent+1], i)
	}
	for _, list := range lists {
		slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(l.end(a), l.end(b)) })
	}
	return lists
}

// shares sums up the services.
func (l *Layout) shares() {
	at := map[string]int{}
	var whole time.Duration
	for i := range l.Rows {
		row := &l.Rows[i]
		n, known := at[row.Span.Service]
		if !known {
			n = len(l.Shares)
			at[row.Span.Service] = n
			l.Shares = append(l.Shares, Share{Service: row.Span.Service})
		}
		s := &l.Shares[n]
		s.Spans++
		s.Self = plus(s.Self, row.Self)
		s.Critical += row.Critical
		whole += row.Critical
		if row.Span.Error {
			s.Errors++
		}
	}
	for i := range l.Shares {
		if whole > 0 {
			l.Shares[i].Ratio = float64(l.Shares[i].Critical) / float64(whole)
		}
	}
	slices.SortStableFunc(l.Shares, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Critical, a.Critical), cmp.Compare(b.Self, a.Self), cmp.Compare(a.Service, b.Service))
	})
}
