package triage_test

import (
	"errors"
	"math"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
	"github.com/gctl-dev/gctl/tui/triage"
)

func TestAnInstanceIsJudgedByItselfAndTheCatalog(t *testing.T) {
	says := func(s fleet.HealthState, err error) *fleet.Health { return &fleet.Health{State: s, Err: err} }
	for _, c := range []struct {
		catalog fleet.Status
		health  *fleet.Health
		verdict triage.Verdict
		word    string
	}{
		{fleet.Passing, says(fleet.Serving, nil), triage.Good, "serving"},
		{fleet.Warning, says(fleet.Serving, nil), triage.Good, "serving"},
		{fleet.Critical, says(fleet.Serving, nil), triage.Warn, "serving"}, // they disagree
		{"", says(fleet.Serving, nil), triage.Warn, "serving"},             // a catalog that says nothing is no good word
		{fleet.Passing, says(fleet.NotServing, nil), triage.Bad, "not serving"},
		{fleet.Passing, says(fleet.Unreachable, errors.New("refused")), triage.Bad, "unreachable"},
		{fleet.Passing, says(fleet.TimedOut, errors.New("late")), triage.Bad, "timeout"},
		{fleet.Passing, says(fleet.Unimplemented, nil), triage.Good, "no health"},
		{fleet.Critical, says(fleet.Unimplemented, nil), triage.Bad, "critical"},
		{fleet.Passing, nil, triage.Unknown, "not asked"},
		{fleet.Critical, nil, triage.Bad, "critical"},
		{fleet.Passing, says(fleet.UnknownHealth, nil), triage.Unknown, "says unknown"},
		{fleet.Passing, says("what?", nil), triage.Unknown, "says unknown"},
		{fleet.Passing, says(fleet.UnknownHealth, errors.New("HTTP/1.1")), triage.Idle, triage.NoGRPC},
		{fleet.Maintenance, says(fleet.NotServing, nil), triage.Idle, "maintenance"}, // on purpose
	} {
		in := &fleet.InstanceFact{Instance: fleet.Instance{Catalog: c.catalog}}
		if v, word := triage.Instance(in, c.health); v != c.verdict || word != c.word {
			t.Errorf("%q, %+v: %v %q, want %v %q", c.catalog, c.health, v, word, c.verdict, c.word)
		}
	}
}

func TestBreakersAreCountedByWhatTheyDo(t *testing.T) {
	for want, list := range map[string][]fleet.Breaker{
		"ok ":                   nil,
		"ok closed":             {{State: fleet.BreakerClosed}},
		"bad 2 open":            {{State: fleet.BreakerOpen}, {State: fleet.BreakerClosed, Override: fleet.ForcedOpen}, {State: fleet.BreakerHalfOpen}},
		"degraded 1 half":       {{State: fleet.BreakerHalfOpen}, {State: fleet.BreakerThrottling}},
		"degraded 1 throttling": {{State: fleet.BreakerThrottling}},
		"degraded 1 flapping":   {{State: fleet.BreakerClosed, Flapping: true}},
		"degraded 1 forced":     {{State: fleet.BreakerOpen, Override: fleet.ForcedClosed}},
		"unknown 1 unknown":     {{State: fleet.BreakerUnknown}, {State: fleet.BreakerClosed}},
	} {
		var n triage.Breakers
		for i := range list {
			n.Add(&list[i])
		}
		if v, text := n.Worst(); v.String()+" "+text != want {
			t.Errorf("%v %q, want %q", v, text, want)
		}
	}
	snap := screentest.Snapshot(t, fleet.Delta{Breakers: []fleet.Breaker{
		{Caller: fleet.Instance{ID: "a-1", Service: "a"}, Name: "1", Target: "c", State: fleet.BreakerOpen},
		{Caller: fleet.Instance{ID: "b-1", Service: "b"}, Name: "2", Target: "c", State: fleet.BreakerClosed},
	}})
	if to := triage.Towards(snap); len(to) != 1 || to["c"].All != 2 || to["c"].Open != 1 {
		t.Errorf("towards: %+v", to)
	}
}

