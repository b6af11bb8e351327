package traces

import (
	"context"
	"errors"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
)

const (
	// most is how many traces are asked for: sources return them whole.
	most = 300
	// patience is how long an answer may take.
	patience = 30 * time.Second
	// typing is how long a filter must stay the same until it is asked about.
	typing = 300 * time.Millisecond
)

// The kinds of jobs.
const (
	searching = "search"
	narrowing = "narrow"
	arranging = "arrange"
)

// answer is what a search has come to.
type answer struct {
	query fleet.TraceQuery
	list  fleet.TraceList
	known []string // services that the source knows, asked where nothing was found
	err   error
	asked error // why it did not say which services it knows
}

// narrowed is what was found besides, by what a filter asks for.
type narrowed struct {
	by   narrow
	list fleet.TraceList
	err  error
}

// narrow is what of a filter the source can be asked. The newest traces are only
// some of all: that there is no error among them does not say that there is none.
type narrow struct {
	errors bool
	least  time.Duration
}

// narrowOf reads it from a filter.
func narrowOf(filter string) narrow {
	var n narrow
	for word := range strings.FieldsSeq(strings.ToLower(filter)) {
		if column, value, ok := strings.Cut(word, ">"); ok {
			value = strings.TrimPrefix(value, "=")
			d, err := time.ParseDuration(value)
			switch {
			case column == "errors" && value != "":
				n.errors = true
			case column == "dur" && err == nil && d > 0:
				n.least = d
			}
		}
	}
	return n
}

var errNotHere = &fleet.Error{What: "a recording has none", Hint: "if Jaeger still has them: gctl traces --from and --to, or gctl dash without --replay"}

// search asks for the traces of the window.
func (s *Screen) search(look *screen.Look) tea.Cmd {
	s.jobs.Stop(narrowing)
	q := fleet.TraceQuery{Service: s.service, Start: look.Now.Add(-look.Window), End: look.Now, Limit: most}
	s.asked = q
	open := look.Env.Traces
	if open == nil {
		return s.take(&answer{query: q, err: errNotHere}, look)
	}
	return s.jobs.Start(searching, func(ctx context.Context) tea.Msg { return find(ctx, open, q) })
}

func find(ctx context.Context, open func(context.Context) (fleet.TraceReader, error), q fleet.TraceQuery) *answer {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	a := &answer{query: q}
	reader, err := open(ctx)
	if err != nil {
		a.err = silent(ctx, err)
		return a
	}
	if a.list, a.err = reader.SearchTraces(ctx, q); a.err != nil {
		a.err = silent(ctx, a.err)
		return a
	}
	if len(a.list.Traces) == 0 {
		a.known, a.asked = reader.TraceServices(ctx)
	}
	return a
}

var errSilent = &fleet.Error{What: "no answer within " + screen.Span(patience), Hint: "what keeps the traces may be hanging: gctl doctor looks at all backends, ctrl-r asks again"}

// silent is the error, or that there was no answer in time.
func silent(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, error(errSilent)) {
		return cause
	}
	return err
}

// narrowDown asks for what the filter asks for, where the newest are not all.
func (s *Screen) narrowDown(look *screen.Look) tea.Cmd {
	by := narrowOf(s.spec.Filter.Text)
	if by == s.by {
		return nil
	}
	s.jobs.Stop(narrowing)
	s.by, s.besides = by, nil
	if by == (narrow{}) || s.got == nil || s.got.err != nil || !s.got.list.More || look.Env.Traces == nil {
		return nil
	}
	open, q := look.Env.Traces, s.got.query
	q.ErrorsOnly, q.MinDuration = by.errors, by.least
	return s.jobs.Start(narrowing, func(ctx context.Context) tea.Msg {
		timer := time.NewTimer(typing)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		a := find(ctx, open, q)
		return &narrowed{by, a.list, a.err}
	})
}
