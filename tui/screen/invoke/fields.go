package invoke

import (
	"strings"

	"github.com/gctl-dev/gctl/tui/form"
	"github.com/gctl-dev/gctl/tui/key"
)

// fields is the pane of the form: its rows, the cursor among them, and the filter.
type fields struct {
	form   *form.Form
	all    []form.Row
	rows   []form.Row // that pass the filter
	at, to int        // the row under the cursor; the first one on the screen
	height int
	filter string
	// hidden are the fields, by their paths, whose values the history did not keep.
	hidden map[string]bool
	change int // counts the changes of the form
	// version counts the changes of what is seen of it.
	version int
}

// refresh reads the rows again; the cursor stays on its row.
func (f *fields) refresh() {
	var on form.ID
	if r := f.selected(); r != nil {
		on = r.ID
	}
	f.version++
	f.all = f.form.Rows()
	f.rows = f.pass()
	f.move(f.at)
	f.goTo(on)
}

// changed is refresh after the form was changed.
func (f *fields) changed() {
	f.change++
	f.refresh()
	for path := range f.hidden { // what has a value again is not missing
		if r := f.byPath(path); r != nil && r.Set && (r.Value != "" || r.Count > 0) {
			delete(f.hidden, path)
			f.version++
		}
	}
}

func (f *fields) byPath(path string) *form.Row {
	for i := range f.all {
		if f.all[i].ID != 0 && f.form.Path(f.all[i].ID) == path {
			return &f.all[i]
		}
	}
	return nil
}

// pass returns the rows that have the filter in their names, types or values, with
// those that they are in.
func (f *fields) pass() []form.Row {
	if f.filter == "" {
		return f.all
	}
	word := strings.ToLower(f.filter)
	keep := make([]bool, len(f.all))
	for i := range f.all {
		r := &f.all[i]
		text := r.Label + " " + r.Type
		if !r.Secret {
			text += " " + r.Value + " " + r.Summary
		}
		if !strings.Contains(strings.ToLower(text), word) {
			continue
		}
		keep[i] = true
		for depth, j := r.Depth, i-1; j >= 0 && depth > 0; j-- {
			if f.all[j].Depth < depth {
				keep[j], depth = true, f.all[j].Depth
			}
		}
	}
	var rows []form.Row
	for i, k := range keep {
		if k {
			rows = append(rows, f.all[i])
		}
	}
	return rows
}

func (f *fields) selected() *form.Row {
	if f.at >= len(f.rows) {
		return nil
	}
	return &f.rows[f.at]
}

func (f *fields) move(to int) { f.at = max(0, min(to, len(f.rows)-1)) }

// goTo puts the cursor on a row, if it is there.
func (f *fields) goTo(id form.ID) {
	for i := range f.rows {
		if id != 0 && f.rows[i].ID == id {
			f.at = i
		}
	}
}

// do moves the cursor and tells whether the action was one of those.
func (f *fields) do(a key.Action) bool {
	page := max(1, f.height)
	switch a {
	case key.Up:
		f.move(f.at - 1)
	case key.Down:
		f.move(f.at + 1)
	case key.Top:
		f.move(0)
	case key.Bottom:
		f.move(len(f.rows) - 1)
	case key.HalfUp:
		f.move(f.at - (page+1)/2)
	case key.HalfDown:
		f.move(f.at + (page+1)/2)
	case key.PageUp:
		f.move(f.at - page)
	case key.PageDown:
		f.move(f.at + page)
	default:
		return false
	}
	return true
}

// fold opens or closes the row under the cursor; what cannot be closed leads to the
// row that it is in.
func (f *fields) fold(open bool) {
	r := f.selected()
	if r == nil || r.ID == 0 {
		return
	}
	switch {
	case open && r.Expandable && !r.Expanded:
		_ = f.form.Expand(r.ID) // it is there
	case !open && r.Expanded && r.Kind != form.Oneof:
		_ = f.form.Collapse(r.ID) // it is there
	case !open:
		for i := f.at - 1; i >= 0; i-- {
			if f.rows[i].Depth < r.Depth {
				f.at = i
				break
			}
		}
		return
	}
	f.refresh()
}

// container returns the row of the list or map that a row is, or is in; nil if
// there is none.
func (f *fields) container(r *form.Row) *form.Row {
	if r.Kind == form.List || r.Kind == form.Map {
		return r
	}
	at, depth := 0, r.Depth
	for i := range f.all {
		if f.all[i].ID == r.ID {
			at = i
		}
	}
	for i := at - 1; i >= 0; i-- {
		if row := &f.all[i]; row.Depth < depth {
			if row.Kind == form.List || row.Kind == form.Map {
				return row
			}
			depth = row.Depth
		}
	}
	return nil
}
