package commands

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/rpc"
)

const explainLong = `Explain why a connection fails, or that it does not: the name, the route, whether
something listens, whether it speaks plaintext or TLS, the certificate and its
name, client certificates, HTTP/2, whether the answer is gRPC, reflection and the
health service. The argument is an address (HOST:PORT) or a service of the
catalog, whose instances are all looked at. The verdict comes within a second;
--connect-timeout gives slow networks more.

No method of yours is called: the health service and the reflection service are
asked.

Exit codes: 0 all is well; 1 the catalog could not be asked; 2 wrong usage or an
unknown service; 3 there is a fault.`

type explainOptions struct {
	f    *Factory
	conn connFlags
}

func newExplain(f *Factory) *cobra.Command {
	o := &explainOptions{f: f}
	cmd := &cobra.Command{
		Use:   "explain ADDR|SERVICE",
		Short: "Find out why a connection fails",
		Long:  explainLong,
		Example: `  gctl explain 127.0.0.1:9090
  gctl explain user
  gctl explain api.example:443 --cacert ca.pem
  gctl explain user -o json --jq '.[] | select(.cause != "") | .address'`,
		Args:              oneOrAddr(f),
		ValidArgsFunction: firstOnly(completeServices(f)),
		RunE: func(cmd *cobra.Command, given []string) error {
			return o.run(cmd.Context(), given)
		},
	}
	o.conn.register(cmd.Flags())
	return cmd
}

// explainRow is a report as JSON.
type explainRow struct {
	Instance   string    `json:"instance"`
	Address    string    `json:"address"`
	Cause      rpc.Cause `json:"cause"` // empty if all is well
	Verdict    string    `json:"verdict"`
	Hint       string    `json:"hint"`
	Speaks     string    `json:"speaks"` // plaintext, tls or empty
	GRPC       bool      `json:"grpc"`
	Reflection bool      `json:"reflection"`
	Health     string    `json:"health"`
	Services   []string  `json:"services"`
	Steps      []stepRow `json:"steps"`
}

type stepRow struct {
	Step   string  `json:"step"`
	OK     bool    `json:"ok"`
	Detail string  `json:"detail"`
	MS     float64 `json:"ms"`
}

var stepTable = output.Rows[stepRow]{
	Columns: []output.Column[stepRow]{
		{Name: "STEP", Cell: func(r stepRow) output.Cell { return output.Text(r.Step) }},
		{Name: "RESULT", Cell: func(r stepRow) output.Cell {
			if r.OK {
				return output.Cell{Text: "ok", Style: output.Good}
			}
			return output.Cell{Text: "fault", Style: output.Bad}
		}},
		{Name: "MS", Right: true, Cell: func(r stepRow) output.Cell { return output.Text(formatMS(r.MS)) }},
		{Name: "DETAIL", Cell: func(r stepRow) output.Cell { return output.Text(r.Detail) }},
	},
	Key: func(r stepRow) string { return r.Step },
}

var explainTable = output.Rows[explainRow]{
	Columns: []output.Column[explainRow]{
		{Name: "INSTANCE", Cell: func(r explainRow) output.Cell { return output.Text(r.Instance) }},
		{Name: "ADDRESS", Cell: func(r explainRow) output.Cell { return output.Text(r.Address) }},
		{Name: "SPEAKS", Cell: func(r explainRow) output.Cell { return output.Text(r.Speaks) }},
		{Name: "REFLECTION", Wide: true, Cell: func(r explainRow) output.Cell { return output.Text(fmt.Sprint(r.Reflection)) }},
		{Name: "HEALTH", Wide: true, Cell: func(r explainRow) output.Cell { return output.Text(r.Health) }},
		{Name: "VERDICT", Cell: func(r explainRow) output.Cell {
			if r.Cause == "" {
				return output.Cell{Text: r.Verdict, Style: output.Good}
			}
			return output.Cell{Text: r.Verdict, Style: output.Bad}
		}},
	},
	Key: func(r explainRow) string { return r.Instance },
}

