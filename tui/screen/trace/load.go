package trace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/waterfall"
	"github.com/gctl-dev/gctl/tui/screen"
)

// loaded is a trace, laid out and ready to be shown. It never changes.
type loaded struct {
	*waterfall.Layout

	provenance fleet.Provenance
	ids        []string            // of each row
	errors     []int32             // spans with an error before each row, and in the end of all
	segments   []waterfall.Segment // of the critical path, by row
	first      []int32             // the first segment of each row, and in the end their number
	groups     []int32             // the first row of the folded group that a row is in, -1 for none
	folds      folds               // in the beginning
}

// failure is why there is no trace.
type failure struct{ err error }

const (
	// patience is how long an answer may take.
	patience = 30 * time.Second
	// many is how many spans are shown without folding any.
	many = 200
	// searched is how many of the newest traces are looked through for the beginning of
	// an ID: sources return them whole.
	searched = 300
	fullID   = 32 // hex digits
)

var (
	errSilent  = &fleet.Error{What: "no answer within " + screen.Span(patience), Hint: "what keeps the traces may be hanging: gctl doctor looks at all backends, ctrl-r asks again"}
	errNotHere = &fleet.Error{What: "a recording has no traces", Hint: "if Jaeger still has it: gctl trace ID, or gctl dash without --replay"}
	errWhich   = &fleet.Error{What: "which trace?", Hint: ":trace ID; t lists traces"}
)

// load asks for the trace and lays it out, beside the loop.
func (s *Screen) load(look *screen.Look) tea.Cmd {
	open, id := look.Env.Traces, strings.TrimSpace(s.subject)
	start := look.Now.Add(-look.Window)
	s.asked = look.Clock
	switch {
	case open == nil:
		s.failed = errNotHere
		return nil
	case id == "":
		s.failed = errWhich
		return nil
	}
	return s.jobs.Start(loading, func(ctx context.Context) tea.Msg {
		ctx, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
		defer cancel()
		t, err := get(ctx, open, id, start)
		if err != nil {
			if cause := context.Cause(ctx); errors.Is(cause, error(errSilent)) {
				err = cause
			}
			return failure{err}
		}
		return prepare(&t)
	})
}

// Spans come some seconds after the call that they are of, each process's in its own
// time: a trace that is so young is asked for again.
const (
	young      = 20 * time.Second
	youngAgain = 2 * time.Second
)

// follow asks again for a trace of which more may come.
func (s *Screen) follow(look *screen.Look) tea.Cmd {
	if s.trace == nil || !look.Live || s.jobs.Busy(loading) || look.Clock.Sub(s.asked) < youngAgain || look.Clock.Sub(s.trace.Start.Add(s.trace.Duration)) > young {
		return nil
	}
	return s.load(look)
}

// get asks for a trace by its ID or, where that is short, by the beginning of one.
func get(ctx context.Context, open func(context.Context) (fleet.TraceReader, error), id string, start time.Time) (fleet.Trace, error) {
	reader, err := open(ctx)
	if err != nil {
		return fleet.Trace{}, err
	}
	t, err := reader.Trace(ctx, id)
	if err == nil || !errors.Is(err, fleet.ErrNotFound) {
		return t, err
	}
	missing := &fleet.Error{What: "there is no trace " + id, Hint: "spans arrive seconds after the call, and old ones are dropped: ctrl-r asks again, t lists what is there"}
	if len(id) >= fullID {
		return t, missing
	}
	list, err := reader.SearchTraces(ctx, fleet.TraceQuery{Start: start, Limit: searched})
	if err != nil {
		return t, err
	}
	var found []string
	for i := range list.Traces {
		if strings.HasPrefix(list.Traces[i].ID, strings.ToLower(id)) {
			found = append(found, list.Traces[i].ID)
		}
	}
	switch len(found) {
	case 0:
		return t, missing
	case 1:
		return reader.Trace(ctx, found[0])
	default:
		return t, &fleet.Error{What: fmt.Sprintf("%d traces begin with %s", len(found), id), Hint: "which one? " + strings.Join(found[:min(5, len(found))], ", ")}
	}
}

// prepare lays a trace out.
func prepare(t *fleet.Trace) *loaded {
	l := &loaded{Layout: waterfall.Lay(t), provenance: t.Provenance}
	n := len(l.Rows)
	l.ids, l.errors = make([]string, n), make([]int32, n+1)
	for i := range l.Rows {
		s := l.Rows[i].Span
		l.ids[i] = s.ID + "/" + string(s.Kind) // the two tell spans apart
		l.errors[i+1] = l.errors[i]
		if s.Error {
			l.errors[i+1]++
		}
	}
	l.segments = slices.Clone(l.Path)
	slices.SortStableFunc(l.segments, func(a, b waterfall.Segment) int { return a.Row - b.Row })
	l.first = make([]int32, n+1)
	for _, s := range l.segments {
		l.first[s.Row+1]++
	}
	for i := range n {
		l.first[i+1] += l.first[i]
	}
	l.fold()
	return l
}

// errorsBelow counts the errors below a row.
func (l *loaded) errorsBelow(row int) int {
	return int(l.errors[row+l.Rows[row].Below+1] - l.errors[row+1])
}
