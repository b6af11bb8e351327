package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
)

func newDoctor(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check the configuration, the catalog and the way to every service",
		Long: `Check the configuration, the catalog and every instance that it lists: whether it
can be reached, speaks plaintext or TLS, speaks gRPC, and serves reflection and
health; and whether the instances of a service serve the same schema. Then
Prometheus, Jaeger and the control APIs: whether they answer, which services they
have something of, and which of their names no service of the catalog is joined
with. Each trouble comes with what to do about it, and the last line is a first
call to try. Nothing is changed.

A service that does not speak gRPC is no fault, unless the catalog says that it
does.

Exit codes: 0 no fault; 2 wrong usage; 3 a fault was found.`,
		Example: `  gctl doctor
  gctl doctor --context prod
  gctl doctor -o json --jq '.checks[] | select(.state == "fault")'`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd.Context(), f) },
	}
}

// The states of a check. Only a fault makes the fleet unhealthy.
const (
	stateOK          = "ok"
	stateFault       = "fault"
	stateNoGRPC      = "no_grpc"
	stateMaintenance = "maintenance"
	stateUnknown     = "unknown" // the run ended before it was looked at
)

// checkRow is a thing that was checked, as JSON. Instances of one service with
// which the same is the matter share a row.
type checkRow struct {
	Check     string   `json:"check"` // config, catalog, service, prometheus, jaeger, control, names
	Name      string   `json:"name"`
	Instances []string `json:"instances"` // IDs, of a service only
	State     string   `json:"state"`     // ok, fault, no_grpc, maintenance, absent, unknown
	Found     string   `json:"found"`
	Fix       string   `json:"fix"` // what to do, empty if nothing
}

// diagnosis is everything that was found, as JSON.
type diagnosis struct {
	Healthy   bool       `json:"healthy"`
	Checks    []checkRow `json:"checks"`
	FirstCall string     `json:"first_call"`
}

func (d *diagnosis) add(rows ...checkRow) {
	for i := range rows {
		rows[i].Instances = orEmpty(rows[i].Instances)
	}
	d.Checks = append(d.Checks, rows...)
}

func (d *diagnosis) faults() int {
	n := 0
	for _, c := range d.Checks {
		if c.State == stateFault {
			n++
		}
	}
	return n
}

var doctorTable = output.Rows[checkRow]{
	Columns: []output.Column[checkRow]{
		{Name: "CHECK", Cell: func(r checkRow) output.Cell { return output.Text(r.Check) }},
		{Name: "NAME", Cell: func(r checkRow) output.Cell { return output.Text(r.Name) }},
		{Name: "INSTANCES", Cell: func(r checkRow) output.Cell { return output.Text(some(r.Instances, 2)) }},
		{Name: "STATE", Cell: stateCell},
		{Name: "FOUND", Cell: func(r checkRow) output.Cell { return output.Text(r.Found) }},
		{Name: "FIX", Wide: true, Cell: func(r checkRow) output.Cell { return output.Text(r.Fix) }},
	},
	Key: func(r checkRow) string { return r.Name },
}

func stateCell(r checkRow) output.Cell {
	c := output.Text(strings.ReplaceAll(r.State, "_grpc", " gRPC"))
	switch r.State {
	case stateOK:
		c.Style = output.Good
	case stateFault:
		c.Style = output.Bad
	case stateMaintenance, stateUnknown:
		c.Style = output.Caution
	default:
		c.Style = output.Faint
	}
	return c
}

