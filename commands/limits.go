package commands

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

func newLimits(f *Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "limits [SERVICE]",
		Short: "List what instances accept: rates and concurrency",
		Long: `List the rate and concurrency limits of the instances of a service, or of all
instances of the catalog that say where their control API is.

Exit codes: 0 done; 1 nobody could be asked; 2 an unknown service.`,
		Example: `  gctl limits user
  gctl limits -o json --jq '.[] | select(.rejected > 0)'
  gctl limits set rate/default --service user --rate 50 --ttl 10m`,
		Args:              limitsArgs,
		ValidArgsFunction: firstOnly(completeServices(f)),
		RunE:              func(cmd *cobra.Command, given []string) error { return runLimits(cmd.Context(), f, given) },
	}
	cmd.AddCommand(newLimitsSet(f), newLimitsRelease(f))
	return cmd
}

// limitsArgs checks the arguments of a command that lists and has others below it.
func limitsArgs(cmd *cobra.Command, given []string) error { return args(0, 1)(cmd, given) }

// limitRow is a limit as JSON.
type limitRow struct {
	Service        string          `json:"service"`
	Instance       string          `json:"instance"`
	Name           string          `json:"name"`
	Kind           fleet.LimitKind `json:"kind"`
	Methods        string          `json:"methods"`
	Rate           float64         `json:"rate"`
	Burst          int64           `json:"burst"`
	MinConcurrency int64           `json:"min_concurrency"`
	MaxConcurrency int64           `json:"max_concurrency"`
	Shadow         bool            `json:"shadow"`
	Current        int64           `json:"current"`
	InFlight       int64           `json:"in_flight"`
	Admitted       int64           `json:"admitted"`
	Rejected       int64           `json:"rejected"`
	Changed        bool            `json:"changed"`
	Expires        *time.Time      `json:"expires"`
	Reason         string          `json:"reason"`
	Source         string          `json:"source"`
}

var limitTable = output.Rows[limitRow]{
	Columns: []output.Column[limitRow]{
		{Name: "INSTANCE", Cell: func(r limitRow) output.Cell { return output.Text(r.Instance) }},
		{Name: "NAME", Cell: func(r limitRow) output.Cell { return output.Text(r.Name) }},
		{Name: "METHODS", Wide: true, Cell: func(r limitRow) output.Cell { return output.Text(r.Methods) }},
		{Name: "LIMIT", Cell: limitCell},
		{Name: "NOW", Right: true, Cell: func(r limitRow) output.Cell {
			if r.Kind == fleet.RateLimit {
				return output.Cell{}
			}
			return output.Text(strconv.FormatInt(r.InFlight, 10) + "/" + strconv.FormatInt(r.Current, 10))
		}},
		{Name: "ADMITTED", Right: true, Cell: func(r limitRow) output.Cell { return output.Text(strconv.FormatInt(r.Admitted, 10)) }},
		{Name: "REJECTED", Right: true, Cell: func(r limitRow) output.Cell { return output.Count(int(r.Rejected), output.Caution) }},
		{Name: "ENDS", Cell: func(r limitRow) output.Cell { return timeCell(r.Expires) }},
		{Name: "REASON", Wide: true, Cell: func(r limitRow) output.Cell { return output.Text(r.Reason) }},
		{Name: "SOURCE", Wide: true, Cell: func(r limitRow) output.Cell { return output.Text(r.Source) }},
	},
	Key: func(r limitRow) string { return r.Name },
}

func limitCell(r limitRow) output.Cell {
	text := strconv.FormatFloat(r.Rate, 'g', -1, 64) + "/s, burst " + strconv.FormatInt(r.Burst, 10)
	if r.Kind != fleet.RateLimit {
		text = strconv.FormatInt(r.MinConcurrency, 10) + " to " + strconv.FormatInt(r.MaxConcurrency, 10) + " at once"
	}
	if r.Shadow {
		text += ", shadow"
	}
	c := output.Text(text)
	if r.Changed {
		c.Text, c.Style = text+", changed", output.Caution
	}
	return c
}

func runLimits(ctx context.Context, f *Factory, given []string) error {
	p, err := f.Printer()
	if err != nil {
		return err
	}
	service := ""
	if len(given) > 0 {
		service = given[0]
	}
	instances, err := operable(ctx, f, service)
	if err != nil {
		return err
	}
	limits, changes, errs := readLimits(ctx, f, instances)
	noteMissing(f, instances, errs)
	rows := []limitRow{}
	var names []string
	for i := range limits {
		for j := range limits[i] {
			rows = append(rows, newLimitRow(&limits[i][j], &changes[i]))
			names = append(names, limits[i][j].Name)
		}
	}
	rememberResources(f, limitNames, names)
	if told := countNil(errs); len(rows) == 0 && told > 0 {
		f.Notef("note: no limits in %s that could be asked", plural(told, "instance"))
	}
	if err := limitTable.Print(p, rows, nil); err != nil {
		return err
	}
	return noneAnswered(errs)
}

func readLimits(ctx context.Context, f *Factory, instances []fleet.Instance) (limits [][]fleet.Limit, changes []fleet.ChangeList, errs []error) {
	limits, changes = make([][]fleet.Limit, len(instances)), make([]fleet.ChangeList, len(instances))
	errs = eachController(ctx, f, instances, func(ctx context.Context, i int, c fleet.Controller) (err error) {
		if limits[i], err = c.Limits(ctx); err == nil {
			changes[i], err = c.Changes(ctx)
		}
		return err
	})
	return limits, changes, errs
}

func newLimitRow(l *fleet.Limit, changes *fleet.ChangeList) limitRow {
	row := limitRow{
		Service: l.Instance.Service, Instance: l.Instance.ID, Name: l.Name, Kind: l.Kind, Methods: l.Methods,
		Rate: l.Settings.Rate, Burst: l.Settings.Burst, Shadow: l.Settings.Shadow,
		MinConcurrency: l.Settings.MinConcurrency, MaxConcurrency: l.Settings.MaxConcurrency,
		Current: l.Current, InFlight: l.InFlight, Admitted: l.Admitted, Rejected: l.Rejected, Source: l.Provenance.Source,
	}
	if now, ok := changes.Find(fleet.ResourceLimit + l.Name); ok {
		row.Changed, row.Expires, row.Reason = true, timeOrNil(now.Expires), now.Reason
	}
	return row
}

func countNil(errs []error) (n int) {
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}
