package fleet_test

import (
	"math"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

func TestObjectives(t *testing.T) {
	recent := &fleet.RED{Service: "user", ErrorRatio: 0.004, Window: 5 * time.Minute}
	s := fleet.NewSLO(0.998, 30*24*time.Hour, recent, &fleet.RED{ErrorRatio: 0.0005})
	if math.Abs(s.BurnRate-2) > 1e-9 || math.Abs(s.BudgetLeft-.75) > 1e-9 || s.BurnWindow != 5*time.Minute || len(s.Unknown) != 0 || s.Service != "user" {
		t.Errorf("%+v", s)
	}
	if s := fleet.NewSLO(0.999, time.Hour, recent, &fleet.RED{ErrorRatio: 0.003}); math.Abs(s.BudgetLeft+2) > 1e-9 {
		t.Errorf("overspent: %+v", s)
	}
	s = fleet.NewSLO(0.999, time.Hour, &fleet.RED{ErrorRatio: math.NaN()}, nil)
	if !math.IsNaN(s.BurnRate) || !math.IsNaN(s.BudgetLeft) || len(s.Unknown) != 2 {
		t.Errorf("unknown: %+v", s)
	}
}

func TestDependencies(t *testing.T) {
	edges := fleet.Dependencies([]fleet.RED{
		{Service: "user", Caller: "edge", Side: fleet.ClientSide, Rate: 3},
		{Service: "user", Caller: "edge", Side: fleet.ClientSide, Method: "a.B/C"},
		{Service: "user", Caller: "edge", Side: fleet.ClientSide, Instance: "user-1"},
		{Service: "user", Side: fleet.ClientSide},
		{Service: "user", Caller: "edge", Side: fleet.ServerSide},
	})
	if len(edges) != 2 || edges[0].Caller != "edge" || edges[0].Callee != "user" || edges[0].RED.Rate != 3 || edges[1].Method != "a.B/C" {
		t.Errorf("%+v", edges)
	}
}
