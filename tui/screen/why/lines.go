package why

import (
	"fmt"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
	"github.com/gctl-dev/gctl/tui/widget"
)

// line is what a paragraph leads to.
type line struct {
	command  string
	changes  bool // it changes something
	evidence []screen.Evidence
}

func bad(t *theme.Theme) theme.Style    { return t.Bad }
func good(t *theme.Theme) theme.Style   { return t.Good }
func warn(t *theme.Theme) theme.Style   { return t.Warn }
func dim(t *theme.Theme) theme.Style    { return t.Dim }
func title(t *theme.Theme) theme.Style  { return t.Title }
func accent(t *theme.Theme) theme.Style { return t.Accent }
func strong(t *theme.Theme) theme.Style { return t.Strong }

// page is paragraphs being written.
type page struct{ list []widget.Paragraph }

func (p *page) add(indent int, parts ...widget.Part) {
	p.list = append(p.list, widget.Paragraph{Parts: parts, Indent: indent})
}

func (p *page) stop(indent int, l line, parts ...widget.Part) {
	p.list = append(p.list, widget.Paragraph{Parts: parts, Indent: indent, Stop: true, Data: l})
}

func (p *page) head(text string) {
	p.add(0)
	p.add(0, widget.Part{Style: title, Text: text})
}

func since(at time.Time) string {
	if at.IsZero() {
		return "since when is not known"
	}
	return "since " + at.Format("15:04:05")
}

// paragraphs is a report, the most important first.
func paragraphs(r *why.Report) []widget.Paragraph {
	p := &page{}
	switch {
	case r.Undecided():
		p.add(0, widget.Part{Style: strong, Text: r.Service}, widget.Part{Style: warn, Text: "? NOT KNOWN"}, widget.Part{Text: "nobody who knows how its calls go has answered in time"})
	case r.Healthy && silent(r):
		p.add(0, widget.Part{Style: strong, Text: r.Service}, widget.Part{Style: warn, Text: "? WELL AS FAR AS IS KNOWN"}, widget.Part{Text: "nothing that was looked at is wrong, but not all could be"})
	case r.Healthy:
		p.add(0, widget.Part{Style: strong, Text: r.Service}, widget.Part{Style: good, Text: "WELL"}, widget.Part{Text: "nothing that was looked at is wrong"})
	default:
		p.add(0, widget.Part{Style: strong, Text: r.Service}, widget.Part{Style: bad, Text: "NOT WELL"}, widget.Part{Text: since(r.Since)})
	}
	p.causes(r)
	p.actions(r)
	p.symptoms(r)
	p.trace(r)
	p.changes(r)
	p.noticed(r)
	p.sources(r)
	return p.list
}

// silent tells whether of those who know how calls go, or how instances are, somebody
// has not answered, or not in whole.
func silent(r *why.Report) bool {
	for _, s := range r.Sources {
		switch s.Name {
		case "metrics", "since start", "probe", "health":
			if s.State == why.Late || s.State == why.Failed || s.State == why.Partly {
				return true
			}
		}
	}
	return false
}

func evidence(all []why.Evidence) []screen.Evidence {
	var list []screen.Evidence
	for _, e := range all {
		one := screen.Evidence{What: e.Text, Provenance: fleet.Provenance{Source: e.Source, Query: e.Query}}
		if e.Command != "" {
			one.Commands = []string{e.Command}
		}
		list = append(list, one)
	}
	return list
}

