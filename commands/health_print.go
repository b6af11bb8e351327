package commands

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/ops/health"
	"github.com/gctl-dev/gctl/rpc"
)

// healthRow is an answer as JSON.
type healthRow struct {
	Service   string            `json:"service"`
	ID        string            `json:"id"`
	Address   string            `json:"address"`
	Version   string            `json:"version"`
	Name      string            `json:"name"`    // empty is the server as a whole
	Catalog   fleet.Status      `json:"catalog"` // empty with --addr
	GRPC      fleet.HealthState `json:"grpc"`
	Agrees    bool              `json:"agrees"`
	LatencyMS *float64          `json:"latency_ms"` // null without an answer
	Error     string            `json:"error"`

	good bool
}

// healthService is a verdict as JSON.
type healthService struct {
	Service     string `json:"service"`
	Healthy     bool   `json:"healthy"`
	Serving     int    `json:"serving"`
	Counted     int    `json:"counted"`
	Maintenance int    `json:"maintenance"`
	Wanted      int    `json:"wanted"`
}

// healthDoc is the whole answer as JSON.
type healthDoc struct {
	Healthy   bool            `json:"healthy"`
	Services  []healthService `json:"services"`
	Instances []healthRow     `json:"instances"`
}

func newHealthRow(h *fleet.Health, rule health.Rule) healthRow {
	row := healthRow{
		Service: h.Instance.Service, ID: h.Instance.ID, Address: h.Instance.Addr, Version: h.Instance.Version, Name: h.Name,
		Catalog: h.Instance.Catalog, GRPC: h.State, Agrees: h.Agrees(), Error: inShort(h.Err), good: rule.Good(h),
	}
	if h.Latency > 0 {
		took := ms(h.Latency)
		row.LatencyMS = &took
	}
	return row
}

// inShort is an error in a row that names the instance already.
func inShort(err error) string {
	if err == nil {
		return ""
	}
	if ce, ok := errors.AsType[*rpc.ConnectError](err); ok {
		return ce.What
	}
	e, ok := errors.AsType[*fleet.Error](err)
	switch {
	case !ok:
		return err.Error()
	case e.Err == nil:
		return e.What
	default:
		return e.What + ": " + e.Err.Error()
	}
}

// note is what else there is to say in the last column.
func (r healthRow) note() output.Cell {
	c := output.Text(r.Error)
	switch {
	case r.Catalog == fleet.Maintenance:
		c.Text, c.Style = joined("in maintenance, not counted", r.Error), output.Faint
	case !r.Agrees:
		c.Text, c.Style = joined("disagrees", r.Error), output.Caution
	}
	return c
}

func joined(a, b string) string {
	if b == "" {
		return a
	}
	return a + "; " + b
}

func (r healthRow) catalog() output.Cell {
	if r.Catalog == "" {
		return output.Text("")
	}
	return statusCell(r.Catalog)
}

func (r healthRow) state() output.Cell {
	c := output.Text(string(r.GRPC))
	switch {
	case r.good:
		c.Style = output.Good
	case r.GRPC == fleet.Unimplemented, r.GRPC == fleet.UnknownHealth, r.GRPC == fleet.Serving:
		c.Style = output.Caution
	default:
		c.Style = output.Bad
	}
	return c
}

// healthTable has a column for names only where one was asked about.
func healthTable(names bool) output.Rows[healthRow] {
	t := output.Rows[healthRow]{
		Columns: []output.Column[healthRow]{
			{Name: "SERVICE", Cell: func(r healthRow) output.Cell { return output.Text(r.Service) }},
			{Name: "ID", Cell: func(r healthRow) output.Cell { return output.Text(r.ID) }},
			{Name: "ADDRESS", Wide: true, Cell: func(r healthRow) output.Cell { return output.Text(r.Address) }},
			{Name: "VERSION", Wide: true, Cell: func(r healthRow) output.Cell { return output.Text(r.Version) }},
			{Name: "NAME", Cell: func(r healthRow) output.Cell { return output.Text(r.Name) }},
			{Name: "CATALOG", Cell: healthRow.catalog},
			{Name: "GRPC", Cell: healthRow.state},
			{Name: "MS", Right: true, Cell: func(r healthRow) output.Cell {
				if r.LatencyMS == nil {
					return output.Text("")
				}
				return output.Text(formatMS(*r.LatencyMS))
			}},
			{Name: "NOTE", Cell: healthRow.note},
		},
		Key: func(r healthRow) string { return r.ID },
	}
	if !names {
		t.Columns = slices.DeleteFunc(t.Columns, func(c output.Column[healthRow]) bool { return c.Name == "NAME" })
	}
	return t
}

