package why_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/ops/why"
	"github.com/gctl-dev/gctl/ops/why/whytest"
)

// hang replaces a source by one that opens and then never answers, whatever its
// context says, until the test is over.
type hang struct{ over chan struct{} }

func (h hang) wait() error { <-h.over; return errors.New("too late") }

func open[T any](h hang) why.Open[T] {
	return func(context.Context) (T, error) {
		var none T
		return none, h.wait()
	}
}

// hangings are the sources, each as one that hangs.
func hangings(h hang) map[string]func(*why.Sources) {
	return map[string]func(*why.Sources){
		"catalog":      func(s *why.Sources) { s.Catalog = open[fleet.Catalog](h) },
		"health":       func(s *why.Sources) { s.Health = open[fleet.Prober](h) },
		"metrics":      func(s *why.Sources) { s.Metrics = open[fleet.MetricsReader](h) },
		"breakers":     func(s *why.Sources) { s.Breakers = open[fleet.BreakerReader](h) },
		"traces":       func(s *why.Sources) { s.Traces = open[fleet.TraceReader](h) },
		"dependencies": func(s *why.Sources) { s.Dependencies = open[why.DependencyReader](h) },
		"start times":  func(s *why.Sources) { s.Starts = open[why.StartReader](h) },
		"schemas":      func(s *why.Sources) { s.Schemas = open[why.SchemaReader](h) },
		"control":      func(s *why.Sources) { s.Control = open[why.ControlReader](h) },
		"events":       func(s *why.Sources) { s.Events = open[fleet.EventReader](h) },
	}
}

// One source hangs, and does not even mind its context: the answer comes within
// two seconds, names the fault by what the others say, and says who is missing.
func TestAHangingSourceCostsItsPartOnly(t *testing.T) {
	w := whytest.Complete(whytest.FailingInstance, 1)
	for name := range hangings(hang{}) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := hang{make(chan struct{})}
				defer close(h.over)
				s := w.Sources()
				hangings(h)[name](s)
				begun := time.Now()
				r, _, err := why.Run(t.Context(), s, why.Options{Service: "user", Now: w.Time})
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("it took %s", took)
				}
				if got := stateOf(r, name); got != why.Late {
					t.Errorf("%s is %s, want late: %+v", name, got, r.Sources)
				}
				if len(r.Causes) == 0 {
					t.Error("the others name no cause")
				}
			})
		})
	}
}

func stateOf(r *why.Report, source string) why.SourceState {
	for _, s := range r.Sources {
		if s.Name == source {
			return s.State
		}
	}
	return ""
}

// Instances that hang hold up nobody either: two tries for health, and the rest
// as it comes.
func TestHangingInstancesDoNotHoldUpTheAnswer(t *testing.T) {
	w := whytest.Complete(whytest.Healthy, 1)
	synctest.Test(t, func(t *testing.T) {
		s := w.Sources()
		s.Health = func(context.Context) (fleet.Prober, error) { return hangingProber{}, nil }
		begun := time.Now()
		r, facts, err := why.Run(t.Context(), s, why.Options{Service: "user", Now: w.Time})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
		if facts.Services[0].Instances[0].HealthTries != 2 {
			t.Errorf("asked %d times, want again where no answer came", facts.Services[0].Instances[0].HealthTries)
		}
		_ = r
	})
}

// Where nobody who counts calls has answered, that nothing was found is no good news.
func TestSilenceIsNoGoodNews(t *testing.T) {
	source := func(name string, state why.SourceState) why.SourceFact {
		return why.SourceFact{Name: name, State: state}
	}
	for _, c := range []struct {
		sources []why.SourceFact
		want    bool
	}{
		{[]why.SourceFact{source("metrics", why.Late), source("probe", why.Failed), source("health", why.Answered)}, true},
		{[]why.SourceFact{source("metrics", why.Late), source("probe", why.Partly)}, false},
		{[]why.SourceFact{source("metrics", why.Absent), source("probe", why.Absent), source("health", why.Answered)}, false},
	} {
		r := &why.Report{Healthy: true, Sources: c.sources}
		if got := r.Undecided(); got != c.want {
			t.Errorf("%+v: undecided %v", c.sources, got)
		}
		r.Causes = []why.Cause{{}}
		if r.Undecided() {
			t.Errorf("%+v: a cause was found", c.sources)
		}
	}
}

// youngMetrics are of services that were started some minutes ago and became slow
// seconds ago.
type youngMetrics struct{ now time.Time }

