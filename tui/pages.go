package tui

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
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

// push opens a page; those that were ahead are gone.
func (p *pages) push(n page) {
	keep := 0
	if len(p.list) > 0 {
		keep = p.at + 1
	}
	for _, gone := range p.list[keep:] {
		gone.jobs.Close()
	}
	p.list = append(p.list[:keep], n)
	if len(p.list) > most {
		p.list[1].jobs.Close()
		p.list = append(p.list[:1], p.list[2:]...)
	}
	p.at = len(p.list) - 1
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

func (p *pages) close() {
	for i := range p.list {
		p.list[i].jobs.Close()
	}
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
func (m *model) open(place screen.Place) tea.Cmd {
	if _, ok := screens()[place.Screen]; !ok {
		return m.notice(screen.Say{Text: "there is no screen " + place.Screen, Bad: true})
	}
	m.pages.push(m.make(place))
	return m.deliver(screen.Shown{})
}

// visit opens a place with the cursor where it is wanted.
func (m *model) visit(g screen.Go) tea.Cmd {
	cmd := m.open(g.Place)
	if g.Instance == "" || m.pages.top().Place() != g.Place {
		return cmd
	}
	return tea.Batch(cmd, m.deliver(screen.Select{Instance: g.Instance}))
}

// back goes to the page before.
func (m *model) back() tea.Cmd { return m.walk(-1) }

func (m *model) walk(n int) tea.Cmd {
	if !m.pages.move(n) {
		m.dirty = m.was
		return nil
	}
	return m.deliver(screen.Shown{})
}
