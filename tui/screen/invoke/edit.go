package invoke

import (
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/form"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// edit changes the row under the cursor.
func (p *page) edit(a key.Action) tea.Cmd {
	f := &p.fields
	r := f.selected()
	if r == nil || r.ID == 0 {
		return nil
	}
	switch a {
	case key.Left:
		f.fold(false)
	case key.Right:
		f.fold(true)
	case key.Mark:
		return p.cycle(r)
	case key.Enter:
		return p.begin(r)
	case key.Add:
		return p.add(r)
	case key.Remove:
		return p.remove(r)
	case key.Rename:
		return p.rename(r)
	case key.MoveUp:
		return p.done(p.fields.form.Move(r.ID, -1))
	case key.MoveDown:
		return p.done(p.fields.form.Move(r.ID, 1))
	}
	return nil
}

// done is what follows a change: the rows are read again, an error is said.
func (p *page) done(err error) tea.Cmd {
	p.fields.changed()
	if err != nil {
		return say(screen.Sentence(err))
	}
	return nil
}

// cycle takes the next of the choices of a row, or folds it.
func (p *page) cycle(r *form.Row) tea.Cmd {
	switch r.Kind {
	case form.Bool, form.Enum, form.Oneof:
		return p.done(p.fields.form.Cycle(r.ID, 1))
	case form.Message, form.List, form.Map, form.Any:
		p.fields.fold(!r.Expanded)
		return nil
	default:
		return p.begin(r)
	}
}

// begin begins to type the value of a row.
func (p *page) begin(r *form.Row) tea.Cmd {
	switch r.Kind {
	case form.Message:
		p.fields.fold(!r.Expanded)
		return nil
	case form.List, form.Map:
		if r.Count == 0 {
			return p.add(r)
		}
		p.fields.fold(!r.Expanded)
		return nil
	case form.More:
		return nil
	}
	if strings.IndexFunc(r.Value, unicode.IsControl) >= 0 {
		return say("this text has line breaks or control characters: edit it in the JSON")
	}
	id := r.ID
	a := newAsk(r.Value)
	a.row, a.secret, a.choices, a.unset = id, r.Secret, p.fields.form.Choices(id), r.Default
	was := r.Value
	a.take = func(text string, on bool) (tea.Cmd, string) {
		if text != was || r.Problem != "" { // what was not touched is not set
			err := p.fields.form.Set(id, text)
			p.fields.changed()
			if r := p.fields.selected(); err != nil && (r == nil || r.ID != id || r.Problem == "") {
				return nil, screen.Sentence(err) // else it stands in its row, marked
			}
		}
		if on {
			p.fields.move(p.fields.at + 1)
		}
		return nil, ""
	}
	p.ask = a
	return nil
}

// add puts an element into the list, or an entry into the map, that a row is or is
// in.
func (p *page) add(r *form.Row) tea.Cmd {
	in := p.fields.container(r)
	if in == nil {
		return say("there is no list and no map here to add to")
	}
	if in.Kind == form.Map {
		id := in.ID
		a := newAsk("")
		a.question = "key of the new entry of " + in.Label
		a.take = func(text string, _ bool) (tea.Cmd, string) {
			added, err := p.fields.form.AddKey(id, text)
			if err != nil {
				return nil, screen.Sentence(err)
			}
			return p.added(added), ""
		}
		p.ask = a
		return nil
	}
	at := in.ID
	if r.Element {
		at = r.ID
	}
	added, err := p.fields.form.Add(at)
	if err != nil {
		return p.done(err)
	}
	return p.added(added)
}

// added puts the cursor on a new row and begins to type its value.
func (p *page) added(id form.ID) tea.Cmd {
	p.fields.changed()
	p.fields.goTo(id)
	if r := p.fields.selected(); r != nil && r.ID == id && (r.Kind == form.Scalar || r.Kind == form.Known || r.Kind == form.Enum) {
		return p.begin(r)
	}
	return nil
}

// rename asks for another key of an entry of a map.
func (p *page) rename(r *form.Row) tea.Cmd {
	if !r.Entry {
		return say("only entries of maps have a name of their own")
	}
	id := r.ID
	a := newAsk(p.fields.form.Key(id))
	a.question = "new key of " + r.Label
	a.take = func(text string, _ bool) (tea.Cmd, string) {
		if err := p.fields.form.Rename(id, text); err != nil {
			return nil, screen.Sentence(err)
		}
		return p.done(nil), ""
	}
	p.ask = a
	return nil
}

// remove takes an element or an entry away; any other row has no value then.
func (p *page) remove(r *form.Row) tea.Cmd {
	if r.Element || r.Entry {
		return p.done(p.fields.form.Remove(r.ID))
	}
	return p.done(p.fields.form.Clear(r.ID))
}
