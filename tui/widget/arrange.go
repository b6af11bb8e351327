package widget

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/gctl-dev/gctl/tui/theme"
)

// Column is a column of a table over rows of type R.
type Column[R any] struct {
	Title string
	Name  string // in filters and in -o json; empty: the title in lower case
	Key   string // the letter that sorts by it; empty: it cannot be sorted by
	Min   int    // cells
	Grow  int    // its share of the cells that are left
	Max   int    // cells that it may grow to; 0: any number
	Right bool
	Drop  int // where the screen is narrow, columns with the largest Drop go first; 0 stays

	// Draw writes w cells of the row. It must write nothing else.
	Draw func(l *Line, t *theme.Theme, r *R, w int)
	// Compare orders two rows, the one that is to be first less.
	Compare func(a, b *R) int
	// Text is what a filter finds a row by; nil for nothing.
	Text func(r *R) string
	// Number is what a comparison in a filter compares, NaN where it is not known;
	// nil where it is to compare Text.
	Number func(r *R) float64
}

func (c *Column[R]) name() string {
	if c.Name != "" {
		return c.Name
	}
	return strings.ToLower(strings.TrimSuffix(c.Title, "%"))
}

// Choose returns those of the columns that are named, in that order; all where none
// is. The first column stays where it has no title: it is the sign of the row. What
// is named and is not there is returned too.
func Choose[R any](columns []Column[R], names []string) (chosen []Column[R], unknown []string) {
	if len(names) == 0 {
		return columns, nil
	}
	if columns[0].Title == "" {
		chosen = append(chosen, columns[0])
	}
	for _, name := range names {
		i := slices.IndexFunc(columns, func(c Column[R]) bool { return c.name() == strings.ToLower(name) })
		if i < 0 {
			unknown = append(unknown, name)
			continue
		}
		columns[i].Drop = 0 // it is wanted
		chosen = append(chosen, columns[i])
		if i+1 < len(columns) && columns[i+1].Title == "" { // what belongs to it
			chosen = append(chosen, columns[i+1])
		}
	}
	return chosen, unknown
}

// Names are the names of the columns that have one.
func Names[R any](columns []Column[R]) []string {
	var names []string
	for i := range columns {
		if columns[i].Title != "" {
			names = append(names, columns[i].name())
		}
	}
	return names
}

// By is the order by the column of that name, by the first where there is none.
func By[R any](columns []Column[R], name string) Spec {
	return Spec{Sort: max(0, slices.IndexFunc(columns, func(c Column[R]) bool { return c.name() == name }))}
}

// Spec is the order of rows, and which are shown.
type Spec struct {
	Sort    int // index of the column
	Reverse bool
	Filter  Filter
}

// Arranged is rows in order. It never changes.
type Arranged[R any] struct {
	Rows  []R
	Spec  Spec
	Fuzzy bool // the filter found nothing; those that come near are shown

	id    func(*R) string
	order []int32 // all rows, sorted
	shown []int32 // of those the ones that pass the filter
	texts []string
}

// Arrange sorts and filters rows. It is meant to be called beside the loop that
// draws: of before, what is still right is taken over. id names a row for as long
// as the table lives.
func Arrange[R any](columns []Column[R], rows []R, id func(*R) string, spec Spec, before *Arranged[R]) *Arranged[R] {
	a := &Arranged[R]{Rows: rows, Spec: spec, id: id}
	same := before != nil && sameRows(before.Rows, rows)
	switch {
	case same && before.Spec.Sort == spec.Sort && before.Spec.Reverse == spec.Reverse:
		a.order, a.texts = before.order, before.texts
	case same:
		a.texts = before.texts
		a.order = slices.Clone(before.order)
		a.sort(columns)
	default:
		a.order = make([]int32, len(rows))
		for i := range a.order {
			a.order[i] = int32(i)
		}
		if before != nil && len(before.order) == len(rows) { // mostly sorted already
			copy(a.order, before.order)
		}
		a.sort(columns)
	}
	if spec.Filter.Empty() {
		a.shown = a.order
		return a
	}
	from := a.order
	if same && !before.Fuzzy && before.Spec.Sort == spec.Sort && before.Spec.Reverse == spec.Reverse && spec.Filter.narrows(&before.Spec.Filter) {
		from = before.shown
	}
	a.fill(columns)
	if a.shown = a.pass(columns, from, false); len(a.shown) == 0 {
		a.shown = a.pass(columns, a.order, true)
		a.Fuzzy = len(a.shown) > 0
	}
	return a
}

func sameRows[R any](a, b []R) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func (a *Arranged[R]) sort(columns []Column[R]) {
	if a.Spec.Sort < 0 || a.Spec.Sort >= len(columns) || columns[a.Spec.Sort].Compare == nil {
		return
	}
	compare := columns[a.Spec.Sort].Compare
	sign := 1
	if a.Spec.Reverse {
		sign = -1
	}
	slices.SortFunc(a.order, func(x, y int32) int {
		if c := sign * compare(&a.Rows[x], &a.Rows[y]); c != 0 {
			return c
		}
		return cmp.Compare(a.id(&a.Rows[x]), a.id(&a.Rows[y]))
	})
}

// fill makes the texts that words are looked for in.
func (a *Arranged[R]) fill(columns []Column[R]) {
	if a.texts != nil {
		return
	}
	a.texts = make([]string, len(a.Rows))
	var b []byte
	for i := range a.Rows {
		b = b[:0]
		for c := range columns {
			if columns[c].Text != nil {
				b = append(b, columns[c].Text(&a.Rows[i])...)
				b = append(b, ' ')
			}
		}
		a.texts[i] = fold(string(b))
	}
}

func (a *Arranged[R]) pass(columns []Column[R], from []int32, fuzzy bool) []int32 {
	var shown []int32
	r := &arrangedRow[R]{a: a, columns: columns}
	for _, i := range from {
		r.i = i
		if a.Spec.Filter.holds(r, fuzzy) {
			shown = append(shown, i)
		}
	}
	return shown
}

type arrangedRow[R any] struct {
	a       *Arranged[R]
	columns []Column[R]
	i       int32
}

func (r *arrangedRow[R]) text() string { return r.a.texts[r.i] }

func (r *arrangedRow[R]) column(name string) *Column[R] {
	for i := range r.columns {
		if r.columns[i].name() == name {
			return &r.columns[i]
		}
	}
	return nil
}

func (r *arrangedRow[R]) number(name string) float64 {
	c := r.column(name)
	if c == nil || c.Number == nil {
		return math.NaN()
	}
	return c.Number(&r.a.Rows[r.i])
}

func (r *arrangedRow[R]) word(name string) (string, bool) {
	c := r.column(name)
	if c == nil || c.Number != nil || c.Text == nil {
		return "", false
	}
	return fold(c.Text(&r.a.Rows[r.i])), true
}

// Len is how many rows are shown.
func (a *Arranged[R]) Len() int { return len(a.shown) }

// At returns the i-th row that is shown.
func (a *Arranged[R]) At(i int) *R { return &a.Rows[a.shown[i]] }

// Find returns where a row is shown, -1 if it is not.
func (a *Arranged[R]) Find(id string) int {
	return slices.IndexFunc(a.shown, func(row int32) bool { return a.id(&a.Rows[row]) == id })
}