func (o *explainOptions) run(ctx context.Context, given []string) error {
	if len(given) == 0 {
		if err := o.conn.adjust(&o.f.Global); err != nil {
			return err
		}
	}
	cc, err := o.f.Context()
	if err != nil {
		return err
	}
	opts, err := o.conn.options(&cc)
	if err != nil {
		return err
	}
	if err := opts.Check(); err != nil {
		return err
	}
	headers, err := o.conn.headerSet(ctx, &cc, o.f.Getenv)
	if err != nil {
		return err
	}
	opts.ProbeHeaders = headers.reflect
	p, err := o.f.Printer()
	if err != nil {
		return err
	}
	instances, single, err := o.instances(ctx, given)
	if err != nil {
		return err
	}
	rows := explainAll(ctx, instances, opts)
	t := &target{f: o.f, context: cc}
	for i := range rows {
		if rows[i].Cause == rpc.CausePlainServer {
			rows[i].Hint = t.saveHint()
		}
	}
	if single && !p.Structured() && p.Format() != output.Name {
		err = stepTable.Print(p, rows[0].Steps, nil)
	} else {
		err = explainTable.Print(p, rows, nil)
	}
	if err != nil {
		return err
	}
	return explainVerdict(o.f, rows)
}

// instances finds what is to be explained: the address, or the instances of a
// service.
func (o *explainOptions) instances(ctx context.Context, given []string) (list []fleet.Instance, single bool, err error) {
	name := o.f.Global.Addr
	if len(given) > 0 {
		name = given[0]
		if o.conn.unix && !strings.HasPrefix(name, "unix:") {
			name = "unix:" + name
		}
	}
	if strings.HasPrefix(name, "unix:") {
		return []fleet.Instance{{ID: name, Addr: name}}, true, nil
	}
	if err := checkExplained(name); err != nil {
		return nil, false, err
	}
	if _, _, err := net.SplitHostPort(name); err == nil {
		return []fleet.Instance{{ID: name, Addr: name}}, true, nil
	}
	all, err := listInstances(ctx, o.f, name)
	if err != nil {
		return nil, false, err
	}
	if len(all.Instances) == 0 {
		return nil, false, &fleet.Error{Kind: fleet.Negative, What: name + " has no instances", Hint: "an address has a port: HOST:PORT"}
	}
	return all.Instances, len(all.Instances) == 1, nil
}

// checkExplained refuses what is meant as an address and is none, which would be
// looked for in the catalog.
func checkExplained(name string) error {
	bad := func(hint string) error {
		return &fleet.Error{Kind: fleet.Usage, What: fmt.Sprintf("%q is no address", name), Hint: hint}
	}
	if _, rest, isURL := strings.Cut(name, "://"); isURL {
		host, _, _ := strings.Cut(rest, "/")
		return bad("an address is HOST:PORT: gctl explain " + term.Quote(host))
	}
	if net.ParseIP(strings.Trim(name, "[]")) != nil {
		return bad("an address has a port: gctl explain " + term.Quote(net.JoinHostPort(strings.Trim(name, "[]"), "PORT")))
	}
	if !portPossible(name) {
		return bad("a port is a number from 1 to 65535")
	}
	return nil
}

// explainAtOnce bounds how many instances are examined in parallel.
const explainAtOnce = 32

func explainAll(ctx context.Context, instances []fleet.Instance, o rpc.Options) []explainRow {
	rows := make([]explainRow, len(instances))
	slots := make(chan struct{}, explainAtOnce)
	var all sync.WaitGroup
	for i := range instances {
		slots <- struct{}{}
		all.Go(func() {
			rows[i] = newExplainRow(rpc.Explain(ctx, instances[i], o))
			<-slots
		})
	}
	all.Wait()
	return rows
}

func newExplainRow(r *rpc.Report) explainRow {
	row := explainRow{
		Instance: r.Instance.ID, Address: r.Instance.Addr, Speaks: r.Speaks, GRPC: r.GRPC,
		Reflection: r.Reflection, Health: r.Health, Services: orEmpty(r.Services), Verdict: "all is well",
	}
	for _, s := range r.Steps {
		row.Steps = append(row.Steps, stepRow{Step: s.Name, OK: s.Finding == nil, Detail: s.Detail, MS: ms(s.Took)})
	}
	if f := r.Fault(); f != nil {
		row.Cause, row.Verdict, row.Hint = f.Cause, f.What, f.Hint
	}
	return row
}

// explainVerdict tells the first fault, and how many instances have one.
func explainVerdict(f *Factory, rows []explainRow) error {
	var faults []explainRow
	for i := range rows {
		if rows[i].Cause != "" {
			faults = append(faults, rows[i])
		}
	}
	if len(faults) == 0 {
		f.Notef("all is well")
		return nil
	}
	first := &faults[0]
	e := &fleet.Error{Kind: fleet.Negative, What: first.Address + ": " + first.Verdict, Hint: first.Hint}
	if len(rows) > 1 {
		e.What = fmt.Sprintf("%d of %d instances have a fault; %s", len(faults), len(rows), e.What)
	}
	return e
}