func (p *page) causes(r *why.Report) {
	if len(r.Causes) == 0 {
		return
	}
	p.head("CAUSES, likeliest first")
	for i := range r.Causes {
		c := &r.Causes[i]
		style := bad
		if c.ExplainedBy != "" {
			style = dim
		}
		l := line{evidence: evidence(c.Evidence)}
		if len(c.Evidence) > 0 {
			l.command = c.Evidence[0].Command
		}
		p.stop(1, l, widget.Part{Text: fmt.Sprintf("%d", i+1)}, widget.Part{Style: dim, Text: fmt.Sprintf("%.0f%%", 100*c.Confidence)},
			widget.Part{Style: style, Text: c.Summary}, widget.Part{Style: dim, Text: since(c.Since)})
		if c.ExplainedBy != "" {
			p.add(5, widget.Part{Style: dim, Text: "explained by: " + c.ExplainedBy})
			continue
		}
		for _, e := range c.Evidence {
			p.stop(5, line{command: e.Command, evidence: evidence([]why.Evidence{e})}, widget.Part{Text: e.Text}, widget.Part{Style: dim, Text: e.Command})
		}
	}
}

func (p *page) actions(r *why.Report) {
	if len(r.Actions) == 0 {
		return
	}
	p.head("WHAT CAN BE DONE, the most reversible first")
	for _, a := range r.Actions {
		switch {
		case a.Command == "":
			p.add(1, widget.Part{Text: a.Text})
			continue
		case a.Reversible:
			p.stop(1, line{command: a.Command, changes: true}, widget.Part{Text: a.Text}, widget.Part{Style: dim, Text: "(can be undone)"}, widget.Part{Style: accent, Text: a.Command})
		default:
			p.stop(1, line{command: a.Command, changes: true}, widget.Part{Text: a.Text}, widget.Part{Style: warn, Text: "(cannot be undone)"}, widget.Part{Style: accent, Text: a.Command})
		}
	}
}

func (p *page) symptoms(r *why.Report) {
	if len(r.Symptoms) == 0 {
		return
	}
	p.head("SYMPTOMS")
	for i := range r.Symptoms {
		s := &r.Symptoms[i]
		who := s.Service
		if s.Instance != "" {
			who = s.Instance
		}
		l := line{command: s.Evidence.Command, evidence: evidence([]why.Evidence{s.Evidence})}
		p.stop(1, l, widget.Part{Style: strong, Text: who + ":"}, widget.Part{Text: s.Text}, widget.Part{Style: dim, Text: since(s.Since)})
	}
}

func (p *page) trace(r *why.Report) {
	t := r.Trace
	if t == nil || r.Healthy {
		return
	}
	p.head("WORST RECENT TRACE")
	p.stop(1, line{command: t.Command}, widget.Part{Text: t.Root + ","}, widget.Part{Style: strong, Text: widget.Seconds(float64(t.Duration), 0)},
		widget.Part{Style: dim, Text: "at " + t.Start.Format("15:04:05")}, widget.Part{Style: accent, Text: t.Command})
	p.add(3, widget.Part{Text: t.Span + ": " + widget.Seconds(float64(t.SpanSelf), 0) + " by itself"}, widget.Part{Style: bad, Text: t.Error})
}

func (p *page) changes(r *why.Report) {
	if len(r.Changes) == 0 || r.Healthy {
		return
	}
	p.head("WHAT CHANGED")
	for _, c := range r.Changes {
		p.stop(1, line{command: c.Command}, widget.Part{Style: dim, Text: c.At.Format("15:04:05")}, widget.Part{Text: c.Text})
	}
}

func (p *page) noticed(r *why.Report) {
	if len(r.Noticed) == 0 {
		return
	}
	p.head("NOTICED, too little to call it a cause")
	for i := range r.Noticed {
		c := &r.Noticed[i]
		l := line{evidence: evidence(c.Evidence)}
		if len(c.Evidence) > 0 {
			l.command = c.Evidence[0].Command
		}
		p.stop(1, l, widget.Part{Text: c.Summary})
	}
}

func (p *page) sources(r *why.Report) {
	first := true
	for _, s := range r.Sources {
		if s.State == why.Answered || s.State == why.Absent {
			continue
		}
		if first {
			p.head("NOT KNOWN")
			first = false
		}
		text := s.Name + ": " + s.Error
		if s.State == why.Partly {
			text = s.Name + ", in part: " + s.Error
		}
		p.add(1, widget.Part{Style: warn, Text: text})
	}
}
