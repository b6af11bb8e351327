package trace

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/waterfall"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/widget"
)

// kind is what spans that do the same have in common.
type kind struct {
	service, operation string
	kind               fleet.SpanKind
}

func kindOf(s *fleet.Span) kind { return kind{s.Service, s.Name, s.Kind} }

// sample is how long recent spans of a kind took.
type sample struct {
	kind       kind
	query      fleet.TraceQuery
	took       []time.Duration // sorted
	more       bool            // there are more than were looked at
	provenance fleet.Provenance
	err        error
}

const (
	sampled  = 200 // traces that are looked at for a kind
	maxKinds = 256 // that are asked about for one trace
	// quickly is how long an answer may take.
	quickly = 15 * time.Second
)

// compare asks how long others of its kind took, of the spans on the screen: that of
// the cursor first, then those near it, one kind after the other, so that each answer
// is seen as it comes.
func (s *Screen) compare(look *screen.Look) tea.Cmd {
	a := s.table.Arranged()
	if a == nil || s.trace == nil || look.Env.Traces == nil || s.jobs.Busy(comparing) || len(s.kinds) >= maxKinds {
		return nil
	}
	k, ok := s.unknown(look.Height)
	if !ok {
		return nil
	}
	open, start, end := look.Env.Traces, look.Now.Add(-look.Window), look.Now
	return s.jobs.Start(comparing, func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, quickly)
		defer cancel()
		r := &sample{kind: k, query: k.query(start, end)}
		reader, err := open(ctx)
		if r.err = err; err == nil {
			r.ask(ctx, reader)
		}
		return r
	})
}

// unknown is the kind of the line nearest to the cursor that was not asked about, of
// those that may be on the screen.
func (s *Screen) unknown(height int) (kind, bool) {
	it := s.table.Selected()
	if it == nil {
		return kind{}, false
	}
	a := s.table.Arranged()
	at := max(0, a.Find(it.id))
	for d := range 2 * max(1, height) {
		i := at + (d+1)/2
		if d%2 == 0 {
			i = at - d/2
		}
		if i < 0 || i >= a.Len() {
			continue
		}
		k := kindOf(s.trace.Rows[a.At(i).row].Span)
		if _, known := s.kinds[k]; !known {
			return k, true
		}
	}
	return kind{}, false
}

// query finds spans of the kind. A span that is internal is often one without the
// attribute, so that its name has to be enough.
func (k kind) query(start, end time.Time) fleet.TraceQuery {
	q := fleet.TraceQuery{Service: k.service, Operation: k.operation, Start: start, End: end, Limit: sampled}
	if k.kind != fleet.SpanInternal && k.kind != "" {
		q.Tags = map[string]string{"span.kind": string(k.kind)}
	}
	return q
}

func (r *sample) ask(ctx context.Context, reader fleet.TraceReader) {
	list, err := reader.SearchTraces(ctx, r.query)
	if err != nil {
		r.err = err
		return
	}
	r.more, r.provenance = list.More, list.Provenance
	for i := range list.Traces {
		r.took = append(r.took, list.Traces[i].Took...)
	}
	slices.Sort(r.took)
}

// rank is where a span stands among its kind: "p97 of 210", "slowest of 40".
func (r *sample) rank(d time.Duration) (text string, slow bool) {
	n := len(r.took)
	if r.err != nil || n == 0 {
		return "", false
	}
	below, _ := slices.BinarySearchFunc(r.took, d, cmp.Compare[time.Duration])
	upTo, _ := slices.BinarySearchFunc(r.took, d+1, cmp.Compare[time.Duration])
	switch {
	case n == 1 && upTo > below:
		return "no other", false
	case below == 0 && upTo == n:
		return fmt.Sprintf("as all %d", n), false
	case upTo == n:
		return fmt.Sprintf("slowest of %d", n), n >= 10
	case below == 0:
		return fmt.Sprintf("fastest of %d", n), false
	}
	p := 100 * below / n
	return fmt.Sprintf("p%d of %d", p, n), p >= 99
}

// at is the duration that a share of the spans did not exceed.
func (r *sample) at(share float64) time.Duration {
	return r.took[min(len(r.took)-1, int(share*float64(len(r.took))))]
}

// standing says in words how a row compares.
func (s *Screen) standing(row *waterfall.Row) string {
	r, asked := s.kinds[kindOf(row.Span)]
	switch {
	case !asked:
		return "not yet compared with others of its kind"
	case r.err != nil:
		return "not compared with others of its kind: " + screen.Sentence(r.err)
	case len(r.took) == 0:
		return "no other of its kind in " + screen.Span(r.query.End.Sub(r.query.Start))
	}
	text, _ := r.rank(row.Span.Duration)
	which := "in " + screen.Span(r.query.End.Sub(r.query.Start))
	if r.more {
		which = "the newest ones"
	}
	return fmt.Sprintf("%s of its kind, %s; median %s, p99 %s", text, which, widget.Duration(r.at(.5)), widget.Duration(r.at(.99)))
}
