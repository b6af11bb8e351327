package commands

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

type queryOptions struct {
	f     *Factory
	query string
	at    string
	since time.Duration
	step  time.Duration
}

func newQuery(f *Factory) *cobra.Command {
	o := &queryOptions{f: f}
	cmd := &cobra.Command{
		Use:   "query PROMQL",
		Short: "Ask Prometheus in its own language",
		Long: `Send a PromQL query to the context's Prometheus and print the answer: the values
of this moment, of the moment of --at, or over time with --since.

In JSON a value is a number, or one of the texts "NaN", "+Inf" and "-Inf", which
JSON cannot write as numbers.

Exit codes: 0 done, also where nothing matches; 1 Prometheus could not be asked or
could not answer; 2 the query is wrong, or the usage.`,
		Example: `  gctl query up
  gctl query 'sum by (job) (rate(grpc_server_handled_total[5m]))'
  gctl query 'process_open_fds' --at 2026-03-01T12:00:00Z
  gctl query 'go_goroutines{job="user"}' --since 1h --step 1m -o csv`,
		Args:              args(1, 1),
		ValidArgsFunction: cobra.NoFileCompletions,
		Annotations:       map[string]string{outputs: "table,json,jsonl,yaml,name,wide,csv"},
		RunE: func(cmd *cobra.Command, given []string) error {
			o.query = given[0]
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.at, "at", "", "ask about this `time`: RFC 3339, or a duration ago such as 10m")
	flags.Var((*seconds)(&o.since), "since", "ask for values over time, for the last `duration`")
	flags.Var((*seconds)(&o.step), "step", "with --since, the `duration` between two values (default a sixtieth of it)")
	for _, name := range []string{"at", "since", "step"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

// seriesRow is one series of an answer as JSON: a value with its time, or points.
type seriesRow struct {
	Labels map[string]string `json:"labels"`
	Time   *time.Time        `json:"time,omitempty"`
	Value  any               `json:"value,omitempty"`
	Points []valueRow        `json:"points,omitempty"`

	values []float64
}

type valueRow struct {
	Time  time.Time `json:"time"`
	Value any       `json:"value"`
}

// jsonNumber is a number that JSON may not be able to write.
func jsonNumber(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return promNumber(v)
	}
	return v
}

func promNumber(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func (o *queryOptions) run(ctx context.Context) error {
	at, err := o.moment()
	if err != nil {
		return err
	}
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	querier, err := o.f.Querier(ctx)
	if err != nil {
		return err
	}
	var answer fleet.QueryResult
	if o.since > 0 {
		end := at
		if end.IsZero() {
			end = o.f.Now()
		}
		answer, err = querier.QueryRange(ctx, o.query, end.Add(-o.since), end, o.stepOf())
	} else {
		answer, err = querier.Query(ctx, o.query, at)
	}
	if err != nil {
		return err
	}
	for _, w := range answer.Warnings {
		o.f.Notef("note: prometheus says: %s", w)
	}
	o.f.Evidence(answer.Provenance)
	if len(answer.Series) == 0 {
		o.f.Notef("note: nothing matches the query")
	}
	if p.Format() == output.CSV {
		return printSeries(p, answer.Series)
	}
	table := output.Rows[seriesRow]{Columns: instantColumns(), Key: func(r seriesRow) string { return labelsText(r.Labels) }}
	if o.since > 0 {
		table.Columns = rangeColumns(o.f.trendWidth())
	}
	rows := make([]seriesRow, 0, len(answer.Series))
	for i := range answer.Series {
		rows = append(rows, o.row(&answer.Series[i]))
	}
	return table.Print(p, rows, nil)
}

func (o *queryOptions) stepOf() time.Duration {
	if o.step > 0 {
		return o.step
	}
	return max(time.Second, (o.since / 60).Round(time.Second))
}

// moment reads --at, and refuses what contradicts itself.
func (o *queryOptions) moment() (time.Time, error) {
	switch {
	case o.step > 0 && o.since == 0:
		return time.Time{}, &fleet.Error{Kind: fleet.Usage, What: "--step is for values over time", Hint: "add --since 1h"}
	case o.since > 0 && o.since/o.stepOf() > maxPoints:
		return time.Time{}, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("%s in steps of %s are more than %d values", o.since, o.stepOf(), maxPoints), Hint: "a wider --step"}
	case o.f.Global.Output == string(output.CSV) && o.since == 0:
		return time.Time{}, &fleet.Error{Kind: fleet.Usage, What: "-o csv is for values over time", Hint: "add --since 1h"}
	case o.at == "":
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, o.at); err == nil {
		return t, nil
	}
	var ago seconds
	if err := ago.Set(o.at); err == nil {
		return o.f.Now().Add(-time.Duration(ago)), nil
	}
	return time.Time{}, &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("--at %q is no time", o.at), Hint: "such as 2026-03-01T12:00:00Z, or 10m for ten minutes ago"}
}

// printSeries prints a line for each value of each series.
func printSeries(p *output.Printer, series []fleet.Series) error {
	var records [][]string
	for _, s := range series {
		for _, point := range s.Points {
			records = append(records, []string{point.At.UTC().Format(time.RFC3339), labelsText(s.Labels), promNumber(point.Value)})
		}
	}
	return p.CSV([]string{"time", "series", "value"}, records)
}

func (o *queryOptions) row(s *fleet.Series) seriesRow {
	row := seriesRow{Labels: s.Labels}
	if row.Labels == nil {
		row.Labels = map[string]string{}
	}
	for _, point := range s.Points {
		row.values = append(row.values, point.Value)
		if o.since > 0 {
			row.Points = append(row.Points, valueRow{point.At.UTC(), jsonNumber(point.Value)})
			continue
		}
		at := point.At.UTC()
		row.Time, row.Value = &at, jsonNumber(point.Value)
	}
	return row
}

func instantColumns() []output.Column[seriesRow] {
	return []output.Column[seriesRow]{
		{Name: "SERIES", Cell: func(r seriesRow) output.Cell { return output.Text(labelsText(r.Labels)) }},
		{Name: "VALUE", Right: true, Cell: lastValue},
		{Name: "TIME", Wide: true, Cell: func(r seriesRow) output.Cell {
			if r.Time == nil {
				return output.Cell{}
			}
			return output.Time(*r.Time)
		}},
	}
}

func rangeColumns(width int) []output.Column[seriesRow] {
	number := func(of func([]float64) float64) func(seriesRow) output.Cell {
		return func(r seriesRow) output.Cell {
			if len(r.values) == 0 {
				return output.Cell{}
			}
			return output.Text(shortNumber(of(r.values)))
		}
	}
	return []output.Column[seriesRow]{
		{Name: "SERIES", Cell: func(r seriesRow) output.Cell { return output.Text(labelsText(r.Labels)) }},
		{Name: "MIN", Right: true, Cell: number(slices.Min[[]float64])},
		{Name: "MAX", Right: true, Cell: number(slices.Max[[]float64])},
		{Name: "LAST", Right: true, Cell: lastValue},
		{Name: "TREND", Cell: func(r seriesRow) output.Cell { return output.Text(output.Sparkline(thin(r.values, width))) }},
	}
}

func lastValue(r seriesRow) output.Cell {
	if len(r.values) == 0 {
		return output.Cell{}
	}
	return output.Text(shortNumber(r.values[len(r.values)-1]))
}

// shortNumber is a number with six digits, whole numbers in full.
func shortNumber(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// labelsText writes labels as Prometheus does: name{label="value"}.
func labelsText(labels map[string]string) string {
	var b strings.Builder
	b.WriteString(labels["__name__"])
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != "__name__" {
			pairs = append(pairs, name+"="+strconv.Quote(labels[name]))
		}
	}
	if len(pairs) > 0 || b.Len() == 0 {
		b.WriteString("{" + strings.Join(pairs, ", ") + "}")
	}
	return b.String()
}
