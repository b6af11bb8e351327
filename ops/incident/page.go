package incident

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/ops/why"
)

// page writes the document as Markdown; files tells whether its data lie beside it.
func (d *document) page(w io.Writer, files bool) error {
	var b strings.Builder
	d.headline(&b)
	d.summary(&b)
	d.timeline(&b)
	d.causes(&b)
	d.affected(&b)
	d.breakers(&b)
	d.done(&b)
	d.lookedAt(&b)
	if files {
		d.files(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// clockOr is the time, or a dash where it is not known.
func clockOr(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "–"
	}
	return clock(*t)
}

func (d *document) headline(b *strings.Builder) {
	title := "Incident"
	if d.Title != "" {
		title += ": " + inline(d.Title)
	}
	fmt.Fprintf(b, "# %s\n\n", title)
	fmt.Fprintf(b, "%s to %s UTC", clockOr(d.From), clockOr(d.To))
	if d.Cursor != nil {
		fmt.Fprintf(b, ", looked at as of %s", clock(*d.Cursor))
	}
	if d.Context != "" {
		fmt.Fprintf(b, "; context %s", inline(d.Context))
	}
	if d.Author != "" || d.Exported != nil {
		fmt.Fprintf(b, ". Written down by %s at %s", inline(d.Author), clockOr(d.Exported))
	}
	b.WriteString(".\n")
}

// summary has a row for each cause that nothing else explains.
func (d *document) summary(b *strings.Builder) {
	b.WriteString("\n## Summary\n\n")
	switch r := d.Report; {
	case r == nil:
		b.WriteString("The causes were not looked for.\n")
		return
	case len(r.Causes) == 0 && r.Undecided():
		fmt.Fprintf(b, "It is not known whether %s was well: nobody who knows how its calls went answered.\n", inline(r.Service))
		return
	case len(r.Causes) == 0:
		fmt.Fprintf(b, "Nothing was found wrong with %s at %s.\n", inline(r.Service), clock(r.At))
		return
	}
	b.WriteString(head("Service", "Since", "Cause", "Confidence", "What was done"))
	for i := range d.Report.Causes {
		if c := &d.Report.Causes[i]; c.ExplainedBy == "" {
			b.WriteString(row(inline(c.Service), clockOr(&c.Since), inline(c.Summary), percent(c.Confidence), inline(d.doneTo(c))))
		}
	}
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", math.Round(share*100)) }

// doneTo is what was done to the service of a cause, or to those that call it.
func (d *document) doneTo(c *why.Cause) string {
	var list []string
	for i := range d.Actions {
		a := &d.Actions[i]
		if a.Service != c.Service && a.Service != d.Report.Service {
			continue
		}
		text := fmt.Sprintf("%s %s (%s)", a.Resource, a.Value, words(string(a.State)))
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, "; ")
}

// words is a value of JSON as people read it.
func words(value string) string { return strings.ReplaceAll(value, "_", " ") }

// causes has them all, with their evidence.
func (d *document) causes(b *strings.Builder) {
	r := d.Report
	if r == nil {
		return
	}
	fmt.Fprintf(b, "\n## Causes\n\nWhat `gctl why` said of %s as of %s UTC.\n", inline(r.Service), clock(r.At))
	for i := range r.Symptoms {
		s := &r.Symptoms[i]
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "- %s%s: %s%s\n", inline(s.Service), prefixed(", ", s.Instance), inline(s.Text), since(s.Since))
	}
	for i := range r.Causes {
		c := &r.Causes[i]
		fmt.Fprintf(b, "\n### %d. %s\n\n%s, confidence %s%s.", i+1, inline(c.Summary), inline(words(string(c.Kind))), percent(c.Confidence), since(c.Since))
		if len(c.Instances) > 0 {
			fmt.Fprintf(b, " Instances: %s.", inline(strings.Join(c.Instances, ", ")))
		}
		if c.ExplainedBy != "" {
			fmt.Fprintf(b, " Explained by: %s.", inline(c.ExplainedBy))
		}
		b.WriteString("\n")
		evidence(b, c.Evidence)
	}
	remarks(b, "Noticed, too little to be a cause", each(r.Noticed, func(c *why.Cause) string { return inline(c.Summary) }))
	remarks(b, "Changed before or meanwhile", each(r.Changes, func(c *why.Change) string { return clock(c.At) + " " + inline(c.Text) }))
	var silent []string
	for _, s := range r.Sources {
		if s.State != why.Answered {
			silent = append(silent, inline(s.Name)+": "+inline(words(string(s.State)))+prefixed(", ", s.Error))
		}
	}
	remarks(b, "Not known, since these did not answer", silent)
}

func remarks(b *strings.Builder, what string, list []string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n\n", what)
	for _, line := range list {
		fmt.Fprintf(b, "- %s\n", line)
	}
}

// prefixed is a text behind something, nothing where there is none.
func prefixed(before, s string) string {
	if s == "" {
		return ""
	}
	return before + inline(s)
}

func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", since " + clock(t)
}

// evidence is a list of observations, each with where it comes from as a block to be
// copied.
func evidence(b *strings.Builder, list []why.Evidence) {
	for i := range list {
		e := &list[i]
		fmt.Fprintf(b, "\n- %s\n", inline(e.Text))
		var lines []string
		for _, part := range [][2]string{{"source:  ", e.Source}, {"query:   ", e.Query}, {"command: ", e.Command}} {
			if part[1] != "" {
				lines = append(lines, part[0]+part[1])
			}
		}
		if len(lines) > 0 {
			b.WriteString("\n" + indent(block(strings.Join(lines, "\n"))))
		}
	}
}

// indent makes a block belong to the item of a list above it.
func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n  ") + "\n"
}

// lookedAt is what an operator looked at and remarked.
func (d *document) lookedAt(b *strings.Builder) {
	if len(d.Evidence) > 0 {
		b.WriteString("\n## Evidence\n")
		evidence(b, d.Evidence)
	}
	if len(d.Traces) > 0 {
		b.WriteString("\n## Traces\n\n")
		lines := make([]string, 0, len(d.Traces))
		for _, id := range d.Traces {
			lines = append(lines, "gctl trace "+strings.Join(strings.Fields(id), " "))
		}
		b.WriteString(block(strings.Join(lines, "\n")))
	}
	if len(d.Notes) > 0 {
		b.WriteString("\n## Notes\n")
	}
	for i := range d.Notes {
		n := &d.Notes[i]
		fmt.Fprintf(b, "\n%s, %s:\n\n%s", clock(n.At), inline(n.Author), block(n.Text))
	}
}

func (d *document) files(b *strings.Builder) {
	fmt.Fprintf(b, "\n## Data\n\n- `%s`: all of this as JSON\n", dataFile)
	switch r := d.Recording; {
	case r == nil:
		b.WriteString("- nothing was recorded\n")
		return
	case r.Error != "":
		fmt.Fprintf(b, "- the recording could not be read: %s\n", inline(r.Error))
	case r.File == "":
		b.WriteString("- nothing was recorded in that time\n")
	default:
		fmt.Fprintf(b, "- `%s`: the fleet as it was recorded; `gctl events --dir %s --since 8760h`\n", recordingFile, recordingFile)
	}
	for _, m := range d.Recording.Missing {
		fmt.Fprintf(b, "- missing: %s\n", inline(m))
	}
}
