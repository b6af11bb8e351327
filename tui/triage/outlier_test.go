package triage_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/triage"
)

// counted is a service whose instances have these ratios of errors and p99.
func counted(side fleet.Side, of ...[2]float64) *fleet.ServiceFacts {
	s := facts(len(of), nil, fleet.Serving, fleet.Serving, fleet.Serving, fleet.Serving)
	for i, v := range of {
		s.REDs = append(s.REDs, &fleet.RED{Service: "user", Instance: fmt.Sprintf("user-%d", i+1), Side: side, Rate: 1, ErrorRatio: v[0], P99: v[1], Bound: 10})
	}
	return s
}

func TestAnInstanceThatStandsOut(t *testing.T) {
	usual := [2]float64{0, .004}
	nan := math.NaN()
	// over is a service of which so many calls of the last instance were counted in a
	// minute.
	over := func(calls float64, s *fleet.ServiceFacts) *fleet.ServiceFacts {
		for _, r := range s.REDs {
			r.Window = time.Minute
		}
		s.REDs[len(s.REDs)-1].Rate = calls / 60
		return s
	}
	for _, c := range []struct {
		name  string
		facts *fleet.ServiceFacts
		want  string
	}{
		{"one call that failed is no outlier", over(1, counted(fleet.ServerSide, usual, usual, [2]float64{1, .9})), "ok "},
		{"nor are a few", over(19, counted(fleet.ServerSide, usual, usual, [2]float64{1, .9})), "ok "},
		{"many are", over(21, counted(fleet.ServerSide, usual, usual, [2]float64{1, .9})), "degraded user-3 errors 100%"},
		{"all alike", counted(fleet.ServerSide, usual, usual, usual), "ok "},
		{"one is slow", counted(fleet.ServerSide, usual, usual, [2]float64{0, .9}), "degraded user-3 p99 ×225"},
		{"slower than the largest bucket", counted(fleet.ServerSide, usual, usual, [2]float64{0, math.Inf(1)}), "degraded user-3 p99 ×999+"},
		{"as its callers count", counted(fleet.ClientSide, usual, [2]float64{0, .9}, usual), "degraded user-2 p99 ×225"},
		{"slower, but fast", counted(fleet.ServerSide, usual, usual, [2]float64{0, .04}), "ok "},
		{"one fails", counted(fleet.ServerSide, usual, [2]float64{.6, .004}, usual), "degraded user-2 errors 60%"},
		{"all fail", counted(fleet.ServerSide, [2]float64{.6, .004}, [2]float64{.6, .004}, [2]float64{.7, .004}), "ok "},
		{"two of four", counted(fleet.ServerSide, usual, usual, [2]float64{.6, .004}, [2]float64{0, .9}), "degraded 2 instances apart, user-3 errors 60%"},
		{"of two nobody knows which is odd", counted(fleet.ServerSide, usual, [2]float64{.6, .9}), "ok "},
		{"numbers that are none", counted(fleet.ServerSide, [2]float64{nan, nan}, [2]float64{nan, nan}, [2]float64{nan, nan}), "ok "},
	} {
		none := history.NoTrend()
		s := triage.Judge(c.facts, triage.Breakers{}, &none)
		if got := s.Verdict.String() + " " + s.Why; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