// That there are no breakers is known only from a source that answers.
func TestNoBreakersAreKnownOnlyFromASourceThatAnswers(t *testing.T) {
	for status, want := range map[fleet.SourceStatus]string{
		"": "ok, ", fleet.SourceFresh: "ok, ", fleet.SourceStale: "ok, ", fleet.SourceStarting: "unknown, unknown", fleet.SourceFailing: "unknown, unknown",
	} {
		d := fleet.Delta{Services: []fleet.Service{{Name: "a"}}}
		if status != "" {
			d.Sources = []fleet.SourceState{{Name: fleet.BreakerFeed, Status: status}}
		}
		to := triage.Towards(screentest.Snapshot(t, d))["a"]
		if v, text := to.Worst(); v.String()+", "+text != want {
			t.Errorf("%q: %v %q, want %q", status, v, text, want)
		}
		to.Add(&fleet.Breaker{State: fleet.BreakerClosed})
		if v, text := to.Worst(); v != triage.Good || text != "closed" {
			t.Errorf("%q, with one that is known: %v %q", status, v, text)
		}
	}
}

// facts is a service of n instances with what is said of the first ones.
func facts(n int, red *fleet.RED, states ...fleet.HealthState) *fleet.ServiceFacts {
	s := &fleet.ServiceFacts{Service: fleet.Service{Name: "cart"}}
	for i := range n {
		id := string(rune('a' + i))
		s.Instances = append(s.Instances, &fleet.InstanceFact{Instance: fleet.Instance{ID: id, Catalog: fleet.Passing, Version: "v" + id}})
		if i < len(states) {
			s.Health = append(s.Health, &fleet.Health{Instance: fleet.Instance{ID: id}, State: states[i]})
		}
	}
	if red != nil {
		red.Side = fleet.ServerSide
		s.REDs = append(s.REDs, red)
	}
	return s
}

// usually is a trend of these values, that went on until now.
func usually(errors, p99 float32) *history.Trend {
	t := history.NoTrend()
	for i := range t.Rate {
		t.Rate[i], t.Errors[i], t.P99[i] = 10, errors, p99
	}
	return &t
}

func TestAServiceIsAsBadAsTheWorstThatSpeaksAgainstIt(t *testing.T) {
	none := history.NoTrend()
	serving := []fleet.HealthState{fleet.Serving, fleet.Serving, fleet.Serving}
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		name  string
		facts *fleet.ServiceFacts
		to    triage.Breakers
		trend *history.Trend
		want  string
	}{
		{"well", facts(3, &fleet.RED{ErrorRatio: .001, P99: .02}, serving...), triage.Breakers{}, usually(.001, .02), "ok "},
		{"nobody counts", facts(3, nil, serving...), triage.Breakers{}, &none, "ok "},
		{"numbers that are none", facts(3, &fleet.RED{ErrorRatio: nan, P99: nan}, serving...), triage.Breakers{}, usually(.001, .02), "ok "},
		{"no instances", facts(0, nil), triage.Breakers{}, &none, "unknown no instances"},
		{"not asked", facts(3, nil, fleet.Serving), triage.Breakers{}, &none, "unknown 2 not asked yet"},
		{"one down", facts(3, nil, fleet.NotServing, fleet.Serving, fleet.Serving), triage.Breakers{}, &none, "bad 1 of 3 down"},
		{"all down", facts(2, nil, fleet.NotServing, fleet.Unreachable), triage.Breakers{}, &none, "bad all down"},
		{"some errors, of which nothing is known before", facts(1, &fleet.RED{ErrorRatio: .02}, serving...), triage.Breakers{}, &none, "degraded errors 2%"},
		{"many errors", facts(1, &fleet.RED{ErrorRatio: .3}, serving...), triage.Breakers{}, &none, "bad errors 30%"},
		{"more errors than usual", facts(1, &fleet.RED{ErrorRatio: .041}, serving...), triage.Breakers{}, usually(.001, .02), "degraded errors ×41"},
		{"errors from none", facts(1, &fleet.RED{ErrorRatio: .9}, serving...), triage.Breakers{}, usually(0, .02), "bad errors ×999+"},
		{"as always", facts(1, &fleet.RED{ErrorRatio: .02}, serving...), triage.Breakers{}, usually(.02, .02), "degraded errors 2%"},
		{"slow", facts(1, &fleet.RED{P99: .6}, serving...), triage.Breakers{}, usually(0, .1), "degraded p99 ×6"},
		{"slower than the largest bucket", facts(1, &fleet.RED{P99: inf, Bound: 10}, serving...), triage.Breakers{}, usually(0, .1), "degraded p99 ×100"},
		{"slow, but fast", facts(1, &fleet.RED{P99: .04}, serving...), triage.Breakers{}, usually(0, .001), "ok "},
		{"breakers", facts(1, nil, serving...), triage.Breakers{All: 2, Open: 1}, &none, "bad breakers 1 open"},
		{"breakers half", facts(1, nil, serving...), triage.Breakers{All: 2, HalfOpen: 2}, &none, "degraded breakers 2 half"},
		{"breakers of which nobody tells the state", facts(1, nil, serving...), triage.Breakers{All: 2, Unknown: 1}, &none, "unknown breakers 1 unknown"},
		{"nobody tells of breakers", facts(1, nil, serving...), triage.Breakers{Unheard: true}, &none, "ok "}, // the source is told of
		{"two at once", facts(3, &fleet.RED{ErrorRatio: .084}, fleet.NotServing, fleet.Serving, fleet.NotServing), triage.Breakers{All: 1, HalfOpen: 1}, &none, "bad 2 of 3 down, errors 8%"},
	} {
		s := triage.Judge(c.facts, c.to, c.trend)
		if got := s.Verdict.String() + " " + s.Why; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if (s.Score > 0) != (s.Why != "") || math.IsNaN(s.Score) {
			t.Errorf("%s: the score is %v", c.name, s.Score)
		}
	}
}

