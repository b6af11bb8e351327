package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

const tracesLong = `Search for traces in the Jaeger of the context, or in what serves its HTTP API, such
as "gctl traces listen". Without a service all of them are searched.

A trace is found if one of its spans is all that was asked for at once: of the
service, with the name, the attributes, the duration, the error, and begun in the
time. The duration in the table is that of the whole trace. What the Jaeger
answers is checked again, since some versions ignore parts of a search.

The service is named as in the catalog; where it has another name in its traces
the context says so: map: {user: {jaeger: users}}.

Exit codes: 0 done, also where nothing was found; 1 Jaeger could not be asked, or
none is known; 2 wrong usage, or a service of which Jaeger has no traces.`

type tracesOptions struct {
	f      *Factory
	query  traceFilter
	sort   string
	limit  int
	answer fleet.TraceList
}

func newTraces(f *Factory) *cobra.Command {
	o := &tracesOptions{f: f}
	cmd := &cobra.Command{
		Use:   "traces [SERVICE]",
		Short: "Search for traces",
		Long:  tracesLong,
		Example: `  gctl traces edge
  gctl traces user --errors --since 15m
  gctl traces user --operation user.v1.UserService/GetUser --min-duration 100ms --sort slowest
  gctl traces user --attr db.system.name=sqlite --attr span.kind=client
  gctl traces edge -o json --jq '.[].trace_id'`,
		Args:              args(0, 1),
		ValidArgsFunction: firstOnly(completeServices(f)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) > 0 {
				o.query.service = given[0]
			}
			return o.run(cmd.Context())
		},
	}
	o.query.register(cmd.Flags())
	cmd.Flags().IntVar(&o.limit, "limit", 20, "show at most this `number` of traces")
	cmd.Flags().StringVar(&o.sort, "sort", "newest", "which `order`: newest, slowest or errors first")
	_ = cmd.RegisterFlagCompletionFunc("operation", completeOperations(f))                                                                                    // the flag is there
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions([]cobra.Completion{"newest", "slowest", "errors"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	cmd.AddCommand(newTracesListen(f))
	return cmd
}

// traceRow is a trace as JSON.
type traceRow struct {
	TraceID    string    `json:"trace_id"`
	Root       string    `json:"root"` // service and name of the root span
	Start      time.Time `json:"start"`
	DurationMS float64   `json:"duration_ms"`
	Spans      int       `json:"spans"`
	Services   []string  `json:"services"`
	Errors     int       `json:"errors"`
}

var traceTable = output.Rows[traceRow]{
	Columns: []output.Column[traceRow]{
		{Name: "TRACE", Cell: func(r traceRow) output.Cell { return output.Text(r.TraceID) }},
		{Name: "START", Cell: func(r traceRow) output.Cell { return output.Time(r.Start) }},
		{Name: "DURATION", Right: true, Cell: func(r traceRow) output.Cell { return output.Text(formatMS(r.DurationMS) + "ms") }},
		{Name: "SPANS", Right: true, Spare: true, Cell: func(r traceRow) output.Cell { return output.Int(r.Spans) }},
		{Name: "ERRORS", Right: true, Cell: func(r traceRow) output.Cell { return output.Count(r.Errors, output.Bad) }},
		{Name: "SERVICES", Cell: func(r traceRow) output.Cell { return output.Text(strings.Join(r.Services, ",")) }},
		{Name: "ROOT", Tail: true, Cell: func(r traceRow) output.Cell { return output.Text(r.Root) }},
	},
	Key: func(r traceRow) string { return r.TraceID },
}

// candidates is how many traces are looked at to find the worst of them.
const candidates = 500

func (o *tracesOptions) run(ctx context.Context) error {
	if !slices.Contains([]string{"newest", "slowest", "errors"}, o.sort) {
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("--sort %q is no order", o.sort), Hint: "newest, slowest or errors"}
	}
	if o.limit < 1 || o.limit > 1000 {
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("--limit %d is not between 1 and 1000", o.limit)}
	}
	names, err := newTraceNames(o.f)
	if err != nil {
		return err
	}
	q, err := o.query.query(o.f.Now())
	if err != nil {
		return err
	}
	q.Service, q.Limit = names.there(q.Service), o.limit
	if o.sort != "newest" {
		q.Limit = max(candidates, o.limit)
	}
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	reader, err := o.f.Traces(ctx)
	if err != nil {
		return err
	}
	if o.answer, err = reader.SearchTraces(ctx, q); err != nil {
		return err
	}
	o.f.Evidence(o.answer.Provenance)
	if len(o.answer.Traces) == 0 {
		if err := o.nothing(ctx, reader, &q, names); err != nil {
			return err
		}
	}
	return traceTable.Print(p, o.rows(names), nil)
}

func (o *tracesOptions) rows(names *traceNames) []traceRow {
	found := o.answer.Traces
	more := o.answer.More
	switch o.sort {
	case "slowest":
		slices.SortStableFunc(found, func(a, b fleet.TraceSummary) int { return cmp.Compare(b.Duration, a.Duration) })
	case "errors":
		slices.SortStableFunc(found, func(a, b fleet.TraceSummary) int { return cmp.Compare(b.Errors, a.Errors) })
	}
	if more && o.sort != "newest" {
		o.f.Notef("note: these are the worst of the last %d; a shorter time or a narrower search looks at all", len(found))
	}
	if len(found) > o.limit {
		found, more = found[:o.limit], true
	}
	if more && o.sort == "newest" {
		o.f.Notef("note: there are more; --limit shows more of them")
	}
	rows := make([]traceRow, 0, len(found))
	for i := range found {
		t := &found[i]
		rows = append(rows, traceRow{
			TraceID: t.ID, Root: names.root(t), Start: t.Start.UTC(), DurationMS: ms(t.Duration), Spans: t.Spans,
			Services: orEmpty(names.all(t.Services)), Errors: t.Errors,
		})
	}
	return rows
}

// nothing says why there may be no traces: a service that the source does not know
// is an error.
func (o *tracesOptions) nothing(ctx context.Context, reader fleet.TraceReader, q *fleet.TraceQuery, names *traceNames) error {
	known, err := reader.TraceServices(ctx)
	if err != nil {
		return err
	}
	where := o.answer.Provenance.Source
	switch {
	case len(known) == 0:
		o.f.Notef("note: %s has no traces at all yet", where)
	case o.answer.More:
		o.f.Notef("note: no trace fits%s among the newest that were looked at, and there are more; a shorter time or an --operation looks at fewer", names.about(o.query.service))
	case q.Service == "" || slices.Contains(known, q.Service):
		o.f.Notef("note: no trace fits%s; a longer time: --since 24h", names.about(o.query.service))
	default:
		e := &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("%s has no traces of %q; it knows %s", where, q.Service, some(known, 12))}
		e.Hint = didYouMean(q.Service, known, "") + fmt.Sprintf("where it has another name there, say so in the context: map: {%s: {jaeger: NAME}}", o.query.service)
		return e
	}
	return nil
}
