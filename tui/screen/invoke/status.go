package invoke

import (
	"fmt"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// Status implements screen.Screen.
func (p *page) Status(look *screen.Look, l *widget.Line) {
	t := look.Theme
	if p.jobs.Busy(asking) {
		l.Put(t.Dim, "asking for the schema "+t.Glyphs.More+"  ")
	}
	if p.method == nil {
		return
	}
	if n := len(p.method.Lacks); n > 0 {
		l.Put(t.Warn, fmt.Sprintf("%s the schema lacks %s  ", t.Glyphs.Warn, plural(n, "type")))
	}
	if p.method.ReadOnly != nil {
		l.Put(t.Warn, t.Glyphs.Warn+" not allowed here  ")
	}
	if n := len(p.fields.hidden); n > 0 {
		l.Put(t.Warn, fmt.Sprintf("%s %s left empty  ", t.Glyphs.Warn, plural(n, "hidden value")))
	}
	if p.answer.state != notCalled && p.at != answerPane && !wide(look) { // else it stands there
		p.answer.verdict(l, t, look.Clock, look.Keys)
		return
	}
	if p.instance != "" {
		l.Put(t.Dim, p.kind()+" to ")
		l.Put(t.Accent, p.instance)
		return
	}
	who := plural(len(p.method.Instances), "instance")
	if len(p.method.Instances) > 1 {
		who = "one of " + who
	}
	l.Put(t.Dim, p.kind()+" to "+who+" of "+p.method.Service)
}

// kind is which of the four kinds the method is.
func (p *page) kind() string {
	switch d := p.method.Desc; {
	case d.IsStreamingClient() && d.IsStreamingServer():
		return "streams both ways"
	case d.IsStreamingClient():
		return "stream of requests"
	case d.IsStreamingServer():
		return "stream of responses"
	}
	return "unary"
}

// Hints implements screen.Screen.
func (p *page) Hints() []screen.Hint {
	list := []screen.Hint{{Action: key.Send, Does: "send"}}
	switch {
	case p.raw.area != nil:
		return append(list, screen.Hint{Action: key.Back, Does: "done"}, screen.Hint{Action: key.NextPane, Does: "done, next pane"})
	case p.ask != nil:
		hints := []screen.Hint{{Action: key.Enter, Does: "take"}, {Action: key.Back, Does: "leave"}}
		if p.ask.row != 0 {
			hints = append(hints, screen.Hint{Action: key.NextPane, Does: "take, next row"}, screen.Hint{Action: key.Send, Does: "take, send"})
		}
		return hints
	case p.method == nil:
		return []screen.Hint{{Action: key.Refresh, Does: "ask again"}}
	case p.choice != nil:
		return []screen.Hint{{Action: key.Enter, Does: "take"}, {Action: key.Filter, Does: "filter"}, {Action: key.Back, Does: "close"}}
	}
	if p.stream != nil && p.method.Desc.IsStreamingClient() && !p.answer.halved {
		list = append(list, screen.Hint{Action: key.HalfClose, Does: "end the requests"})
	}
	if p.stream != nil {
		list = append(list, screen.Hint{Action: key.Back, Does: "cancel"})
	}
	list = append(list, screen.Hint{Action: key.NextPane, Does: "pane"})
	switch p.at {
	case formPane:
		list = append(list, screen.Hint{Action: key.Enter, Does: "edit"}, screen.Hint{Action: key.Mark, Does: "next value"},
			screen.Hint{Action: key.Add, Does: "add"}, screen.Hint{Action: key.Remove, Does: "remove, clear"}, screen.Hint{Action: key.Right, Does: "unfold"})
		if r := p.fields.selected(); r != nil && r.Entry {
			list = append(list, screen.Hint{Action: key.Rename, Does: "rename"})
		} else if r != nil && r.Element {
			list = append(list, screen.Hint{Action: key.MoveUp, Does: "move up"}, screen.Hint{Action: key.MoveDown, Does: "move down"})
		}
	case jsonPane:
		list = append(list, screen.Hint{Action: key.Enter, Does: "edit"})
	default:
		list = append(list, screen.Hint{Action: key.Enter, Does: "whole page"})
	}
	return append(list, screen.Hint{Action: key.History, Does: "history"}, screen.Hint{Action: key.Save, Does: "save"},
		screen.Hint{Action: key.Copy, Does: "copy"}, screen.Hint{Action: key.Instance, Does: "instance"}, screen.Hint{Action: key.Describe, Does: "headers, details"}, screen.Hint{Action: key.JSON, Does: "JSON"})
}