func (y youngMetrics) RED(_ context.Context, q fleet.REDQuery) (fleet.REDList, error) {
	var l fleet.REDList
	p50 := 0.003
	switch ago := y.now.Sub(q.At); {
	case q.Side == fleet.ClientSide, !q.At.IsZero() && ago > 7*time.Minute: // it was not there
		return l, nil
	case q.At.IsZero() && q.Window < time.Minute:
		p50 = 0.2
	}
	for i := range q.Instances {
		if in := &q.Instances[i]; in.Service == q.Service {
			l.REDs = append(l.REDs, fleet.RED{
				Service: q.Service, Method: "user.v1.UserService/GetUser", Instance: in.ID, Side: q.Side, Window: q.Window,
				Rate: 2, P50: p50, P95: 2 * p50, P99: 3 * p50,
			})
		}
	}
	return l, nil
}

func (youngMetrics) REDRange(context.Context, fleet.REDQuery, time.Time, time.Time, time.Duration) ([]fleet.REDSeries, error) {
	return nil, nil
}

// What has just begun moves the calls of the last seconds, not yet those of minutes;
// and who is too young to remember hours remembers its first minutes.
func TestAYoungServiceBecomesSlow(t *testing.T) {
	w := whytest.Complete(whytest.Healthy, 1)
	s := w.Sources()
	s.Metrics = func(context.Context) (fleet.MetricsReader, error) { return youngMetrics{w.Now}, nil }
	s.Traces, s.Calls, s.Lifetime, s.Events = nil, nil, nil, nil
	r, facts, err := why.Run(t.Context(), s, why.Options{Service: "user", Now: w.Time})
	if err != nil {
		t.Fatal(err)
	}
	kinds := []why.Kind{}
	for i := range r.Causes {
		kinds = append(kinds, r.Causes[i].Kind)
	}
	if !slices.Contains(kinds, why.SlowService) {
		t.Errorf("causes %v, want that the service is slow; brief %+v, before %+v", kinds, facts.Services[0].Brief, facts.Services[0].Before)
	}
}

