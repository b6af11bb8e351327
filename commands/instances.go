package commands

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

type instancesOptions struct {
	f       *Factory
	service string
}

func newInstances(f *Factory) *cobra.Command {
	o := &instancesOptions{f: f}
	return &cobra.Command{
		Use:   "instances SERVICE",
		Short: "List the instances of a service with the catalog's verdict",
		Long: `List the instances of a service: where they are, what the catalog says of their
health, and what they publish about themselves. With --addr the service may be
left out.

Exit codes: 0 done; 1 the catalog could not be asked; 2 it knows no such service.`,
		Example: `  gctl instances user
  gctl instances user --tag canary -o wide
  gctl instances user -o json --jq '.[] | select(.catalog != "passing") | .address'`,
		Args: func(cmd *cobra.Command, given []string) error {
			if f.Global.Addr != "" || f.Getenv(variable("addr")) != "" {
				return args(0, 1)(cmd, given)
			}
			return args(1, 1)(cmd, given)
		},
		ValidArgsFunction: firstOnly(completeServices(f)),
		RunE: func(cmd *cobra.Command, given []string) error {
			o.service = f.Global.Addr
			if len(given) > 0 {
				o.service = given[0]
			}
			return o.run(cmd.Context())
		},
	}
}

// instanceRow is an instance as JSON.
type instanceRow struct {
	Service string            `json:"service"`
	ID      string            `json:"id"`
	Address string            `json:"address"`
	Catalog fleet.Status      `json:"catalog"`
	Version string            `json:"version"`
	Tags    []string          `json:"tags"`
	Meta    map[string]string `json:"meta"`

	zone string
}

var instanceTable = output.Rows[instanceRow]{
	Columns: []output.Column[instanceRow]{
		{Name: "SERVICE", Wide: true, Cell: func(r instanceRow) output.Cell { return output.Text(r.Service) }},
		{Name: "ID", Cell: func(r instanceRow) output.Cell { return output.Text(r.ID) }},
		{Name: "ADDRESS", Cell: func(r instanceRow) output.Cell { return output.Text(r.Address) }},
		{Name: "CATALOG", Cell: func(r instanceRow) output.Cell { return statusCell(r.Catalog) }},
		{Name: "VERSION", Cell: func(r instanceRow) output.Cell { return output.Text(r.Version) }},
		{Name: "ZONE", Wide: true, Cell: func(r instanceRow) output.Cell { return output.Text(r.zone) }},
		{Name: "TAGS", Cell: func(r instanceRow) output.Cell { return output.Text(strings.Join(r.Tags, ",")) }},
		{Name: "META", Wide: true, Cell: func(r instanceRow) output.Cell { return output.Text(pairs(r.Meta)) }},
	},
	Key: func(r instanceRow) string { return r.ID },
}

func (o *instancesOptions) run(ctx context.Context) error {
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	list, err := listInstances(ctx, o.f, o.service)
	if err != nil {
		return err
	}
	rows := make([]instanceRow, 0, len(list.Instances))
	for _, in := range list.Instances {
		rows = append(rows, newInstanceRow(in))
	}
	noteUnchecked(o.f)
	return instanceTable.Print(p, rows, nil)
}

func newInstanceRow(in fleet.Instance) instanceRow {
	meta := in.Meta
	if meta == nil {
		meta = map[string]string{}
	}
	return instanceRow{
		Service: in.Service, ID: in.ID, Address: in.Addr, Catalog: in.Catalog,
		Version: in.Version, Tags: orEmpty(in.Tags), Meta: meta, zone: in.Zone,
	}
}
