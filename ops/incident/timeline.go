package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// longestTimeline is how many rows the page has: it is to be read. The data have all.
const longestTimeline = 1000

// moment is a row of the timeline.
type moment struct {
	at           time.Time
	what, source string // to be shown as they are
	when         string // exact or noticed
}

const (
	exact   = "exact"
	noticed = "noticed"
)

// timeline has the events, the actions and the notes, in the order of their times.
func (d *document) timeline(b *strings.Builder) {
	var all []moment
	for i := range d.Events {
		e := &d.Events[i]
		if e.Event == fleet.ActionTaken && len(d.Actions) > 0 {
			continue // they are told with more below
		}
		m := moment{at: e.At, what: eventText(e), source: inline(e.Source), when: noticed}
		if e.Exact {
			m.when = exact
		}
		all = append(all, m)
	}
	for i := range d.Actions {
		a := &d.Actions[i]
		all = append(all, moment{a.At, "**done** " + inline(actionText(a)), inline(a.By), exact})
	}
	for i := range d.Notes {
		n := &d.Notes[i]
		first, _, more := strings.Cut(strings.TrimSpace(n.Text), "\n")
		if more {
			first += " …"
		}
		all = append(all, moment{n.At, "**note** " + inline(first), inline(n.Author), exact})
	}
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	b.WriteString("\n## Timeline\n\n")
	if len(all) == 0 {
		b.WriteString("Nothing is known to have changed.\n")
		return
	}
	b.WriteString("Times are UTC. An *exact* one is when it happened, a *noticed* one when it was seen to have changed.\n\n")
	b.WriteString(head("Time", "What", "Source", "Time is"))
	for i := range all[:min(len(all), longestTimeline)] {
		m := &all[i]
		b.WriteString(row(clock(m.at), m.what, m.source, m.when))
	}
	if n := len(all) - longestTimeline; n > 0 {
		fmt.Fprintf(b, "\n%d more are in the data.\n", n)
	}
}

func eventText(e *eventDoc) string {
	text := inline(joined(words(string(e.Event)), e.Service, e.Instance, e.Subject))
	switch {
	case e.From != "" && e.To != "":
		return text + ": " + inline(e.From) + " → " + inline(e.To)
	case e.From != "" || e.To != "":
		return text + ": " + inline(e.From+e.To)
	}
	return text
}

func actionText(a *actionDoc) string {
	text := joined(a.Action, a.Instance, a.Resource, a.Value)
	if a.Reason != "" {
		text += ": " + a.Reason
	}
	return text
}

// joined are the words that there are.
func joined(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}