// What is taken out on purpose is not down; what the catalog denies is odd.
func TestInMaintenanceAndDenied(t *testing.T) {
	none := history.NoTrend()
	s := facts(2, nil, fleet.NotServing, fleet.Serving)
	s.Instances[0].Catalog = fleet.Maintenance
	if got := triage.Judge(s, triage.Breakers{}, &none); got.Verdict != triage.Good || got.Idle != 1 || got.Serving != 1 || got.Down != 0 || got.Versions != 2 {
		t.Errorf("one in maintenance: %+v", got)
	}
	s.Instances[1].Catalog = fleet.Maintenance
	if got := triage.Judge(s, triage.Breakers{}, &none); got.Verdict != triage.Idle || got.Why != "all in maintenance" {
		t.Errorf("all in maintenance: %+v", got)
	}
	s = facts(1, nil, fleet.Serving)
	s.Instances[0].Catalog = fleet.Critical
	if got := triage.Judge(s, triage.Breakers{}, &none); got.Verdict != triage.Warn || got.Why != "the catalog denies 1" || got.Serving != 1 {
		t.Errorf("denied: %+v", got)
	}
	s = facts(1, nil, fleet.UnknownHealth)
	s.Health[0].Err = errors.New("HTTP/1.1")
	if got := triage.Judge(s, triage.Breakers{}, &none); got.Verdict != triage.Idle || got.Why != "" || got.NoGRPC != 1 {
		t.Errorf("another protocol: %+v", got)
	}
}

// The worse the first: who is all down is before who is down in part, whatever else.
func TestTheScoreOrdersByTrouble(t *testing.T) {
	none := history.NoTrend()
	var last float64
	for _, s := range []*fleet.ServiceFacts{
		facts(3, nil, fleet.Serving, fleet.Serving, fleet.Serving),
		facts(3, nil, fleet.Serving, fleet.Serving),
		facts(1, &fleet.RED{ErrorRatio: .02}, fleet.Serving),
		facts(3, nil, fleet.NotServing, fleet.Serving, fleet.Serving),
		facts(3, nil, fleet.NotServing, fleet.NotServing, fleet.Serving),
		facts(3, nil, fleet.NotServing, fleet.NotServing, fleet.NotServing),
	} {
		got := triage.Judge(s, triage.Breakers{}, &none)
		if got.Score < last || got.Score == last && last > 0 {
			t.Errorf("%q has %v, the one before %v", got.Why, got.Score, last)
		}
		last = got.Score
	}
}

func TestTheHealthOfAServerIsThatWithoutAName(t *testing.T) {
	s := facts(1, nil, fleet.Serving)
	s.Health = append(s.Health, &fleet.Health{Instance: fleet.Instance{ID: "a"}, Name: "cart.v1.Cart", State: fleet.NotServing})
	if h := triage.HealthOf(s, "a"); h == nil || h.State != fleet.Serving {
		t.Errorf("%+v", h)
	}
	if h := triage.HealthOf(s, "b"); h != nil {
		t.Errorf("of nobody: %+v", h)
	}
}
