package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/form"
	"github.com/gctl-dev/gctl/tui/screen"
)

type copiedAnswer struct {
	what, text string
	err        error
}

const copying = "copy"

// Copy implements screen.Copying: it asks as what. Secret fields are left out.
func (p *page) Copy(look *screen.Look) tea.Cmd {
	if p.method == nil {
		return p.idle.Copy(look)
	}
	redacted := p.fields.form.Redacted()
	text, left, err := withoutHidden(redacted, p.method.Desc.Input())
	if err != nil {
		return say("not copied: " + screen.Sentence(err))
	}
	note := ""
	if len(left) > 0 {
		note = ", without the secret " + strings.Join(left, ", ")
	}
	clip := func(what, text string) func(*screen.Look) tea.Cmd {
		return func(*screen.Look) tea.Cmd { return screen.Send(screen.Clip{What: what + note, Text: text}) }
	}
	later := func(what string, do func(context.Context) (string, error)) func(*screen.Look) tea.Cmd {
		return func(*screen.Look) tea.Cmd {
			return p.jobs.Start(copying, func(ctx context.Context) tea.Msg {
				text, err := do(ctx)
				return copiedAnswer{what + note, text, err}
			})
		}
	}
	pretty, instance := indented(text), p.instance
	gctl := p.command(look, string(text))
	options := []option{
		{at: 0, title: "gctl", about: "a command", text: gctl, do: clip("the command", gctl)},
		{at: 1, title: "grpcurl", about: "a command", text: "grpcurl ... " + p.full(), do: later("the command", func(ctx context.Context) (string, error) { return p.grpcurl(ctx, instance, text) })},
		{at: 2, title: "Go", about: "a program", text: "package main ...", do: later("the program", func(ctx context.Context) (string, error) { return p.program(ctx, instance, text) })},
		{at: 3, title: "JSON", about: "the request", text: string(text), do: clip("the request", pretty+"\n")},
	}
	if answer := p.answer.text(); len(answer) > 0 {
		options = append(options, option{
			at: 4, title: "answer", about: plural(p.answer.count, "message"), text: answer[0],
			do: func(*screen.Look) tea.Cmd {
				return screen.Send(screen.Clip{What: "the answer", Text: strings.Join(answer, "\n") + "\n"})
			},
		})
	}
	p.open("copy the request as", options)
	return nil
}

func indented(text []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}

// command is the call as a command of gctl.
func (p *page) command(look *screen.Look, request string) string {
	words := []string{"gctl", "call", p.full()}
	if p.method.Service != "" {
		words = append(words, "--service", p.method.Service)
	}
	if p.instance != "" {
		words = append(words, "--instance", p.instance)
	}
	if request != "{}" {
		words = append(words, "-d", request)
	}
	if look.Context != "" {
		words = append(words, "--context", look.Context)
	}
	return screen.Line(words...)
}

// grpcurl is the call as a command of grpcurl.
func (p *page) grpcurl(ctx context.Context, instance string, request []byte) (string, error) {
	if p.method.Grpcurl == nil {
		return "", errors.New("there is no such command here")
	}
	f := form.New(p.method.Desc.Input(), p.method.Types)
	if err := f.SetJSON(request); err != nil {
		return "", err
	}
	m, err := f.Message()
	if err != nil {
		return "", err
	}
	return p.method.Grpcurl(ctx, instance, []proto.Message{m})
}

// Describe implements screen.Described: the field under the cursor of the form, and the
// headers and trailers of a call.
func (p *page) Describe(*screen.Look) (title string, lines []string) {
	if p.method == nil {
		return "", nil
	}
	if r := p.fields.selected(); p.at == formPane && r != nil && r.ID != 0 {
		title, lines = p.describeField(r)
	}
	if p.answer.state == notCalled {
		return title, lines
	}
	if title != "" {
		lines = append(lines, "")
	}
	a := &p.answer
	lines = append(lines, "headers:")
	header := a.header
	var trailer metadata.MD
	if a.result != nil {
		trailer = a.result.Trailer
		if header == nil {
			header = a.result.Header
		}
	}
	lines = append(append(lines, metadataLines(header)...), "", "trailers:")
	lines = append(lines, metadataLines(trailer)...)
	lines = append(lines, "", "answer:")
	for _, line := range a.text() {
		lines = append(lines, "  "+line)
	}
	return "the call of " + p.full(), lines
}

func (p *page) describeField(r *form.Row) (title string, lines []string) {
	path := p.fields.form.Path(r.ID)
	if path == "" {
		path = r.Label
	}
	lines = []string{path + ":", "  type      " + r.Type}
	add := func(name, text string) {
		if text != "" {
			lines = append(lines, "  "+name+text)
		}
	}
	add("default   ", r.Default)
	add("choices   ", strings.Join(p.fields.form.Choices(r.ID), ", "))
	add("wrong     ", r.Problem)
	add("note      ", r.Note)
	if r.Secret {
		add("secret    ", "it is not shown, and not kept in the history")
	}
	if r.Comment != "" {
		lines = append(lines, "")
		for line := range strings.SplitSeq(r.Comment, "\n") {
			lines = append(lines, "  "+line)
		}
	}
	return path, lines
}

// metadataLines are headers as lines; what is binary stands in base64, as on the
// wire.
func metadataLines(md metadata.MD) []string {
	if len(md) == 0 {
		return []string{"  none"}
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(md)) {
		for _, value := range md[name] {
			if strings.HasSuffix(name, "-bin") {
				value = base64Of(value)
			}
			lines = append(lines, "  "+name+": "+value)
		}
	}
	return lines
}

// answerData is the answer as data, with the keys of gctl call -o envelope.
type answerData struct {
	Method   string              `json:"method"`
	Instance string              `json:"instance"`
	Headers  map[string][]string `json:"headers"`
	Messages []any               `json:"messages"`
	Trailers map[string][]string `json:"trailers"`
	Status   map[string]any      `json:"status"`
}

// Data implements screen.Described: the call, or before there is one the request.
func (p *page) Data(*screen.Look) any {
	if p.method == nil {
		return nil
	}
	a := &p.answer
	if a.state == notCalled {
		return json.RawMessage(p.fields.form.Redacted())
	}
	d := answerData{Method: p.full(), Headers: a.header, Messages: []any{}}
	if a.from != nil {
		d.Instance = a.from.ID
	}
	for i := range a.list {
		if b := &a.list[i]; b.size > 0 {
			if text := strings.Join(b.lines, "\n"); json.Valid([]byte(text)) {
				d.Messages = append(d.Messages, json.RawMessage(text))
			} else {
				d.Messages = append(d.Messages, text)
			}
		}
	}
	if a.result != nil {
		d.Trailers = a.result.Trailer
		d.Status = map[string]any{"code": a.code(), "number": int(a.result.Status.Code()), "message": a.result.Status.Message()}
	}
	return d
}

// Evidence implements screen.Evident.
func (p *page) Evidence(look *screen.Look) []screen.Evidence {
	if p.method == nil || p.answer.state == notCalled {
		return nil
	}
	text, _, err := withoutHidden(p.last.Request, p.method.Desc.Input())
	if err != nil {
		return nil
	}
	value := p.answer.code()
	if value == "" {
		value = "no status"
	}
	e := screen.Evidence{What: "the answer of " + p.full(), Value: value, Commands: []string{strings.TrimSuffix(p.command(look, string(text)), " --context "+term.Quote(look.Context))}}
	if from := p.answer.from; from != nil {
		e.Notes = []string{"answered by " + from.ID + " at " + from.Addr}
	}
	return []screen.Evidence{e}
}
