package fleet

import (
	"math"
	"time"
)

// NewSLO says how a service stands to its objective, a share of calls. recent are
// the calls of a short window, whose errors give the burn rate; whole are those of
// the objective's window, whose errors have used the budget, nil where nobody
// knows them.
//
// The formulas are those of the SRE workbook, chapter 5
// (https://sre.google/workbook/alerting-on-slos/).
func NewSLO(objective float64, window time.Duration, recent, whole *RED) SLO {
	s := SLO{
		Service: recent.Service, Objective: objective, Window: window, BudgetLeft: math.NaN(), BurnRate: math.NaN(),
		BurnWindow: recent.Window, Provenance: recent.Provenance,
	}
	allowed := 1 - objective
	if s.BurnRate = recent.ErrorRatio / allowed; math.IsNaN(s.BurnRate) {
		s.Unknown = append(s.Unknown, "burn_rate: the error ratio of the last "+recent.Window.String()+" is unknown")
	}
	if whole != nil {
		s.BudgetLeft = 1 - whole.ErrorRatio/allowed
	}
	if math.IsNaN(s.BudgetLeft) {
		s.Unknown = append(s.Unknown, "budget_left: the error ratio of the last "+window.String()+" is unknown")
	}
	return s
}

// Dependencies are the edges that the calls of the client's side show: each caller
// with each callee, and with each method where the REDs are split by it. Rows
// without a known caller are no edge.
func Dependencies(clients []RED) []Dependency {
	var edges []Dependency
	for i := range clients {
		r := &clients[i]
		if r.Side == ClientSide && r.Caller != "" && r.Instance == "" {
			edges = append(edges, Dependency{Caller: r.Caller, Callee: r.Service, Method: r.Method, RED: *r, Provenance: r.Provenance})
		}
	}
	return edges
}
