package invoke

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/tui/form"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// pane is a part of the page that keys may go to.
type pane int

const (
	formPane pane = iota
	jsonPane
	answerPane
	panes
)

// page is the page on which a method is called.
type page struct {
	idle

	jobs    *screen.Jobs
	service string // of the catalog, empty for whichever has the method
	name    string // of the method, as it was asked for
	asked   bool
	method  *screen.Method
	err     error

	at     pane
	fields fields
	raw    raw
	answer answer
	ask    *ask
	choice *choice // a list over the page, nil for none
	seen   [panes]sheet

	instance string // the ID of the one to call; empty: any

	stream  *stream // the call under way
	leaving bool    // esc was pressed once while a call is under way
	vouched bool    // the name of the service was typed
	now     time.Time
	last    record // the call under way, for the history
}

func newPage(jobs *screen.Jobs, service, method string) *page {
	return &page{jobs: jobs, service: service, name: method}
}

// Place implements screen.Screen: the method by its full name, once that is known.
func (p *page) Place() screen.Place {
	service, name := p.service, p.name
	if p.method != nil {
		service, name = p.method.Service, p.full()
	}
	return screen.Place{Screen: Name, Subject: strings.TrimSpace(service + " " + name)}
}

type methodAnswer struct {
	method *screen.Method
	err    error
}

// load asks for the schema and the instances.
func (p *page) load(look *screen.Look) tea.Cmd {
	open, name, service := look.Env.Method, p.name, p.service
	if open == nil {
		return nil
	}
	p.asked = true
	return p.jobs.Start(asking, func(ctx context.Context) tea.Msg {
		m, err := open(ctx, name, service)
		return methodAnswer{m, err}
	})
}

// loaded takes the method. What was filled in stays where the schema still has it.
func (p *page) loaded(a methodAnswer) tea.Cmd {
	if a.err != nil {
		if p.method == nil {
			p.err = a.err
			return nil
		}
		return say(screen.Sentence(a.err))
	}
	var before []byte
	if p.method != nil {
		var err error
		if before, err = p.fields.form.JSON(); err != nil {
			return say("the schema is the one from before: first mend " + screen.Sentence(err))
		}
	}
	p.method, p.err, p.ask = a.method, nil, nil // a question may be about a row of the other form
	f := form.New(a.method.Desc.Input(), a.method.Types)
	f.Now = func() time.Time { return p.now }
	var cmd tea.Cmd
	if before != nil {
		if err := f.SetJSON(before); err != nil {
			cmd = say("the schema is another: " + screen.Sentence(err))
		}
	}
	p.fields.form = f
	p.fields.changed()
	return cmd
}

// full is the method's full name.
func (p *page) full() string { return strings.TrimPrefix(rpc.Path(p.method.Desc), "/") }

func say(text string) tea.Cmd { return screen.Send(screen.Say{Text: text, Bad: true}) }

func tell(text string) tea.Cmd { return screen.Send(screen.Say{Text: text}) }

// Update implements screen.Screen.
func (p *page) Update(msg tea.Msg, look *screen.Look) tea.Cmd {
	p.now = look.Clock
	switch msg := msg.(type) {
	case screen.Shown:
		if !p.asked {
			return p.load(look)
		}
	case screen.Answer:
		if got, ok := p.jobs.Accept(msg); ok {
			return p.heard(got, look)
		}
	case tea.KeyPressMsg, tea.PasteMsg:
		return p.typed(msg, look)
	case screen.Act:
		return p.act(msg.Action, look)
	case screen.Click:
		p.click(msg, look)
	}
	return nil
}

func (p *page) heard(msg tea.Msg, look *screen.Look) tea.Cmd {
	switch msg := msg.(type) {
	case methodAnswer:
		return p.loaded(msg)
	case batch:
		return p.news(&msg, look)
	case pastAnswer:
		return p.choosePast(msg)
	case keptAnswer:
		return p.kept(msg)
	case *widget.Arranged[option]:
		if p.choice != nil {
			p.choice.table.Set(msg)
		}
	case copiedAnswer:
		if msg.err != nil {
			return say(screen.Sentence(msg.err))
		}
		return screen.Send(screen.Clip{What: msg.what, Text: msg.text})
	}
	return nil
}

// Typing implements screen.Typing.
func (p *page) Typing() bool { return p.ask != nil || p.raw.area != nil }

