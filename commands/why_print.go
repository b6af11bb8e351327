package commands

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/ops/why"
)

// whyDoc is a report as JSON: that of package why, with empty lists for none.
type whyDoc struct {
	*why.Report

	Undecided bool `json:"undecided"`

	Symptoms []why.Symptom    `json:"symptoms"`
	Causes   []why.Cause      `json:"causes"`
	Noticed  []why.Cause      `json:"noticed"`
	Changes  []why.Change     `json:"changes"`
	Actions  []why.Action     `json:"actions"`
	Sources  []why.SourceFact `json:"sources"`
}

func newWhyDoc(r *why.Report) *whyDoc {
	return &whyDoc{
		Report: r, Undecided: r.Undecided(), Symptoms: listed(r.Symptoms), Causes: listedCauses(r.Causes), Noticed: listedCauses(r.Noticed), Changes: listed(r.Changes),
		Actions: listed(r.Actions), Sources: listed(r.Sources),
	}
}

func listed[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

func listedCauses(all []why.Cause) []why.Cause {
	out := make([]why.Cause, len(all))
	for i := range all {
		out[i] = all[i]
		out[i].Instances, out[i].Evidence = listed(all[i].Instances), listed(all[i].Evidence)
	}
	return out
}

// whyView prints a report for people.
type whyView struct {
	p   *output.Printer
	r   *why.Report
	now time.Time
	err error
}

func (v *whyView) print() error {
	v.head()
	v.causes()
	v.symptoms()
	v.trace()
	v.changes()
	v.noticed()
	v.actions()
	v.sources()
	return v.err
}

// line prints cells with a space between them, over as many lines as the terminal
// needs: a command that is cut cannot be copied.
func (v *whyView) line(cells ...output.Cell) {
	var row []output.Cell
	used, indent := 0, 0
	flush := func() {
		if v.err == nil {
			v.err = v.p.Line(row...)
		}
		row, used = nil, 0
	}
	for i, c := range cells {
		if i == 0 {
			indent = len(c.Text) - len(strings.TrimLeft(c.Text, " "))
			row, used = append(row, output.Text(c.Text[:indent])), indent
			c.Text = c.Text[indent:]
		}
		for word := range strings.FieldsSeq(c.Text) {
			gap := " "
			if used == indent {
				gap = ""
			}
			width := ansi.StringWidth(word)
			if limit := v.p.Width(); limit > 0 && used > indent && used+len(gap)+width > limit {
				flush()
				row, used, gap = append(row, output.Text(strings.Repeat(" ", indent+2))), indent+2, ""
			}
			if last := len(row) - 1; row[last].Style == c.Style {
				row[last].Text += gap + word
			} else {
				row = append(row, output.Cell{Text: gap + word, Style: c.Style})
			}
			used += len(gap) + width
		}
	}
	flush()
}

// when is a time as the answer shows it.
func (v *whyView) when(at time.Time) output.Cell { return output.Text(v.p.Show(output.Time(at))) }

func (v *whyView) title(text string) {
	v.line()
	v.line(output.Text(text))
}

func (v *whyView) head() {
	verdict := output.Cell{Text: "WELL", Style: output.Good}
	switch {
	case v.r.Undecided():
		verdict = output.Cell{Text: "NOT KNOWN", Style: output.Caution}
	case !v.r.Healthy:
		verdict = output.Cell{Text: "NOT WELL", Style: output.Bad}
	}
	cells := []output.Cell{output.Text(v.r.Service), verdict}
	if !v.r.Healthy {
		cells = append(cells, v.since(v.r.Since)...)
	}
	if v.now.Sub(v.r.At) > time.Minute {
		cells = append(cells, output.Text("looked at as of "+v.r.At.UTC().Format(time.RFC3339)))
	}
	v.line(cells...)
	switch {
	case v.r.Undecided():
		v.line(output.Text("nobody who knows how its calls go has answered in time"))
	case v.r.Healthy:
		v.line(output.Text("nothing that was looked at is wrong"))
	}
}

func (v *whyView) since(at time.Time) []output.Cell {
	if at.IsZero() {
		return []output.Cell{{Text: "since when is not known", Style: output.Faint}}
	}
	return []output.Cell{output.Text("since"), v.when(at)}
}

func (v *whyView) causes() {
	if len(v.r.Causes) == 0 {
		return
	}
	v.title("CAUSES, likeliest first")
	for i := range v.r.Causes {
		v.cause(i+1, &v.r.Causes[i])
	}
}

func (v *whyView) cause(n int, c *why.Cause) {
	style := output.Bad
	if c.ExplainedBy != "" {
		style = output.Faint
	}
	cells := []output.Cell{
		output.Text(fmt.Sprintf("%3d", n)), {Text: fmt.Sprintf("%2.0f%%", 100*c.Confidence), Style: output.Faint}, {Text: c.Summary, Style: style},
	}
	if !c.Since.IsZero() {
		cells = append(cells, v.since(c.Since)...)
	}
	v.line(cells...)
	if c.ExplainedBy != "" {
		v.line(output.Cell{Text: indentWhy + "explained by: " + c.ExplainedBy, Style: output.Faint})
		return
	}
	for _, e := range c.Evidence {
		v.line(output.Text(indentWhy + e.Text))
		v.line(output.Cell{Text: indentWhy + "  " + e.Command, Style: output.Faint})
	}
}

const indentWhy = "       "

func (v *whyView) symptoms() {
	if len(v.r.Symptoms) == 0 {
		return
	}
	v.title("SYMPTOMS")
	for i := range v.r.Symptoms {
		s := &v.r.Symptoms[i]
		who := s.Service
		if s.Instance != "" {
			who = s.Instance
		}
		cells := []output.Cell{output.Text("  " + who + ":"), output.Text(s.Text)}
		if !s.Since.IsZero() {
			cells = append(cells, v.since(s.Since)...)
		}
		v.line(cells...)
	}
}

func (v *whyView) trace() {
	t := v.r.Trace
	if t == nil || v.r.Healthy {
		return
	}
	v.title("WORST RECENT TRACE")
	v.line(output.Text("  "+t.Root), output.Text(fmtSeconds(float64(t.Duration))+","), v.when(t.Start))
	guilty := fmt.Sprintf("  %s: %s by itself", t.Span, fmtSeconds(float64(t.SpanSelf)))
	cells := []output.Cell{output.Text(guilty)}
	if t.Error != "" {
		cells = append(cells, output.Cell{Text: t.Error, Style: output.Bad})
	}
	v.line(cells...)
	v.line(output.Cell{Text: "    " + t.Command, Style: output.Faint})
}

func fmtSeconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Microsecond).String()
}

