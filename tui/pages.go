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

// drop ends what a page waits for, and returns the call that this cancels.
func (p *page) drop() string {
	call := p.running()
	p.jobs.Close()
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
		cancelled = cmp.Or(p.list[keep+i].drop(), cancelled)
	}
	p.list = append(p.list[:keep], n)
	if len(p.list) > most {
		cancelled = cmp.Or(p.list[1].drop(), cancelled)
		p.list = append(p.list[:1], p.list[2:]...)
	}
	p.at = len(p.list) - 1
	return cancelled
}

// elsewhere is the call that a page has under way that is not seen; empty: none.
func (p *pages) elsewhere() string {
	for i := range p.list {
		if call := p.list[i].running(); call != "" && i != p.at {
			return call
		}
	}
	return ""
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
func (p *pages) answer(a screen.Answer, look *screen.Look) tea.Cmd {
	for i := range p.list {
		if p.list[i].owner == a.Owner {
			return p.list[i].Update(a, look)
		}
	}
	return nil
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
	left := m.pages.list[m.pages.at].running()
	cancelled := m.pages.push(m.make(place))
	if p, ok := m.pages.top().(screen.Pointed); ok && at != "" {
		p.Point(at)
	}
	told := m.tellCalls(left, key.HistBack, cancelled)
	return tea.Batch(told, m.deliver(screen.Shown{}))
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