// typed hears a key for what is being typed.
func (p *page) typed(msg tea.Msg, look *screen.Look) tea.Cmd {
	action := key.Action("")
	if k, ok := msg.(tea.KeyPressMsg); ok {
		action = look.Keys.Of(k.String())
	}
	switch {
	case p.ask != nil && p.ask.row != 0 && action == key.Send: // the value first
		if cmd, over := p.ask.key(tea.KeyPressMsg{Code: tea.KeyEnter}); !over {
			return cmd
		}
		p.ask = nil
		return p.send(look)
	case p.ask != nil:
		ask := p.ask
		cmd, over := ask.key(msg)
		if over && p.ask == ask { // its answer may have been a new question
			p.ask = nil
		}
		return cmd
	case p.raw.area == nil:
		return nil
	case action == key.Send:
		if p.raw.wrong != nil {
			return say("the JSON is not right yet")
		}
		return p.send(look)
	case action == key.NextPane || action == key.PrevPane:
		if cmd := p.endRaw(); p.raw.area != nil {
			return cmd
		}
		return p.act(action, look)
	case action == key.Back:
		return p.endRaw()
	}
	return p.raw.typed(msg, &p.fields)
}

// endRaw ends the editing of the JSON. What is wrong would be lost: that is said
// first.
func (p *page) endRaw() tea.Cmd {
	if p.raw.wrong != nil && !p.raw.warned {
		p.raw.warned = true
		return say("this is no request yet: again drops what you typed")
	}
	p.raw.end()
	return nil
}

func (p *page) act(a key.Action, look *screen.Look) tea.Cmd {
	if p.method == nil {
		if a == key.Refresh {
			p.err = nil
			return p.load(look)
		}
		return nil
	}
	if a != key.Back {
		p.leaving = false
	}
	if p.choice != nil {
		return p.actChoice(a, look)
	}
	switch a {
	case key.NextPane:
		p.at = (p.at + 1) % panes
	case key.PrevPane:
		p.at = (p.at + panes - 1) % panes
	case key.Send:
		return p.send(look)
	case key.HalfClose:
		return p.halfClose()
	case key.History:
		return p.openPast(look)
	case key.Save:
		return p.askName(look)
	case key.Instance:
		p.chooseInstance()
	case key.Refresh:
		return p.load(look)
	default:
		return p.actPane(a)
	}
	return nil
}

// actPane does what is the business of a pane.
func (p *page) actPane(a key.Action) tea.Cmd {
	switch p.at {
	case formPane:
		if p.fields.do(a) {
			return nil
		}
		return p.edit(a)
	case jsonPane:
		if !p.raw.do(a) && a == key.Enter {
			return p.editRaw()
		}
	case answerPane:
		if !p.answer.do(a) && a == key.Enter && len(p.answer.list) > 0 {
			return screen.Send(screen.Show{Title: p.full(), Lines: p.answer.text()})
		}
	case panes:
	}
	return nil
}

func (p *page) editRaw() tea.Cmd {
	text, err := p.fields.form.JSON()
	if err != nil {
		return say("first mend the form: " + screen.Sentence(err))
	}
	if problem := p.raw.begin(string(text)); problem != "" {
		return say(problem)
	}
	return nil
}

// Escape implements screen.Escaped: it closes a list, and cancels a call, which it
// says before.
func (p *page) Escape(look *screen.Look) (tea.Cmd, bool) {
	switch {
	case p.choice != nil:
		p.choice = nil
		return nil, true
	case p.stream == nil:
		return nil, false
	case !p.leaving:
		p.leaving = true
		return say("a call is under way: " + look.Keys.Key(key.Back) + " again cancels it"), true
	}
	p.leaving = false
	p.stop()
	return nil, true
}

// Filter implements screen.Filtered.
func (p *page) Filter() string {
	if p.choice != nil {
		return p.choice.spec.Filter.Text
	}
	return p.fields.filter
}

// SetFilter implements screen.Filtered: of the list that is open, or of the form.
func (p *page) SetFilter(text string, _ *screen.Look) tea.Cmd {
	switch {
	case p.choice != nil:
		p.choice.spec.Filter = p.choice.table.Filter(text)
		return p.arrangeChoice()
	case p.method != nil:
		p.at = formPane
		p.fields.filter = strings.TrimSpace(text)
		p.fields.refresh()
	}
	return nil
}

// Focus implements screen.Focused.
func (p *page) Focus(*screen.Look) screen.Focus {
	f := screen.Focus{Service: p.service, Method: p.name}
	if p.method != nil {
		f.Service, f.Method = p.method.Service, p.full()
	}
	if from := p.answer.from; from != nil {
		f.Instance = from.ID
	}
	return f
}
