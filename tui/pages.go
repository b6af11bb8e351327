package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/breakers"
	"github.com/gctl-dev/gctl/tui/screen/events"
	"github.com/gctl-dev/gctl/tui/screen/invoke"
	"github.com/gctl-dev/gctl/tui/screen/service"
	"github.com/gctl-dev/gctl/tui/screen/services"
	"github.com/gctl-dev/gctl/tui/screen/trace"
	"github.com/gctl-dev/gctl/tui/screen/traces"
	"github.com/gctl-dev/gctl/tui/screen/why"
)

// home is the screen that the dashboard begins with.
const home = services.Name

// pages are the screens in the order in which they were opened, as a browser has
// them.
type pages struct {
	list  []page
	at    int // the one that is seen
	count int // of all that were ever made

	gone []page // with a change under way, which goes on
}

type page struct {
	screen.Screen
	owner int
	jobs  *screen.Jobs
}

// most is how many pages are kept.
const most = 50

func (p *pages) top() screen.Screen { return p.list[p.at].Screen }

// running is the call that a page has under way; empty: none.
func (p *page) running() string {
	if r, ok := p.Screen.(screen.Running); ok {
		return r.Running()
	}
	return ""
}

// changing is the change that a page has under way; empty: none.
func (p *page) changing() string {
	if c, ok := p.Screen.(screen.Changing); ok {
		return c.Running()
	}
	return ""
}

// drop ends what a page waits for, and returns the call that this cancels. A change
// goes on: cancelled, it would be half done.
func (p *pages) drop(n page) string {
	if n.changing() != "" {
		p.gone = append(p.gone, n)
		return ""
	}
	call := n.running()
	n.jobs.Close()
	return call
}

// push opens a page; those that were ahead are gone. It returns a call that this has
// cancelled.
func (p *pages) push(n page) (cancelled string) {
	keep := 0
	if len(p.list) > 0 {
		keep = p.at + 1
	}
	for i := range p.list[keep:] {
		cancelled = cmp.Or(p.drop(p.list[keep+i]), cancelled)
	}
	p.list = append(p.list[:keep], n)
	for len(p.list) > most {
		cancelled = cmp.Or(p.drop(p.list[1]), cancelled)
		p.list = append(p.list[:1], p.list[2:]...)
	}
	p.at = len(p.list) - 1
	return cancelled
}

// behind puts a page behind the one that is seen: "back" leads to it, and on to what
// was there. Behind all there is the first one.
func (p *pages) behind(n page) {
	if p.at == 0 {
		p.list = slices.Insert(p.list, 0, p.list[0])
		p.at++
	}
	p.list = slices.Insert(p.list, p.at, n)
	p.at++
}

// elsewhere says what a page has under way that is not seen; empty: nothing.
func (p *pages) elsewhere() (badge string) {
	if len(p.gone) > 0 {
		return "CHANGE"
	}
	for i := range p.list {
		switch n := &p.list[i]; {
		case i == p.at || n.running() == "":
		case n.changing() != "":
			return "CHANGE"
		default:
			badge = "CALL"
		}
	}
	return badge
}

// changing is a change that is under way on any page; empty: none.
func (p *pages) changing() (change string) {
	for _, n := range slices.Concat(p.gone, p.list) {
		change = cmp.Or(change, n.changing())
	}
	return change
}

// move goes n pages back or forth and tells whether there was one.
func (p *pages) move(n int) bool {
	to := p.at + n
	if to < 0 || to >= len(p.list) {
		return false
	}
	p.at = to
	return true
}

// answer gives an answer to the screen that has asked.
func (m *model) answer(a screen.Answer) tea.Cmd {
	p := &m.pages
	owns := func(n page) bool { return n.owner == a.Owner }
	if i := slices.IndexFunc(p.list, owns); i >= 0 {
		n := p.list[i]
		before := n.changing()
		cmd := n.Update(a, &m.look)
		return tea.Batch(cmd, m.changed(n, before, i))
	}
	if i := slices.IndexFunc(p.gone, owns); i >= 0 {
		n := p.gone[i]
		before := n.changing()
		cmd := n.Update(a, &m.look)
		if n.changing() == "" {
			p.gone = slices.Delete(p.gone, i, i+1)
			p.behind(n) // there is more to read than fits into a line
		}
		return tea.Batch(cmd, m.changed(n, before, p.at-1))
	}
	return nil
}

// changed tells what has become of a change whose page is not seen: it is the one at
// a place of the list.
func (m *model) changed(n page, before string, at int) tea.Cmd {
	c, ok := n.Screen.(screen.Changing)
	if !ok || before == "" || c.Running() != "" {
		return nil
	}
	m.warned = ""
	if at == m.pages.at {
		return nil
	}
	lead := key.HistBack
	if at > m.pages.at {
		lead = key.HistNext
	}
	say := c.Outcome()
	say.Text += "; " + m.keys.Key(lead) + " leads to it"
	return m.notice(say)
}

