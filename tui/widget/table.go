package widget

import (
	"slices"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/theme"
)

// Table shows rows of which it draws only those that are seen. What it costs does
// not depend on how many there are.
type Table[R any] struct {
	Columns []Column[R]

	arranged *Arranged[R]
	cursor   int    // among the rows shown
	top      int    // the first row on the screen
	height   int    // rows on the screen, as drawn last
	selected string // ID of the row under the cursor, to follow it
	follow   bool   // the user has moved: keep to the row, not to the place
	marks    map[string]bool

	widths []int
	drawn  map[int32]string // rows as they were drawn, by their place in Rows
	look   look
	line   Line
}

// look is what drawn rows depend on.
type look struct {
	width int
	theme *theme.Theme
}

// Set shows rows. The cursor stays on its row if that is still there.
func (t *Table[R]) Set(a *Arranged[R]) {
	t.arranged = a
	t.Redraw()
	if t.follow && t.selected != "" {
		if i := a.Find(t.selected); i >= 0 {
			t.top += i - t.cursor // it stays where it is on the screen
			t.cursor = i
		}
	}
	t.move(t.cursor)
}

// Redraw forgets what was drawn, for rows that look different as time goes by.
func (t *Table[R]) Redraw() { clear(t.drawn) }

// Arranged returns what is shown, nil before the first Set.
func (t *Table[R]) Arranged() *Arranged[R] { return t.arranged }

// Len is how many rows are shown.
func (t *Table[R]) Len() int {
	if t.arranged == nil {
		return 0
	}
	return t.arranged.Len()
}

// Selected returns the row under the cursor, nil if there is none.
func (t *Table[R]) Selected() *R {
	if t.cursor >= t.Len() {
		return nil
	}
	return t.arranged.At(t.cursor)
}

// Visible are the rows on the screen, as drawn last.
func (t *Table[R]) Visible() func(yield func(*R) bool) {
	return func(yield func(*R) bool) {
		for i := t.top; i < min(t.Len(), t.top+t.height); i++ {
			if !yield(t.arranged.At(i)) {
				return
			}
		}
	}
}

// Select puts the cursor on a row, if it is shown, or once the first rows are.
func (t *Table[R]) Select(id string) bool {
	if t.arranged == nil {
		t.selected, t.follow = id, true
		return false
	}
	i := t.arranged.Find(id)
	if i >= 0 {
		t.follow = true
		t.move(i)
	}
	return i >= 0
}

// Marked returns the IDs of the marked rows, sorted.
func (t *Table[R]) Marked() []string {
	ids := make([]string, 0, len(t.marks))
	for id := range t.marks {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Unmark takes all marks away and tells whether there were any.
func (t *Table[R]) Unmark() bool {
	had := len(t.marks) > 0
	clear(t.marks)
	t.Redraw()
	return had
}

// Do moves the cursor or marks, and tells whether the action was one of those.
func (t *Table[R]) Do(a key.Action) bool {
	page := max(1, t.height)
	switch a {
	case key.Up:
		t.user(t.cursor - 1)
	case key.Down:
		t.user(t.cursor + 1)
	case key.Top:
		t.user(0)
	case key.Bottom:
		t.user(t.Len() - 1)
	case key.HalfUp:
		t.user(t.cursor - (page+1)/2)
	case key.HalfDown:
		t.user(t.cursor + (page+1)/2)
	case key.PageUp:
		t.user(t.cursor - page)
	case key.PageDown:
		t.user(t.cursor + page)
	case key.Mark:
		t.mark()
	default:
		return false
	}
	return true
}

func (t *Table[R]) user(to int) {
	t.follow = true
	t.move(to)
}

// Click puts the cursor on the y-th line of the table as it is drawn, the header
// being 0.
func (t *Table[R]) Click(y int) bool {
	i := t.top + y - 1
	if y < 1 || i >= t.Len() {
		return false
	}
	t.user(i)
	return true
}

func (t *Table[R]) move(to int) {
	t.cursor = max(0, min(to, t.Len()-1))
	t.selected = ""
	if r := t.Selected(); r != nil {
		t.selected = t.arranged.id(r)
	}
}

func (t *Table[R]) mark() {
	if t.selected == "" {
		return
	}
	if t.marks == nil {
		t.marks = map[string]bool{}
	}
	if t.marks[t.selected] {
		delete(t.marks, t.selected)
	} else {
		t.marks[t.selected] = true
	}
	delete(t.drawn, t.arranged.shown[t.cursor])
	t.user(t.cursor + 1)
}

// SortBy returns the spec with the order by the column of a letter; by the same
// again it is reversed. It tells whether there is such a column.
func (t *Table[R]) SortBy(s Spec, letter string) (Spec, bool) {
	for i := range t.Columns {
		if t.Columns[i].Key != "" && t.Columns[i].Key == letter {
			s.Reverse = s.Sort == i && !s.Reverse
			s.Sort = i
			return s, true
		}
	}
	return s, false
}

// Order names the column that a spec sorts by, with a - in front for the other way
// round.
func (t *Table[R]) Order(s Spec) string {
	if s.Sort < 0 || s.Sort >= len(t.Columns) {
		return ""
	}
	if s.Reverse {
		return "-" + t.Columns[s.Sort].name()
	}
	return t.Columns[s.Sort].name()
}

// Filter reads a filter over the columns.
func (t *Table[R]) Filter(text string) Filter {
	names := make([]string, len(t.Columns))
	for i := range t.Columns {
		names[i] = t.Columns[i].name()
	}
	return ParseFilter(text, names)
}

// Letter is a letter that sorts, and the column that it sorts by.
type Letter struct{ Key, Column string }

// Letters lists the letters that sort.
func (t *Table[R]) Letters() []Letter {
	var list []Letter
	for i := range t.Columns {
		if t.Columns[i].Key != "" {
			list = append(list, Letter{t.Columns[i].Key, t.Columns[i].name()})
		}
	}
	return list
}
