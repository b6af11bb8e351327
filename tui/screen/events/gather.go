package events

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/notes"
)

// past is what those say who remember what was before gctl looked.
type past struct {
	list         fleet.EventList
	since, until time.Time // what they were asked for
	err          error
}

// recorded tells whether somebody kept what changed.
func (p *past) recorded() bool { return p != nil && p.err == nil && p.list.From.Before(p.until) }

// inputs are what rows are made of.
type inputs struct {
	seen         []fleet.Event // that gctl saw itself
	past         *past         // nil: not asked, or there is nobody
	notes        []notes.Note
	service      string    // empty: all
	since, until time.Time // what is shown
	began        time.Time // when gctl began to look
	zone         *time.Location
}

// rows are the events, the notes and the times of which nothing is known.
func (in *inputs) rows() []row {
	var told []fleet.Event
	if in.past != nil {
		told = in.past.list.Events
	}
	all := merge(told, in.seen)
	list := make([]row, 0, len(all)+4)
	for i := range all {
		e := &all[i]
		if e.At.Before(in.since) || e.At.After(in.until) || in.service != "" && e.Service != in.service {
			continue
		}
		list = append(list, eventRow(e, in))
	}
	for _, n := range in.notes {
		if !n.At.Before(in.since) && (in.service == "" || n.Service == "" || n.Service == in.service) {
			list = append(list, noteRow(n, in))
		}
	}
	for _, g := range in.gaps() {
		list = append(list, gapRow(g, in))
	}
	return list
}

// gaps are the times of which nobody knows anything: neither the recording nor gctl
// itself looked.
func (in *inputs) gaps() []fleet.Gap {
	gaps := []fleet.Gap{{From: in.since, To: in.began}}
	if in.past.recorded() {
		gaps = append([]fleet.Gap{{From: in.since, To: in.past.list.From}}, in.past.list.Gaps...)
	}
	var out []fleet.Gap
	for _, g := range gaps {
		if g.From.Before(in.since) {
			g.From = in.since
		}
		if g.To.After(in.began) {
			g.To = in.began
		}
		if g.To.Sub(g.From) >= time.Second {
			out = append(out, g)
		}
	}
	return out
}

// slack is how far apart two may notice the same change: instances are asked for
// their health every ten seconds.
const slack = 15 * time.Second

// what is what an event tells, but for its time.
type what struct {
	kind                                 fleet.EventKind
	service, instance, subject, from, to string
}

func whatOf(e *fleet.Event) what {
	return what{e.Kind, e.Service, e.Instance, e.Subject, e.From, e.To}
}

// merge puts together what two saw, each event once. One that both saw is dated by
// the one who knows when it happened, or noticed it first.
func merge(told, seen []fleet.Event) []fleet.Event {
	out := make([]fleet.Event, 0, len(told)+len(seen))
	by := make(map[what][]int, len(told))
	for i := range told {
		e := &told[i]
		name := whatOf(e)
		if slices.ContainsFunc(by[name], func(n int) bool { return out[n].At.Equal(e.At) }) {
			continue
		}
		by[name] = append(by[name], len(out))
		out = append(out, *e)
	}
	for i := range seen {
		e := &seen[i]
		name := whatOf(e)
		n, ok := nearest(out, by[name], e)
		if !ok {
			out = append(out, *e)
			continue
		}
		by[name] = slices.DeleteFunc(by[name], func(k int) bool { return k == n })
		if e.Exact && !out[n].Exact || e.Exact == out[n].Exact && e.At.Before(out[n].At) {
			out[n] = *e
		}
	}
	return out
}

// nearest finds among some events the one that is the same as e. Two times that are
// both exact are those of two events, unless they are equal; a source of gctl fails
// for each who asks it at a time of its own.
func nearest(all []fleet.Event, among []int, e *fleet.Event) (int, bool) {
	best, gap := -1, slack+1
	for _, i := range among {
		d := all[i].At.Sub(e.At).Abs()
		if all[i].Exact && e.Exact && d > 0 && e.Kind != fleet.SourceChanged {
			continue
		}
		if d < gap {
			best, gap = i, d
		}
	}
	return best, best >= 0
}

// trouble is what to say of those who were asked and failed, empty for nothing.
func (p *past) trouble() error {
	switch {
	case p == nil:
		return nil
	case p.err != nil && !errors.Is(p.err, fleet.ErrNoHistory):
		return p.err
	case len(p.list.Missing) > 0:
		return p.list.Missing[0].Err
	}
	return nil
}

// newestFirst orders rows.
func newestFirst(a, b *row) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.order, a.order)) }
