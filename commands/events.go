package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/state/recording"
)

const eventsLong = `Show what changed when: instances that came or went, verdicts, health, breakers,
versions, sources of gctl that failed. An event has happened at its time where
somebody told it, and was noticed at its time where gctl only saw that it had
changed.

The past comes from what "gctl record" keeps, and the starts of processes from
Prometheus; without one, the last start of each from its own /metrics. What nobody
recorded is not known, and is said. --watch shows what changes from now on, and the
past before it where --since asks for it.

A line of -o json: {"at","event","service","instance","subject","from","to",
"exact","source"}.

Exit codes: 0 done; 1 nothing is known of the past, or the catalog could not be
asked; 2 wrong usage or an unknown service; 130 interrupted, which is how
--watch ends.`

type eventsOptions struct {
	f       *Factory
	service string
	dir     string
	since   time.Duration
	until   time.Duration
	watch   bool
}

func newEvents(f *Factory) *cobra.Command {
	o := &eventsOptions{f: f}
	cmd := &cobra.Command{
		Use:   "events [SERVICE]",
		Short: "Show what changed when",
		Long:  eventsLong,
		Example: `  gctl events --since 1h
  gctl events user
  gctl events --watch
  gctl events --watch -o jsonl --jq 'select(.event == "health_changed")'`,
		Args:              args(0, 1),
		ValidArgsFunction: firstOnly(completeServices(f)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) > 0 {
				o.service = given[0]
			}
			return o.run(cmd.Context(), cmd.Flags().Changed("since"))
		},
	}
	flags := cmd.Flags()
	o.since = time.Hour
	flags.Var((*seconds)(&o.since), "since", "how far to look back: this `duration`")
	flags.Var((*seconds)(&o.until), "until", "leave out what is younger than this `duration`")
	flags.StringVar(&o.dir, "dir", "", "read the recording in this `folder`, or file of gctl record export, instead of the context's own")
	watchFlag(flags, &o.watch, "show what changes")
	return cmd
}

// eventRow is an event as JSON.
type eventRow struct {
	At       time.Time       `json:"at"`
	Event    fleet.EventKind `json:"event"`
	Service  string          `json:"service"`
	Instance string          `json:"instance"`
	Subject  string          `json:"subject"`
	From     string          `json:"from"`
	To       string          `json:"to"`
	Exact    bool            `json:"exact"`
	Source   string          `json:"source"`
}

func newEventRow(e fleet.Event) eventRow {
	return eventRow{
		At: e.At.UTC(), Event: e.Kind, Service: e.Service, Instance: e.Instance, Subject: e.Subject,
		From: e.From, To: e.To, Exact: e.Exact, Source: e.Provenance.Source,
	}
}

var eventTable = output.Rows[eventRow]{
	Columns: []output.Column[eventRow]{
		{Name: "WHEN", Cell: func(r eventRow) output.Cell { return output.Time(r.At) }},
		{Name: "TIME", Cell: func(r eventRow) output.Cell {
			if r.Exact {
				return output.Text("happened")
			}
			return output.Cell{Text: "noticed", Style: output.Faint}
		}},
		{Name: "EVENT", Cell: func(r eventRow) output.Cell { return output.Text(string(r.Event)) }},
		{Name: "SERVICE", Cell: func(r eventRow) output.Cell { return output.Text(r.Service) }},
		{Name: "INSTANCE", Cell: func(r eventRow) output.Cell { return output.Text(r.Instance) }},
		{Name: "SUBJECT", Cell: func(r eventRow) output.Cell { return output.Text(r.Subject) }},
		{Name: "FROM", Cell: func(r eventRow) output.Cell { return output.Text(r.From) }},
		{Name: "TO", Cell: func(r eventRow) output.Cell { return output.Cell{Text: r.To, Style: goodness(r.To)} }},
		{Name: "SOURCE", Wide: true, Cell: func(r eventRow) output.Cell { return output.Text(r.Source) }},
	},
	Key: func(r eventRow) string { return string(r.Event) },
}

// goodness is the style of a state that something changed to.
func goodness(state string) output.Style {
	switch state {
	case string(fleet.Passing), string(fleet.Serving), string(fleet.BreakerClosed), string(fleet.SourceFresh):
		return output.Good
	case string(fleet.Warning), string(fleet.Maintenance), string(fleet.BreakerHalfOpen), string(fleet.BreakerThrottling), string(fleet.ForcedClosed):
		return output.Caution
	case string(fleet.Critical), string(fleet.NotServing), string(fleet.Unreachable), string(fleet.TimedOut), string(fleet.BreakerOpen), string(fleet.ForcedOpen), string(fleet.SourceFailing):
		return output.Bad
	default:
		return output.Plain
	}
}