func (o *healthOptions) print(p *output.Printer, r *healthReport) error {
	var answers []fleet.Health
	doc := healthDoc{Healthy: r.healthy(), Services: []healthService{}, Instances: []healthRow{}}
	for i := range r.services {
		answers = append(answers, r.services[i].answers...)
		v := r.services[i].verdict
		doc.Services = append(doc.Services, healthService{v.Service, v.Healthy, v.Serving, v.Counted, v.Maintenance, v.Wanted})
	}
	o.rule.Worst(answers)
	for i := range answers {
		doc.Instances = append(doc.Instances, newHealthRow(&answers[i], o.rule))
	}
	return healthTable(o.list || len(o.names) > 0).Print(p, doc.Instances, doc)
}

// note says what the table does not show.
func (r *healthReport) note(o *healthOptions) {
	if len(r.foreign) > 0 {
		o.f.Notef("note: left out, since it speaks no gRPC: %s", some(r.foreign, 5))
	}
	if len(r.empty) > 0 {
		o.f.Notef("note: without instances%s: %s", filtered(o.f), some(r.empty, 5))
	}
}

// verdict is the end of the command: nothing, or why the answer is no.
func (r *healthReport) verdict(o *healthOptions) error {
	serving, counted := 0, 0
	var bad []health.Verdict
	for i := range r.services {
		v := r.services[i].verdict
		serving, counted = serving+v.Serving, counted+v.Counted
		if !v.Healthy {
			bad = append(bad, v)
		}
	}
	if len(r.services) == 0 {
		return &fleet.Error{Kind: fleet.Negative, What: "the catalog has no gRPC service" + filtered(o.f), Hint: "gctl services lists what there is"}
	}
	if n := r.disagreeing(); n > 0 {
		o.f.Notef("warning: the catalog says otherwise of %s", plural(n, "instance"))
	}
	if len(bad) == 0 {
		o.f.Notef("healthy: %d of %d instances serve", serving, counted)
		return nil
	}
	e := &fleet.Error{Kind: fleet.Negative, What: bad[0].Service + " is not healthy: " + bad[0].String()}
	if len(bad) > 1 {
		e.What = fmt.Sprintf("%d of %d services are not healthy", len(bad), len(r.services))
		for _, v := range bad {
			e.Details = append(e.Details, v.Service+": "+v.String())
		}
		if len(e.Details) > 10 {
			e.Details = append(e.Details[:10], fmt.Sprintf("and %d more", len(bad)-10))
		}
	}
	e.Hint = r.hint(o)
	return e
}

func (r *healthReport) disagreeing() int {
	seen := map[string]bool{}
	for i := range r.services {
		for j := range r.services[i].answers {
			if h := &r.services[i].answers[j]; !h.Agrees() {
				seen[h.Instance.Service+"\x00"+h.Instance.ID] = true
			}
		}
	}
	return len(seen)
}

// hint tells what to do about the worst answer.
func (r *healthReport) hint(o *healthOptions) string {
	var bad []fleet.Health
	for i := range r.services {
		if !r.services[i].verdict.Healthy {
			bad = append(bad, r.services[i].answers...)
		}
	}
	o.rule.Worst(bad)
	if len(bad) == 0 {
		return `"gctl services" lists what the catalog knows`
	}
	for i := range bad {
		h := &bad[i]
		if o.rule.Good(h) || h.Instance.Catalog == fleet.Maintenance {
			continue
		}
		if h.State == fleet.Unimplemented && h.Name == "" {
			return "--unimplemented=ok counts instances without a health service as serving"
		}
		if e, ok := errors.AsType[*fleet.Error](h.Err); ok && e.Hint != "" {
			return h.Instance.ID + ": " + e.Hint
		}
		if h.State == fleet.NotServing && h.Instance.Catalog == fleet.Passing {
			return h.Instance.ID + ` says so itself: "gctl actions" lists what was changed from here, gctl release ` + term.Quote(h.Instance.ID) + " ends a quarantine"
		}
		return "gctl explain " + term.Quote(h.Instance.Addr) + " looks closer"
	}
	return ""
}