func (v *whyView) changes() {
	if len(v.r.Changes) == 0 || v.r.Healthy {
		return
	}
	v.title("WHAT CHANGED")
	for _, c := range v.r.Changes {
		v.line(output.Text("  "+v.p.Show(output.Time(c.At))), output.Text(c.Text))
	}
}

func (v *whyView) noticed() {
	if len(v.r.Noticed) == 0 {
		return
	}
	v.title("NOTICED, too little to call it a cause")
	for i := range v.r.Noticed {
		c := &v.r.Noticed[i]
		v.line(output.Text("  "+c.Summary), output.Cell{Text: firstCommand(c), Style: output.Faint})
	}
}

func firstCommand(c *why.Cause) string {
	for _, e := range c.Evidence {
		if e.Command != "" {
			return "(" + e.Command + ")"
		}
	}
	return ""
}

func (v *whyView) actions() {
	if len(v.r.Actions) == 0 {
		return
	}
	v.title("WHAT CAN BE DONE, the most reversible first")
	for _, a := range v.r.Actions {
		how := output.Cell{}
		switch {
		case a.Command == "":
		case a.Reversible:
			how = output.Cell{Text: "(can be undone)", Style: output.Faint}
		default:
			how = output.Cell{Text: "(cannot be undone)", Style: output.Caution}
		}
		v.line(output.Text("  "+a.Text), how)
		if a.Command != "" {
			v.line(output.Text("    " + a.Command))
		}
	}
}

// sources says what is not known, and why.
func (v *whyView) sources() {
	var silent, absent []string
	for _, s := range v.r.Sources {
		switch s.State {
		case why.Answered:
		case why.Absent:
			absent = append(absent, s.Name)
		case why.Partly:
			silent = append(silent, fmt.Sprintf("  %s, in part: %s", s.Name, s.Error))
		default:
			silent = append(silent, fmt.Sprintf("  %s: %s", s.Name, s.Error))
		}
	}
	if len(silent)+len(absent) == 0 {
		return
	}
	v.title("NOT KNOWN")
	for _, s := range silent {
		v.line(output.Cell{Text: s, Style: output.Caution})
	}
	if len(absent) > 0 {
		v.line(output.Cell{Text: "  not there to be asked: " + strings.Join(absent, ", "), Style: output.Faint})
	}
}
