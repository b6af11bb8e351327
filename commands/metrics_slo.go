package commands

import (
	"context"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/output"
)

// sloRow is how a service stands to its objective, as JSON.
type sloRow struct {
	Objective  float64  `json:"objective"`
	Window     string   `json:"window"`
	BudgetLeft *float64 `json:"budget_left"`
	BurnRate   *float64 `json:"burn_rate"`
}

// objectives adds to the rows of whole services how they stand to the objectives
// of the context.
func (o *metricsOptions) objectives(ctx context.Context, source MetricsSource, q *fleet.REDQuery, reds []fleet.RED, rows []redRow) {
	c, err := o.f.Context()
	if err != nil || len(q.By) > 0 {
		return
	}
	for i := range reds {
		stated, ok := c.SLO[reds[i].Service]
		if !ok {
			continue
		}
		ratio, err := stated.Ratio()
		if err != nil {
			continue // the context was checked
		}
		window, err := stated.Span()
		if err != nil {
			continue
		}
		slo := fleet.NewSLO(ratio, window, &reds[i], wholeWindow(ctx, o.f, source, q, reds[i].Service, window))
		rows[i].SLO = &sloRow{Objective: ratio, Window: span(window), BudgetLeft: known(slo.BudgetLeft), BurnRate: known(slo.BurnRate)}
		rows[i].Unknown = append(rows[i].Unknown, slo.Unknown...)
	}
}

// wholeWindow are the calls of the objective's window, as far as the source goes
// back; nil where it has no past.
func wholeWindow(ctx context.Context, f *Factory, source MetricsSource, q *fleet.REDQuery, service string, window time.Duration) *fleet.RED {
	if !source.History {
		return nil
	}
	whole := *q
	whole.Service, whole.Window, whole.CallsOnly = service, window, true
	list, err := source.Reader.RED(ctx, whole)
	if err != nil {
		f.Notef("note: the budget of %s is unknown: %v", service, err)
		return nil
	}
	for i := range list.REDs {
		if list.REDs[i].Service == service {
			return &list.REDs[i]
		}
	}
	return nil
}

func budgetCell(r redRow) output.Cell {
	if r.SLO == nil || r.SLO.BudgetLeft == nil {
		return output.Cell{}
	}
	c := output.Text(significant(*r.SLO.BudgetLeft*100) + "%")
	switch {
	case *r.SLO.BudgetLeft <= 0:
		c.Style = output.Bad
	case *r.SLO.BudgetLeft < 0.25:
		c.Style = output.Caution
	}
	return c
}

func burnCell(r redRow) output.Cell {
	if r.SLO == nil || r.SLO.BurnRate == nil {
		return output.Cell{}
	}
	c := output.Text(significant(*r.SLO.BurnRate) + "x")
	if *r.SLO.BurnRate > 1 {
		c.Style = output.Bad
	}
	return c
}