// slowMetrics takes longer to be there than is waited for at first.
func slowMetrics(open why.Open[fleet.MetricsReader]) why.Open[fleet.MetricsReader] {
	return func(ctx context.Context) (fleet.MetricsReader, error) {
		slow := time.NewTimer(2 * time.Second)
		defer slow.Stop()
		select {
		case <-slow.C:
			return open(ctx)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// A slow line is no incident, and hides none: who was too slow to be heard is asked
// once more, with more patience.
func TestWhoWasTooSlowIsAskedAgain(t *testing.T) {
	for fault, want := range map[whytest.Fault]bool{whytest.Healthy: true, whytest.FailingInstance: false} {
		w := whytest.Complete(fault, 1)
		synctest.Test(t, func(t *testing.T) {
			s := w.Sources()
			s.Metrics = slowMetrics(s.Metrics)
			s.Traces, s.Calls, s.Lifetime, s.Breakers = nil, nil, nil, nil // they would tell the fault at once
			asked := 0
			begun := time.Now()
			r, _, err := why.Run(t.Context(), s, why.Options{Service: "user", Now: w.Time, Again: func(time.Duration) { asked++ }})
			if err != nil {
				t.Fatal(err)
			}
			if asked != 1 || stateOf(r, "metrics") != why.Answered || r.Healthy != want {
				t.Errorf("%v: asked again %d times, metrics %s, healthy %v", fault, asked, stateOf(r, "metrics"), r.Healthy)
			}
			if took := time.Since(begun); took > 7*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// One hanging source costs no more where nothing is wrong: the others count too.
func TestAHangingSourceHoldsUpNoHealthyAnswer(t *testing.T) {
	w := whytest.Complete(whytest.Healthy, 1)
	for name := range hangings(hang{}) {
		synctest.Test(t, func(t *testing.T) {
			h := hang{make(chan struct{})}
			defer close(h.over)
			s := w.Sources()
			hangings(h)[name](s)
			begun := time.Now()
			r, _, err := why.Run(t.Context(), s, why.Options{Service: "user", Now: w.Time})
			if took := time.Since(begun); err != nil || took > 2*time.Second || !r.Healthy {
				t.Errorf("%s: %v after %s: %+v", name, err, took, r)
			}
		})
	}
}

type hangingProber struct{ fleet.Prober }

func (hangingProber) Health(ctx context.Context, in fleet.Instance, name string) fleet.Health {
	<-ctx.Done()
	return fleet.Health{Instance: in, Name: name, State: fleet.TimedOut, Err: ctx.Err()}
}

// Whatever is missing, and all of it: an answer, or an error that says what was
// tried.
func TestEachSourceMayBeMissing(t *testing.T) {
	w := whytest.Complete(whytest.SlowInstance, 1)
	absent := map[string]func(*why.Sources){
		"catalog": func(s *why.Sources) { s.Catalog = nil }, "health": func(s *why.Sources) { s.Health = nil },
		"metrics": func(s *why.Sources) { s.Metrics = nil }, "breakers": func(s *why.Sources) { s.Breakers = nil },
		"traces": func(s *why.Sources) { s.Traces = nil }, "control": func(s *why.Sources) { s.Control = nil },
		"schemas": func(s *why.Sources) { s.Schemas = nil }, "events": func(s *why.Sources) { s.Events = nil },
	}
	for name, remove := range absent {
		s := w.Sources()
		remove(s)
		r, _, err := why.Run(t.Context(), s, why.Options{Service: "user", Now: w.Time})
		if err != nil {
			t.Errorf("without %s: %v", name, err)
			continue
		}
		if got := stateOf(r, name); got != why.Absent {
			t.Errorf("without %s: it is %q, want absent", name, got)
		}
	}
	_, _, err := why.Run(t.Context(), &why.Sources{}, why.Options{Service: "user"})
	if err == nil || !strings.Contains(err.Error(), "nothing that could tell about user answered") {
		t.Errorf("without anything: %v", err)
	}
}

func TestAFailingSourceSaysWhy(t *testing.T) {
	w := whytest.Complete(whytest.Healthy, 1)
	s := w.Sources()
	s.Traces = func(context.Context) (fleet.TraceReader, error) { return nil, errors.New("401 Unauthorized") }
	r, _, err := why.Run(t.Context(), s, why.Options{Service: "user", Now: w.Time})
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range r.Sources {
		if src.Name == "traces" && (src.State != why.Failed || src.Error != "401 Unauthorized") {
			t.Errorf("traces: %+v", src)
		}
	}
}

func TestAnUnknownServiceIsSaidToBe(t *testing.T) {
	w := whytest.Complete(whytest.Healthy, 1)
	_, _, err := why.Run(t.Context(), w.Sources(), why.Options{Service: "nobody", Now: w.Time})
	var unknown why.UnknownServiceError
	if !errors.As(err, &unknown) || unknown.Service != "nobody" {
		t.Errorf("err = %v", err)
	}
}

// What knows the present only is not asked about the past.
func TestThePastIsAskedOfThoseWhoRememberIt(t *testing.T) {
	w := whytest.Complete(whytest.SlowInstance, 1)
	s := w.Sources()
	s.Health = func(context.Context) (fleet.Prober, error) { t.Error("health was asked"); return nil, why.ErrAbsent }
	s.Control = func(context.Context) (why.ControlReader, error) {
		t.Error("control was asked")
		return nil, why.ErrAbsent
	}
	s.Calls = func(context.Context) (why.CallProber, error) { t.Error("a call was made"); return nil, why.ErrAbsent }
	s.Recording = func(context.Context) (why.Recording, error) { return recording{}, nil }
	r, facts, err := why.Run(t.Context(), s, why.Options{Service: "user", At: w.Now.Add(-time.Second), Now: w.Time})
	if err != nil {
		t.Fatal(err)
	}
	if !facts.Past || len(facts.Services[0].Instances) != 1 || facts.Services[0].Instances[0].Health != fleet.NotServing {
		t.Errorf("the recording was not used: %+v", facts.Services[0].Instances)
	}
	if stateOf(r, "recording") != why.Answered || stateOf(r, "metrics") != why.Answered {
		t.Errorf("sources %+v", r.Sources)
	}
}

type recording struct{}

func (recording) Moment(_ context.Context, at time.Time) (why.Moment, error) {
	in := fleet.Instance{ID: "user-9", Service: "user", Catalog: fleet.Passing}
	return why.Moment{At: at, Instances: []fleet.Instance{in}, Health: []fleet.Health{{Instance: in, State: fleet.NotServing}}}, nil
}

// Numbers that are no numbers are unknown, and nothing is concluded from them.
func TestNumbersThatAreNone(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -5} {
		f := factsOf(func(f *why.Facts) {
			each(user(f), "", func(c *why.CallFact) {
				c.Rate, c.Errors, c.P50, c.P95, c.P99 = why.Num(bad), why.Num(bad), why.Num(bad), why.Num(bad), why.Num(bad)
				c.Codes = map[string]why.Num{"INTERNAL": why.Num(bad)}
			})
			user(f).Sent, f.Traces = nil, nil
			for i := range user(f).Over {
				for j := range user(f).Over[i].P99 {
					user(f).Over[i].P99[j], user(f).Over[i].Errors[j] = why.Num(bad), why.Num(bad)
				}
			}
		})
		if r := why.Analyse(f); !r.Healthy {
			t.Errorf("%v: %+v", bad, r.Causes)
		}
	}
	if r := why.Analyse(&why.Facts{Service: "user"}); !r.Healthy || r.Trace != nil {
		t.Errorf("of nothing: %+v", r)
	}
}