func (o *eventsOptions) run(ctx context.Context, sinceGiven bool) error {
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	if o.watch && o.until > 0 {
		return &fleet.Error{Kind: fleet.Usage, What: "--watch cannot be combined with --until", Hint: "leave out one of them"}
	}
	if o.watch {
		return o.follow(ctx, p, sinceGiven)
	}
	events, err := o.past(ctx)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		if err := o.checkService(ctx); err != nil {
			return err
		}
		o.f.Notef("note: nothing changed in that time, as far as is known")
	}
	return eventTable.Print(p, eventRows(events), nil)
}

func eventRows(events []fleet.Event) []eventRow {
	rows := make([]eventRow, 0, len(events))
	for _, e := range events {
		rows = append(rows, newEventRow(e))
	}
	return rows
}

// checkService tells a service of which nothing is known from one in which nothing
// happened; a catalog that cannot be asked does not matter here.
func (o *eventsOptions) checkService(ctx context.Context) error {
	if o.service == "" {
		return nil
	}
	catalog, err := o.f.Catalog()
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	list, err := catalog.Services(ctx)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	return checkServices(o.f, list, []string{o.service})
}

// recordingDir is where the recording of the selected context is kept.
func recordingDir(f *Factory, dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	scope, err := f.Scope()
	if err != nil {
		return "", err
	}
	dir, err = recording.Dir(f.Getenv, scope)
	if err != nil {
		return "", &fleet.Error{What: "no place for recordings", Err: err, Hint: "set XDG_STATE_HOME, or name one by --dir"}
	}
	return dir, nil
}

// past asks all who know something of the past. That none does is an error; that
// one fails costs its part.
func (o *eventsOptions) past(ctx context.Context) ([]fleet.Event, error) {
	readers, recorded, err := o.readers(ctx)
	if err != nil {
		return nil, err
	}
	now := o.f.Now()
	since, until := now.Add(-o.since), now.Add(-o.until)
	var events []fleet.Event
	known := 0
	for _, r := range readers {
		list, err := r.Events(ctx, o.service, since, until)
		switch {
		case errors.Is(err, fleet.ErrNoHistory):
			continue
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			o.f.Notef("warning: %v", err)
			continue
		}
		known++
		o.noteGaps(list, since, until)
		events = append(events, list.Events...)
	}
	if known == 0 {
		return nil, &fleet.Error{
			What: "nothing is known of the past: it was not recorded",
			Hint: "gctl record keeps what changes from now on; gctl events --watch shows it",
		}
	}
	if !recorded {
		o.f.Notef("note: nothing was recorded; gctl record keeps what changes from now on")
	}
	slices.SortStableFunc(events, func(a, b fleet.Event) int { return a.At.Compare(b.At) })
	return events, nil
}

// recorded opens the recording, if there is one.
func (o *eventsOptions) recorded() (r *recording.Recording, there bool, err error) {
	dir, err := recordingDir(o.f, o.dir)
	if err != nil {
		return nil, false, err
	}
	r, err = recording.Open(dir)
	switch {
	case err == nil:
		return r, true, nil
	case errors.Is(err, fleet.ErrNotFound) && o.dir == "":
		return nil, false, nil
	default:
		return nil, false, &fleet.Error{What: "the recording cannot be read", Err: err, Hint: "gctl record writes one; see gctl record --help"}
	}
}

// readers are the recording, if there is one, and the others who remember something.
func (o *eventsOptions) readers(ctx context.Context) (readers []fleet.EventReader, recorded bool, err error) {
	r, recorded, err := o.recorded()
	if err != nil {
		return nil, false, err
	}
	if recorded {
		readers = append(readers, r)
	}
	if o.f.Past == nil {
		return readers, recorded, nil
	}
	more, err := o.f.Past(ctx)
	if err != nil {
		o.f.Notef("warning: %v", err)
	}
	return append(readers, more...), recorded, nil
}

// noteGaps says of which times nothing is known.
func (o *eventsOptions) noteGaps(list fleet.EventList, since, until time.Time) {
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	if list.From.After(since) {
		o.f.Notef("note: nothing was recorded before %s", stamp(list.From))
	}
	for _, g := range list.Gaps {
		if !g.To.Before(until) {
			o.f.Notef("note: nothing was recorded after %s; gctl record keeps what changes from now on", stamp(g.From))
			continue
		}
		o.f.Notef("note: nothing was recorded from %s to %s", stamp(g.From), stamp(g.To))
	}
	for _, m := range list.Missing {
		o.f.Notef("warning: %s: %v", m.What, m.Err)
	}
}

// printEvent prints one event as it comes.
func printEvent(p *output.Printer, f *Factory, e fleet.Event) error {
	row := newEventRow(e)
	if p.Structured() {
		return p.Value(row)
	}
	how := "noticed"
	if row.Exact {
		how = "happened"
	}
	_, err := fmt.Fprintln(f.Streams.Out, eventLine(row, how))
	return err
}