// some lists the first few of the names and how many more there are.
func some(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func runDoctor(ctx context.Context, f *Factory) error {
	p, err := f.Printer()
	if err != nil {
		return err
	}
	d := &diagnosis{}
	cut := examine(ctx, f, d) // what was found until then is told
	faults := d.faults()
	d.Healthy = faults == 0 && cut == nil
	if err := doctorTable.Print(p, d.Checks, d); err != nil {
		return err
	}
	switch p.Format() {
	case "", output.Table, output.Wide:
		printFixes(f, d)
	}
	if cut != nil {
		return cut
	}
	if faults > 0 {
		return &fleet.Error{Kind: fleet.Negative, What: plural(faults, "fault")}
	}
	return nil
}

// printFixes prints under the table what a line of it has no room for: each
// trouble in full with what to do, and the first call to try.
func printFixes(f *Factory, d *diagnosis) {
	out := f.Streams.Out
	for _, c := range d.Checks {
		if c.State != stateFault && c.Fix == "" {
			continue
		}
		name := c.Name
		if len(c.Instances) > 0 {
			name += " (" + some(c.Instances, 5) + ")"
		}
		fmt.Fprintf(out, "\n%s: %s\n", term.CleanLine(name), term.CleanLine(c.Found))
		if c.Fix != "" {
			fmt.Fprintf(out, "  %s\n", term.CleanLine(c.Fix))
		}
	}
	if d.FirstCall != "" {
		fmt.Fprintf(out, "\nfirst call to try:\n  %s\n", term.CleanLine(d.FirstCall))
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// examine fills d: the configuration first, then the catalog, then what the
// catalog lists. It stops where there is nothing to go on with; an error is
// about the run, not about the fleet.
func examine(ctx context.Context, f *Factory, d *diagnosis) error {
	file, err := f.Config()
	if err != nil {
		d.add(failedCheck("config", "configuration", err))
		return nil
	}
	c, err := f.Context()
	if err != nil {
		d.add(failedCheck("config", cmp.Or(f.Global.Context, "current"), err))
		return nil
	}
	row := checkRow{Check: "config", Name: cmp.Or(c.Name, "default"), State: stateOK, Found: "from " + file.Path}
	if c.Name == "" {
		row.Found = "no context chosen in " + file.Path
	}
	d.add(row)
	catalog, err := f.Catalog()
	if err != nil {
		d.add(failedCheck("catalog", catalogName(f, c), err))
		return nil
	}
	list, err := catalog.Services(ctx)
	if err != nil {
		d.add(failedCheck("catalog", catalogName(f, c), err))
		if c.Catalog == "" && f.Global.Addr == "" {
			d.FirstCall = "gctl demo"
		}
		return ctx.Err()
	}
	row = checkRow{Check: "catalog", Name: list.Provenance.Source, State: stateOK}
	instances := 0
	for _, s := range list.Services {
		instances += s.Instances
	}
	row.Found = plural(len(list.Services), "service") + ", " + plural(instances, "instance")
	switch {
	case instances == 0 && !list.Hidden: // one empty service may be meant, all of them hardly
		row.State = stateFault
		row.Found += filtered(f)
		row.Fix = "there is nothing to call: correct the catalog, or choose another context: gctl context list"
	case list.Hidden:
		row.Found += ", others hidden"
		row.Fix = "the token may not read everything: export CONSUL_HTTP_TOKEN=..."
	}
	d.add(row)
	x, err := newExamination(ctx, f, c, catalog)
	if err != nil {
		d.add(failedCheck("config", "how services are reached", err))
		return ctx.Err()
	}
	d.add(x.services(ctx, list.Services)...)
	if f.Global.Addr == "" {
		d.add(x.backends(ctx, list.Services)...)
	}
	d.FirstCall = x.firstCall(ctx)
	return ctx.Err()
}

func catalogName(f *Factory, c config.Context) string {
	switch {
	case f.Global.Addr != "":
		return "--addr"
	case c.Catalog == "":
		return defaultConsul(f)
	default:
		return c.Redacted().Catalog
	}
}

// failedCheck is a row for what could not be had at all.
func failedCheck(check, name string, err error) checkRow {
	row := checkRow{Check: check, Name: name, State: stateFault, Found: err.Error()}
	if e, ok := errors.AsType[*fleet.Error](err); ok {
		row.Fix = strings.TrimRight(strings.TrimSuffix(e.Hint, "gctl doctor looks at all backends"), "; ") // here it is
	}
	return row
}
