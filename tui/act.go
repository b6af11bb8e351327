package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/act"
	"github.com/gctl-dev/gctl/tui/screen/invoke"
)

// focus is what the cursor is on.
func (m *model) focus() screen.Focus {
	if f, ok := m.pages.top().(screen.Focused); ok {
		return f.Focus(&m.look)
	}
	return screen.Focus{}
}

// to opens a screen about the service under the cursor.
func (m *model) to(name string) func() tea.Cmd {
	return func() tea.Cmd {
		f := m.focus()
		if f.Service == "" && name == "why" {
			return m.notice(screen.Say{Text: "there is no service under the cursor", Bad: true})
		}
		return m.open(screen.Place{Screen: name, Subject: f.Service})
	}
}

// invoke opens the method under the cursor, or the methods of the service.
func (m *model) invoke() tea.Cmd {
	if refused := m.past(); refused != nil {
		return refused
	}
	f := m.focus()
	subject := strings.TrimSpace(f.Service + " " + f.Method)
	if subject == "" {
		return m.notice(screen.Say{Text: "there is no service and no method under the cursor", Bad: true})
	}
	place := screen.Place{Screen: invoke.Name, Subject: subject}
	if m.pages.top().Place() == place {
		return nil // it is open
	}
	return m.open(place)
}

// past refuses what would be done to the present while another moment is on the
// screen; nil where that is not so.
func (m *model) past() tea.Cmd {
	if m.look.Live || m.o.Replay { // in a replay there is nobody to whom it could be done
		return nil
	}
	return m.notice(screen.Say{Text: "this is the past, and it would be done now: " + screen.ToNow(&m.look), Bad: true})
}

// menu offers what can be done about what the cursor is on.
func (m *model) menu() tea.Cmd {
	f := m.focus()
	return m.change(choices(&f)...)
}

// choices are what can be done about a focus.
func choices(f *screen.Focus) []act.Choice {
	var list []act.Choice
	if b := f.Breaker; b != nil {
		list = append(list, breakerChoices(b)...)
	}
	if n := len(f.Marked); n > 0 {
		list = append(list, instanceChoices(f.Marked)...)
	}
	if f.Service != "" {
		list = append(list, act.Choice{Title: "see the limits of " + f.Service, Reads: true, Commands: [][]string{{"limits", f.Service}}})
	}
	return append(list, act.Choice{Title: "see what was changed from here", Reads: true, Commands: [][]string{{"actions"}}})
}

func breakerChoices(b *fleet.Breaker) []act.Choice {
	command := func(verb string, more ...string) [][]string {
		return [][]string{append([]string{"breakers", verb, b.Name, "--caller", b.Caller.Service}, more...)}
	}
	return []act.Choice{
		{Title: "force " + b.Name + " open", Commands: command("force-open", "--ttl", "15m")},
		{Title: "force " + b.Name + " closed", Commands: command("force-close", "--ttl", "15m")},
		{Title: "release " + b.Name, Commands: command("release")},
	}
}

func instanceChoices(list []fleet.Instance) []act.Choice {
	who := list[0].ID
	if len(list) > 1 {
		who = fmt.Sprintf("%d instances", len(list))
	}
	each := func(verb string, more ...string) [][]string {
		var all [][]string
		for i := range list {
			all = append(all, append([]string{verb, list[i].ID, "--service", list[i].Service}, more...))
		}
		return all
	}
	return []act.Choice{
		{Title: "quarantine " + who, Commands: each("quarantine", "--ttl", "15m")},
		{Title: "release " + who, Commands: each("release")},
		{Title: "drain " + who, Commands: each("drain")},
	}
}

// change opens the page that offers choices, or asks about the only one.
func (m *model) change(list ...act.Choice) tea.Cmd {
	if refused := m.past(); refused != nil {
		return refused
	}
	o := act.Options{Choices: list}
	if m.o.Protected {
		o.Name = m.o.Context
	}
	m.pages.count++
	jobs := &screen.Jobs{Parent: m.ctx, Owner: m.pages.count}
	told := m.push(page{act.New(jobs, o), m.pages.count, jobs})
	return tea.Batch(told, m.deliver(screen.Shown{}))
}

// outputMsg is what a command has said.
type outputMsg struct {
	command string
	lines   []string
}

// command runs a command of gctl that a screen has named: where there is a screen
// for what it shows, that is opened.
func (m *model) follow(r screen.Run) tea.Cmd {
	words := screen.Words(r.Command)
	if len(words) < 2 || words[0] != "gctl" {
		return m.notice(screen.Say{Text: "that is no command of gctl", Bad: true})
	}
	args := words[1:]
	if r.Changes {
		return m.change(act.Choice{Title: strings.Join(args[:min(2, len(args))], " "), Commands: [][]string{args}})
	}
	if place, ok := placeOf(args); ok {
		return m.open(place)
	}
	run, ctx := m.o.Env.Command, m.ctx
	if run == nil {
		return m.notice(screen.Say{Text: "in a recording nobody can be asked", Bad: true})
	}
	return tea.Batch(m.notice(screen.Say{Text: "asking: " + r.Command}), func() tea.Msg {
		text, _ := run(ctx, args...)
		return outputMsg{r.Command, strings.Split(strings.TrimRight(text, "\n"), "\n")}
	})
}

// output shows what a command has said. Keys that are being typed are not for it.
func (m *model) output(got outputMsg) tea.Cmd {
	m.say.Text = ""
	show := screen.Show{Title: got.command, Lines: got.lines}
	if !m.typing() {
		return m.show(show)
	}
	m.pages.behind(m.pager(show))
	return m.notice(screen.Say{Text: got.command + " has answered; " + m.keys.Key(key.HistBack) + " shows it"})
}

// placeOf is the screen that shows what a command shows.
func placeOf(args []string) (screen.Place, bool) {
	if len(args) != 2 || strings.HasPrefix(args[1], "-") {
		return screen.Place{}, false
	}
	at := map[string]string{
		"trace": "trace", "instances": "service", "health": "service", "metrics": "service", "why": "why",
		"traces": "traces", "breakers": "breakers", "events": "events",
	}
	name, ok := at[args[0]]
	if _, built := screens()[name]; !ok || !built {
		return screen.Place{}, false
	}
	return screen.Place{Screen: name, Subject: args[1]}, true
}
