package invoke

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// record is a call as the history keeps it, a line of JSON. Secrets are hidden in
// the request.
type record struct {
	Time     time.Time       `json:"time"`
	Context  string          `json:"context"`
	Service  string          `json:"service"` // of the catalog
	Method   string          `json:"method"`
	Instance string          `json:"instance,omitempty"`
	Request  json.RawMessage `json:"request"`
	Code     string          `json:"code,omitempty"` // none: there was no call
	Duration float64         `json:"duration_ms,omitempty"`
	Name     string          `json:"name,omitempty"` // of one that was saved
}

// Saved tells whether a line of the history is a request that was saved under a name.
// Those are to be kept longer than the calls.
func Saved(line []byte) bool {
	var r struct {
		Name string `json:"name"`
	}
	return json.Unmarshal(line, &r) == nil && r.Name != ""
}

// keeping and looking are the jobs of the history.
const (
	keeping = "keep"
	looking = "past"
)

type keptAnswer struct {
	err  error
	name string
}

// largestKept is how large a request may be to be kept, in bytes: the file is read
// whole.
const largestKept = 256 << 10

// keep appends a call to the history.
func (p *page) keep(look *screen.Look, r record) tea.Cmd {
	open := look.Env.Calls
	switch {
	case open == nil || r.Request == nil:
		return nil
	case len(r.Request) > largestKept:
		return say("a request of " + sizeOf(len(r.Request)) + " is too large for the history")
	}
	return p.jobs.Start(keeping, func(context.Context) tea.Msg {
		calls, err := open()
		if err == nil {
			err = calls.Append(r)
		}
		return keptAnswer{err, r.Name}
	})
}

func (p *page) kept(a keptAnswer) tea.Cmd {
	switch {
	case a.err != nil:
		return say("the history could not be written: " + screen.Sentence(a.err))
	case a.name != "":
		return tell("saved as " + a.name)
	}
	return nil
}

// askName saves the request under a name.
func (p *page) askName(look *screen.Look) tea.Cmd {
	if look.Env.Calls == nil {
		return say("there is no history here")
	}
	if _, err := p.fields.form.JSON(); err != nil {
		return say("not saved: " + screen.Sentence(err))
	}
	a := newAsk("")
	a.question = "save this request as"
	a.take = func(text string, _ bool) (tea.Cmd, string) {
		text = strings.TrimSpace(text)
		if text == "" {
			return nil, "a name is wanted"
		}
		return p.keep(look, record{
			Time: look.Clock, Context: look.Context, Service: p.method.Service, Method: p.full(), Request: p.fields.form.Redacted(), Name: text,
		}), ""
	}
	p.ask = a
	return nil
}

type pastAnswer struct {
	list []record
	err  error
}

// openPast asks for the calls of this method.
func (p *page) openPast(look *screen.Look) tea.Cmd {
	open, method := look.Env.Calls, p.full()
	if open == nil {
		return say("there is no history here")
	}
	return p.jobs.Start(looking, func(context.Context) tea.Msg {
		calls, err := open()
		if err != nil {
			return pastAnswer{nil, err}
		}
		var list []record
		err = calls.Each(func(line []byte) {
			var r record
			if json.Unmarshal(line, &r) == nil && r.Method == method {
				list = append(list, r)
			}
		})
		return pastAnswer{past(list), err}
	})
}

// past puts calls in order: the saved ones first, the newest of them first; of those
// with the same request one is enough, of saved ones where they have the same name.
func past(list []record) []record {
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b record) int {
		return cmp.Or(cmp.Compare(rank(a.Name == ""), rank(b.Name == "")), b.Time.Compare(a.Time))
	})
	seen := map[[2]string]bool{} // by request and name
	var out []record
	for _, r := range list {
		var b bytes.Buffer
		if json.Compact(&b, r.Request) != nil {
			continue
		}
		request := b.String()
		if seen[[2]string{request, r.Name}] {
			continue
		}
		seen[[2]string{request, r.Name}], seen[[2]string{request, ""}] = true, true
		r.Request = b.Bytes()
		out = append(out, r)
	}
	return out
}