// make makes the page of a place.
func (m *model) make(place screen.Place) page {
	m.pages.count++
	jobs := &screen.Jobs{Parent: m.ctx, Owner: m.pages.count}
	return page{screens()[place.Screen](m, jobs, place.Subject), m.pages.count, jobs}
}

// tables are the names of the columns of all tables.
func tables() map[string][]string {
	all := services.Columns()
	maps.Copy(all, service.Columns())
	maps.Copy(all, traces.Columns())
	return all
}

// checkColumns refuses columns that are not there.
func checkColumns(own map[string][]string) error {
	all := tables()
	for table, names := range own {
		known, ok := all[table]
		if !ok {
			return &fleet.Error{Kind: fleet.Usage, What: "dash.columns: no table " + table, Hint: "tables: " + strings.Join(slices.Sorted(maps.Keys(all)), ", ")}
		}
		for _, name := range names {
			if !slices.Contains(known, strings.ToLower(name)) {
				return &fleet.Error{Kind: fleet.Usage, What: "dash.columns." + table + ": no column " + name, Hint: "columns: " + strings.Join(known, ", ")}
			}
		}
	}
	return nil
}

// screens are all screens that a place may name.
func screens() map[string]func(m *model, jobs *screen.Jobs, subject string) screen.Screen {
	return map[string]func(*model, *screen.Jobs, string) screen.Screen{
		services.Name: func(m *model, jobs *screen.Jobs, _ string) screen.Screen {
			return services.New(jobs, m.o.Columns[services.Name]...)
		},
		events.Name:   func(_ *model, jobs *screen.Jobs, subject string) screen.Screen { return events.New(jobs, subject) },
		breakers.Name: func(_ *model, jobs *screen.Jobs, subject string) screen.Screen { return breakers.New(jobs, subject) },
		invoke.Name:   func(_ *model, jobs *screen.Jobs, subject string) screen.Screen { return invoke.New(jobs, subject) },
		why.Name:      func(_ *model, jobs *screen.Jobs, name string) screen.Screen { return why.New(jobs, name) },
		service.Name: func(m *model, jobs *screen.Jobs, name string) screen.Screen {
			return service.New(jobs, name, m.o.Columns)
		},
		trace.Name: func(_ *model, jobs *screen.Jobs, id string) screen.Screen { return trace.New(jobs, id) },
		traces.Name: func(m *model, jobs *screen.Jobs, service string) screen.Screen {
			return traces.New(jobs, service, m.o.Columns[traces.Name]...)
		},
	}
}

// ParsePlace reads a place: "services", "service/checkout".
func ParsePlace(text string) (screen.Place, error) {
	if text == "" {
		return screen.Place{Screen: home}, nil
	}
	name, subject, _ := strings.Cut(text, "/")
	names := slices.Sorted(maps.Keys(screens()))
	if _, ok := screens()[name]; !ok {
		e := &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("no screen %q", name), Hint: "screens: " + strings.Join(names, ", ")}
		if near := fleet.Nearest(name, names, 1); len(near) > 0 {
			e.Hint = "did you mean " + near[0] + "?"
		}
		return screen.Place{}, e
	}
	return screen.Place{Screen: name, Subject: subject}, nil
}

// open opens a place.
func (m *model) open(place screen.Place) tea.Cmd { return m.openAt(place, "") }

// openAt opens a place with the cursor on something, where that is not empty.
func (m *model) openAt(place screen.Place, at string) tea.Cmd {
	if _, ok := screens()[place.Screen]; !ok {
		return m.notice(screen.Say{Text: "there is no screen " + place.Screen, Bad: true})
	}
	told := m.push(m.make(place))
	if p, ok := m.pages.top().(screen.Pointed); ok && at != "" {
		p.Point(at)
	}
	return tea.Batch(told, m.deliver(screen.Shown{}))
}

// push opens a page and says what becomes of calls under way.
func (m *model) push(p page) tea.Cmd {
	left := m.pages.list[m.pages.at].running()
	return m.tellCalls(left, key.HistBack, m.pages.push(p))
}

// tellCalls says what becomes of calls under way when another page is seen: one that
// was left runs on, one whose page is gone is cancelled.
func (m *model) tellCalls(left string, back key.Action, cancelled string) tea.Cmd {
	switch {
	case left != "":
		return m.notice(screen.Say{Text: left + " runs on; " + m.keys.Key(back) + " leads back to it"})
	case cancelled != "":
		return m.notice(screen.Say{Text: cancelled + " is cancelled: its page is gone", Bad: true})
	}
	return nil
}

// back goes to the page before.
func (m *model) back() tea.Cmd { return m.walk(-1) }

func (m *model) walk(n int) tea.Cmd {
	left, back := m.pages.list[m.pages.at].running(), key.HistNext
	if n > 0 {
		back = key.HistBack
	}
	if !m.pages.move(n) {
		m.dirty = m.was
		return nil
	}
	told := m.tellCalls(left, back, "")
	return tea.Batch(told, m.deliver(screen.Shown{}))
}
