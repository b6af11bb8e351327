package tui

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/breakers"
	"github.com/gctl-dev/gctl/tui/screen/events"
)

// order is something that the command line can do.
type order struct {
	name, short string
	takes       string // what follows the name, for the help
	about       string
	values      func(m *model) []string             // that may follow
	tell        func(m *model, value string) string // about one of them; nil: nothing
	free        bool                                // anything else may follow too
	do          func(m *model, arg string) tea.Cmd
}

// orders are all that the command line can do.
func orders() []order {
	page := func(name string) func(*model, string) tea.Cmd {
		return func(m *model, arg string) tea.Cmd { return m.open(screen.Place{Screen: name, Subject: arg}) }
	}
	return []order{
		{name: "services", short: "fleet", about: "all services, the one in trouble first", do: page(home)},
		{name: "service", short: "svc", takes: "NAME", about: "one service", values: serviceNames, do: page("service")},
		{name: "traces", takes: "[SERVICE]", about: "search for traces, of a service or of all", values: serviceNames, do: page("traces")},
		{name: "trace", takes: "ID", about: "one trace; the beginning of its ID is enough", do: page("trace")},
		{name: "why", takes: "NAME", about: "why a service is not well", values: serviceNames, do: page("why")},
		{name: "invoke", takes: "[SERVICE] METHOD", about: "fill in and call a method", values: serviceNames, free: true, do: page("invoke")},
		{name: "actions", about: "what was changed from here", do: func(m *model, _ string) tea.Cmd { return m.follow(screen.Run{Command: "gctl actions"}) }},
		{name: "breakers", takes: "[SERVICE]", about: "breakers, caller by callee", values: serviceNames, do: page(breakers.Name)},
		{name: "events", takes: "[SERVICE]", about: "what changed when", values: serviceNames, do: page(events.Name)},
		{name: "at", takes: "TIME", about: "move the time cursor: 14:02, -20m, now", do: (*model).orderAt},
		{name: "window", takes: "DURATION", about: "how far charts and searches go back", do: (*model).orderWindow},
		{name: "save", takes: "[1-9]", about: "keep where you are under a digit; which have what", values: digitNames, tell: (*model).tellDigit, free: true, do: (*model).saveView},
		{name: "unsave", takes: "1-9", about: "forget what was kept under a digit", values: keptDigits, tell: (*model).tellDigit, free: true, do: (*model).unsaveView},
		{name: "views", about: "what each digit does", do: func(m *model, _ string) tea.Cmd { return m.listViews() }},
		{name: "ctx", short: "context", takes: "NAME", about: "switch to another context", values: func(m *model) []string { return m.o.Contexts }, do: (*model).orderContext},
		{name: "export", about: "write the incident down: Markdown and its data", do: func(m *model, _ string) tea.Cmd { return m.export() }},
		{name: "guide", about: "the dashboard in a minute, step by step", do: func(m *model, _ string) tea.Cmd { return m.guideOpen() }},
		{name: "help", about: "the keys of this screen", do: func(m *model, _ string) tea.Cmd { return m.help() }},
		{name: "quit", short: "q", about: "quit", do: func(m *model, _ string) tea.Cmd { return m.quit() }},
	}
}

func serviceNames(m *model) []string {
	list := m.look.Snap.Services()
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names
}

// run does what was typed.
func (m *model) run(p *prompt) tea.Cmd {
	name, arg, _ := strings.Cut(strings.TrimSpace(p.Value()), " ")
	arg = strings.TrimSpace(arg)
	if name == "" {
		return nil
	}
	list := orders()
	i := slices.IndexFunc(list, func(o order) bool { return o.name == name || o.short == name })
	if i < 0 { // the beginning of one name is enough
		var like []int
		for n := range list {
			if strings.HasPrefix(list[n].name, name) {
				like = append(like, n)
			}
		}
		if len(like) == 1 {
			i = like[0]
		}
	}
	if i < 0 {
		return m.notice(screen.Say{Text: "no command " + name + nearest(name, list), Bad: true})
	}
	if list[i].values != nil && !list[i].free && arg != "" {
		values := list[i].values(m)
		if !slices.Contains(values, arg) {
			if near := fleet.Nearest(arg, values, 3); len(near) > 0 {
				return m.notice(screen.Say{Text: "no " + arg + "; did you mean " + strings.Join(near, " or ") + "?", Bad: true})
			}
			return m.notice(screen.Say{Text: "there is no " + arg, Bad: true})
		}
	}
	return list[i].do(m, arg)
}

func nearest(name string, list []order) string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].name
	}
	if near := fleet.Nearest(name, names, 1); len(near) > 0 {
		return "; did you mean " + near[0] + "?"
	}
	return "; tab shows all"
}

// complete finds what may be meant.
func (m *model) complete() {
	p := m.input
	p.choices, p.at = nil, -1
	name, arg, second := strings.Cut(p.Value(), " ")
	for _, o := range orders() {
		if second && (o.name == name || o.short == name) && o.values != nil {
			for _, v := range match(strings.TrimSpace(arg), o.values(m)) {
				c := choice{text: o.name + " " + v}
				if o.tell != nil {
					c.about = o.tell(m, v)
				}
				p.choices = append(p.choices, c)
			}
			return
		}
	}
	if second {
		return
	}
	list := orders()
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].name
	}
	for _, n := range match(name, names) {
		i := slices.Index(names, n)
		p.choices = append(p.choices, choice{n, strings.TrimSpace(list[i].takes + "  " + list[i].about)})
	}
}

// match returns those of the values that are like text, the likest first.
func match(text string, values []string) []string {
	if text == "" {
		return values[:min(len(values), 200)]
	}
	var out []string
	for _, f := range fuzzy.Find(text, values) {
		if out = append(out, f.Str); len(out) == 50 {
			break
		}
	}
	return out
}

func (m *model) orderAt(arg string) tea.Cmd {
	at, err := ParseTime(arg, m.clock)
	if err != nil {
		return m.notice(screen.Say{Text: err.Error(), Bad: true})
	}
	return m.goTo(at, false)
}

func (m *model) orderWindow(arg string) tea.Cmd {
	d, err := time.ParseDuration(arg)
	if err != nil || d < time.Minute || d > 31*24*time.Hour {
		return m.notice(screen.Say{Text: "a window is from 1m to 744h, as in :window 90m", Bad: true})
	}
	m.look.Window = d
	return m.deliver(screen.Changed{Window: true})
}

func (m *model) orderContext(arg string) tea.Cmd {
	if arg == "" {
		return m.notice(screen.Say{Text: "which context? " + strings.Join(m.o.Contexts, ", "), Bad: true})
	}
	if text := m.unfinished(); text != "" {
		return m.notice(screen.Say{Text: text, Bad: true})
	}
	m.next = arg
	return tea.Quit
}