func rank(last bool) int {
	if last {
		return 1
	}
	return 0
}

// choosePast shows the calls to choose from.
func (p *page) choosePast(a pastAnswer) tea.Cmd {
	switch {
	case a.err != nil:
		return say("the history could not be read: " + screen.Sentence(a.err))
	case len(a.list) == 0:
		return say("this method was not called from here yet")
	}
	options := make([]option, len(a.list))
	for i := range a.list {
		r := &a.list[i]
		name := r.Name
		if name == "" {
			name = r.Time.Local().Format("2006-01-02 15:04:05")
		}
		about := r.Code
		switch {
		case r.Name != "":
			about = "saved " + r.Time.Local().Format("2006-01-02 15:04")
		case about == "":
			about = "no answer"
		}
		if r.Duration > 0 {
			about += " " + widget.Duration(time.Duration(r.Duration*float64(time.Millisecond)))
		}
		options[i] = option{at: i, title: name, about: about, text: string(r.Request), do: func(*screen.Look) tea.Cmd { return p.recall(r) }}
	}
	p.open("the requests that were made", options)
	return nil
}

// recall takes a request of the history into the form. What was hidden is left
// empty.
func (p *page) recall(r *record) tea.Cmd {
	text, paths, err := withoutHidden(r.Request, p.method.Desc.Input())
	if err == nil {
		err = p.fields.form.SetJSON(text)
	}
	if err != nil {
		return say("not taken, the schema is another by now: " + screen.Sentence(err))
	}
	p.fields.hidden = map[string]bool{}
	for _, path := range paths {
		p.fields.hidden[path] = true
	}
	p.fields.change++
	p.fields.refresh()
	if len(paths) > 0 {
		return say(fmt.Sprintf("%s left empty, since the history hides them: %s", plural(len(paths), "field"), strings.Join(paths, ", ")))
	}
	return tell("taken from the history")
}

// hiddenValue is what the history has for a secret (form.Form.Redacted).
const hiddenValue = "(hidden)"

// withoutHidden is a JSON without the members whose values are hidden, and where
// they were, as form.Form.Path tells it.
func withoutHidden(text []byte, md protoreflect.MessageDescriptor) (without []byte, paths []string, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, nil, err
	}
	h := &hider{}
	h.walk(doc, "", md, false)
	slices.Sort(h.paths)
	without, err = json.Marshal(doc)
	return without, h.paths, err
}

// hider takes hidden values out.
type hider struct{ paths []string }

// walk goes through a value of a message, or, with entries, of a map of them; md is
// nil where it is something else.
func (h *hider) walk(v any, path string, md protoreflect.MessageDescriptor, entries bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			at, inside, isMap := path+"["+strconv.Quote(name)+"]", md, false
			if !entries {
				at, inside, isMap = memberOf(path, name, md)
			}
			if member == hiddenValue {
				h.paths = append(h.paths, at)
				delete(v, name)
				continue
			}
			h.walk(member, at, inside, isMap)
		}
	case []any:
		for i, element := range v {
			h.walk(element, path+"["+strconv.Itoa(i)+"]", md, false)
		}
	}
}

// memberOf is where a field is and what is in it.
func memberOf(path, name string, md protoreflect.MessageDescriptor) (at string, inside protoreflect.MessageDescriptor, entries bool) {
	at = strings.TrimPrefix(path+"."+name, ".")
	if md == nil {
		return at, nil, false
	}
	fd := md.Fields().ByJSONName(name)
	switch {
	case fd == nil:
		return at, nil, false
	case fd.IsMap():
		return at, fd.MapValue().Message(), true
	default:
		return at, fd.Message(), false
	}
}
