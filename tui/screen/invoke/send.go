package invoke

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// The jobs of a call: one makes it, the other waits for what is new of it.
const (
	calling = "call"
	waits   = "next"
)

// unaryLimit is the time that a method of one request and one response may take.
const unaryLimit = 10 * time.Second

// send sends the request of the form: it begins a call, or it is the next request of
// the one under way.
func (p *page) send(look *screen.Look) tea.Cmd {
	m := p.method
	if m == nil {
		return nil
	}
	if m.ReadOnly != nil {
		text := screen.Sentence(m.ReadOnly)
		if hint := screen.HintOf(m.ReadOnly); hint != "" {
			text += "; " + hint
		}
		return say("not sent: " + text)
	}
	if !look.Live && p.stream == nil {
		return say("not sent: this is the past, and it would be called now: " + screen.ToNow(look))
	}
	request, err := p.fields.form.Message()
	if err != nil {
		return say("not sent: " + screen.Sentence(err))
	}
	switch {
	case p.stream != nil && !m.Desc.IsStreamingClient():
		return say("a call is under way: " + look.Keys.Key(key.Back) + " cancels it")
	case p.stream != nil:
		return p.sendMore(request)
	case look.Protected && !p.vouched:
		return p.askVouch(look, request)
	}
	return p.call(look, request)
}

// sendMore sends one more request of the call under way.
func (p *page) sendMore(request proto.Message) tea.Cmd {
	switch {
	case p.answer.halved:
		return say("the requests of this call are ended: wait for its end, or cancel it")
	case !p.stream.send(request):
		return say("not sent: the server is slow to take what was sent before")
	}
	p.answer.sent++
	p.answer.version++
	p.last.Request = p.fields.form.Redacted()
	return tell("sent " + plural(p.answer.sent, "request"))
}

// askVouch wants the name of the service before the first call.
func (p *page) askVouch(look *screen.Look, request proto.Message) tea.Cmd {
	a := newAsk("")
	a.question = "protected: type " + p.method.Service + " and enter to send"
	a.take = func(text string, _ bool) (tea.Cmd, string) {
		if text != p.method.Service {
			return nil, "nothing was sent: " + p.method.Service + " was not what was typed"
		}
		p.vouched = true
		return p.call(look, request), ""
	}
	p.ask = a
	return nil
}

// call begins a call.
func (p *page) call(look *screen.Look, request proto.Message) tea.Cmd {
	m := p.method
	asks, answers := m.Desc.IsStreamingClient(), m.Desc.IsStreamingServer()
	s := newStream()
	s.send(request)
	if !asks {
		s.halfClose()
	}
	p.stream = s
	p.answer = answer{version: p.answer.version + 1, state: running, started: look.Clock, streams: answers, asks: asks, sent: 1, halved: !asks}
	p.last = record{
		Time: look.Clock, Context: look.Context, Service: m.Service, Method: p.full(), Request: p.fields.form.Redacted(),
	}
	if !wide(look) && !asks {
		p.at = answerPane
	}
	limit, instance := time.Duration(0), p.instance
	if !asks && !answers {
		limit = unaryLimit
	}
	return tea.Batch(
		p.jobs.Start(calling, func(ctx context.Context) tea.Msg {
			s.run(ctx, m, instance, limit)
			return nil
		}),
		p.await(s),
	)
}

// await is the command that waits for what is new of a call.
func (p *page) await(s *stream) tea.Cmd {
	return p.jobs.Start(waits, func(ctx context.Context) tea.Msg {
		got, ok := s.next(ctx)
		if !ok {
			return nil
		}
		return got
	})
}

// news takes what is new of the call under way, and waits for more.
func (p *page) news(b *batch, look *screen.Look) tea.Cmd {
	s := p.stream
	if s == nil {
		return nil
	}
	p.answer.take(b, p.method.Types)
	if !b.ended {
		return p.await(s)
	}
	s.halfClose()
	p.stream, p.leaving = nil, false
	p.jobs.Stop(calling)
	return p.keep(look, p.ended())
}

// ended is the record of the call that has ended.
func (p *page) ended() record {
	r := p.last
	r.Code = p.answer.code()
	r.Duration = float64(p.answer.took()) / float64(time.Millisecond)
	if from := p.answer.from; from != nil {
		r.Instance = from.ID
	}
	return r
}

// stop cancels the call under way; how it ends is still heard.
func (p *page) stop() {
	p.answer.stopped = true
	p.answer.version++
	p.jobs.Stop(calling)
}

// halfClose ends the requests of the call under way.
func (p *page) halfClose() tea.Cmd {
	switch {
	case p.stream == nil:
		return say("no call is under way")
	case p.answer.halved:
		return say("the requests are ended already")
	}
	p.answer.halved = true
	p.answer.version++
	p.stream.halfClose()
	return tell("the requests are ended")
}

// chooseInstance asks which instance is to be called.
func (p *page) chooseInstance() {
	take := func(id, said string) func(*screen.Look) tea.Cmd {
		return func(*screen.Look) tea.Cmd {
			p.instance = id
			return tell(said)
		}
	}
	options := []option{{title: "any", about: plural(len(p.method.Instances), "instance"), text: "the first that accepts", do: take("", "any instance is called")}}
	for i := range p.method.Instances {
		in := &p.method.Instances[i]
		options = append(options, option{
			at: i + 1, title: in.ID, about: strings.TrimSpace(string(in.Catalog) + " " + in.Version), text: in.Addr, do: take(in.ID, in.ID+" is called from now on"),
		})
	}
	p.open("call", options)
	p.choice.table.Select(strconv.Itoa(slices.IndexFunc(p.method.Instances, func(in fleet.Instance) bool { return in.ID == p.instance }) + 1))
}
