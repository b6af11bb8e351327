package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

type servicesOptions struct {
	f     *Factory
	names []string
}

func newServices(f *Factory) *cobra.Command {
	o := &servicesOptions{f: f}
	return &cobra.Command{
		Use:   "services [NAME...]",
		Short: "List the services of the catalog with the health of their instances",
		Long: `List the services of the catalog and how many of their instances are passing,
warning, critical or in maintenance. That is the catalog's verdict.

Exit codes: 0 done; 1 the catalog could not be asked; 2 it knows no such service.`,
		Example: `  gctl services
  gctl services user billing
  gctl services --tag canary -o wide
  gctl services -o json --jq '.[] | select(.critical > 0) | .name'`,
		ValidArgsFunction: completeServices(f),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.names = args
			return o.run(cmd.Context())
		},
	}
}

// serviceRow is a service as JSON.
type serviceRow struct {
	Name        string   `json:"name"`
	Instances   int      `json:"instances"`
	Passing     int      `json:"passing"`
	Warning     int      `json:"warning"`
	Critical    int      `json:"critical"`
	Maintenance int      `json:"maintenance"`
	Tags        []string `json:"tags"`

	meta map[string]string
}

var serviceTable = output.Rows[serviceRow]{
	Columns: []output.Column[serviceRow]{
		{Name: "NAME", Cell: func(r serviceRow) output.Cell { return output.Text(r.Name) }},
		{Name: "INSTANCES", Right: true, Cell: func(r serviceRow) output.Cell { return output.Int(r.Instances) }},
		{Name: "PASSING", Right: true, Cell: func(r serviceRow) output.Cell { return output.Count(r.Passing, output.Good) }},
		{Name: "WARNING", Right: true, Cell: func(r serviceRow) output.Cell { return output.Count(r.Warning, output.Caution) }},
		{Name: "CRITICAL", Right: true, Cell: func(r serviceRow) output.Cell { return output.Count(r.Critical, output.Bad) }},
		{Name: "MAINTENANCE", Right: true, Cell: func(r serviceRow) output.Cell { return output.Count(r.Maintenance, output.Caution) }},
		{Name: "TAGS", Cell: func(r serviceRow) output.Cell { return output.Text(strings.Join(r.Tags, ",")) }},
		{Name: "META", Wide: true, Cell: func(r serviceRow) output.Cell { return output.Text(pairs(r.meta)) }},
	},
	Key: func(r serviceRow) string { return r.Name },
}

func (o *servicesOptions) run(ctx context.Context) error {
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	list, err := listServices(ctx, o.f)
	if err != nil {
		return err
	}
	if err := checkServices(o.f, list, o.names); err != nil {
		return err
	}
	rows := make([]serviceRow, 0, len(list.Services))
	for _, s := range list.Services {
		if len(o.names) == 0 || slices.Contains(o.names, s.Name) {
			rows = append(rows, newServiceRow(s))
		}
	}
	if len(rows) == 0 && !list.Hidden {
		o.f.Notef("note: the catalog lists no services%s", filtered(o.f))
	}
	noteUnchecked(o.f)
	return serviceTable.Print(p, rows, nil)
}

func newServiceRow(s fleet.Service) serviceRow {
	return serviceRow{
		Name: s.Name, Instances: s.Instances, Passing: s.Passing, Warning: s.Warning,
		Critical: s.Critical, Maintenance: s.Maintenance, Tags: orEmpty(s.Tags), meta: s.Meta,
	}
}
