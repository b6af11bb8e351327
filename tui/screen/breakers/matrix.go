package breakers

import (
	"cmp"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/widget"
)

// pair names a cell: who calls whom.
type pair struct{ caller, callee string }

// cell is what there is between two services.
type cell struct {
	rank  rank // of the worst
	n     int  // as bad as that
	worst *fleet.Breaker
	rows  []row // in the order of the list
}

// matrix is the cells by caller and callee, those in trouble first. It never
// changes.
type matrix struct {
	callers, callees []string
	widths           []int // of the columns, by callee
	cells            map[pair]*cell
	open, bad        int  // breakers that are open; that are anything but closed
	ticks            bool // something on it changes as time goes by
}

// mostSide is how many callers or callees a matrix has at most: nobody looks
// through more.
const mostSide = 1000

// The cells of a column: at least so that the words of a state fit.
const (
	columnLeast = 8
	columnMost  = 20
)

// newMatrix makes the matrix of those rows that the filter lets through.
func newMatrix(all *widget.Arranged[row], now time.Time) *matrix {
	m := &matrix{cells: map[pair]*cell{}}
	callers, callees := map[string]rank{}, map[string]rank{}
	for i := range all.Len() {
		r := all.At(i)
		key := pair{r.b.Caller.Service, r.b.Target}
		c := m.cells[key]
		if c == nil {
			c = &cell{}
			m.cells[key] = c
		}
		c.add(r)
		callers[key.caller] = max(callers[key.caller], r.rank)
		callees[key.callee] = max(callees[key.callee], r.rank)
		if r.rank > closed {
			m.bad++
		}
		if r.rank >= open {
			m.open++
		}
		m.ticks = m.ticks || r.rank == open
	}
	m.callers, m.callees = worstFirst(callers), worstFirst(callees)
	widths := make(map[string]int, len(callees))
	for key, c := range m.cells {
		// The glyph and a blank, and two more for a time that has more digits soon.
		w := widget.Width(say(c.worst, c.rank, c.n, len(c.rows), now).text()) + 2
		if c.rank == open {
			w += 2
		}
		widths[key.callee] = max(widths[key.callee], w)
	}
	for _, name := range m.callees {
		m.widths = append(m.widths, min(max(widths[name], widget.Width(title(name)), columnLeast), columnMost))
	}
	return m
}

func (c *cell) add(r *row) {
	switch {
	case r.rank > c.rank:
		c.rank, c.n, c.worst = r.rank, 1, r.b
	case r.rank == c.rank:
		c.n++
		if sooner(r.b, c.worst) {
			c.worst = r.b
		}
	}
	c.rows = append(c.rows, *r)
}

// sooner tells whether of two breakers in the same state a is the one to tell of:
// the one that is tried again first, or else the one that came to it last.
func sooner(a, b *fleet.Breaker) bool {
	if !a.NextProbe.Equal(b.NextProbe) && !a.NextProbe.IsZero() {
		return b.NextProbe.IsZero() || a.NextProbe.Before(b.NextProbe)
	}
	return a.NextProbe.Equal(b.NextProbe) && a.Since.After(b.Since)
}

func worstFirst(ranks map[string]rank) []string {
	names := make([]string, 0, len(ranks))
	for name := range ranks {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(ranks[b].verdict(), ranks[a].verdict()), cmp.Compare(ranks[b], ranks[a]), cmp.Compare(a, b))
	})
	return names
}

// large tells whether there are too many services for a matrix.
func (m *matrix) large() bool { return len(m.callers) > mostSide || len(m.callees) > mostSide }

// at returns a cell and its name; the cell is nil where there is no breaker.
func (m *matrix) at(row, column int) (pair, *cell) {
	if row < 0 || row >= len(m.callers) || column < 0 || column >= len(m.callees) {
		return pair{}, nil
	}
	key := pair{m.callers[row], m.callees[column]}
	return key, m.cells[key]
}

// title is the name of a callee; a source need not tell it.
func title(callee string) string {
	if callee == "" {
		return "(not told)"
	}
	return callee
}
