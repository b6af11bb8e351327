package why

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// fewCalls is how many calls an instance needs in the window to be compared by
// its error ratio and its median; fewTails for its 95th percentile.
const (
	fewCalls = 20
	fewTails = 60
)

// signals are what the facts say of each service and instance, computed once for
// all detectors.
type signals struct {
	f        *Facts
	services []*serviceSignals
}

// serviceSignals is a service of the chain that was looked at wholly.
type serviceSignals struct {
	*ServiceFact

	at        time.Time
	members   []*member
	served    []CallFact         // what instances are compared by: the last minutes, or all since they started
	timed     []CallFact         // what their latencies are compared by: the last seconds where these tell
	calls     float64            // in the window, as it counts
	errors    float64            // share of them, NaN: not known
	codes     map[string]float64 // failures in the window by code
	sent      float64            // calls in the window, as the callers count
	sentError float64
	sentCodes map[string]float64
	rate      shift // of the traffic, as served
	erring    bool  // more errors than usual, as it counts or its callers do
	erringAt  time.Time
	baseline  float64 // share of errors that is usual
	slow      bool    // most of its instances are slower than they were
	slowBy    float64
	slowAt    time.Time
}

// member is an instance beside its siblings.
type member struct {
	*InstanceFact

	recent       float64 // calls in the last minutes
	recentErrors float64 // share of them
	calls        float64 // by which it is compared
	errors       float64 // share of them, NaN: not known
	codes        map[string]float64
	failing      bool // more than its siblings
	failRest     float64
	slow         bool // than its siblings
	slowBy       float64
	slowText     string
	slower       bool // than it was itself
	slowerBy     float64
	slowerFor    int       // points
	since        time.Time // of slow or slower
	failSince    time.Time
	source       string
	query        string
}

func newSignals(f *Facts) *signals {
	g := &signals{f: f}
	for _, s := range f.Services {
		if s.Relation != Caller {
			g.services = append(g.services, newServiceSignals(s, f.At))
		}
	}
	return g
}

func newServiceSignals(s *ServiceFact, at time.Time) *serviceSignals {
	g := &serviceSignals{ServiceFact: s, at: at}
	for i := range s.Instances {
		g.members = append(g.members, &member{InstanceFact: &s.Instances[i], errors: math.NaN()})
	}
	g.served = compared(s)
	if g.timed = s.Brief; g.timed == nil {
		g.timed = g.served
	}
	g.count()
	g.overTime()
	g.compareErrors()
	g.compareLatency()
	g.byLifetime()
	g.judgeErrors()
	g.judgeLatency()
	return g
}

// window is the time in seconds that the present calls were counted in.
func (g *serviceSignals) window() float64 {
	w := 0.0
	for i := range g.Served {
		w = max(w, g.Served[i].Window.Or(0))
	}
	return w
}

func (g *serviceSignals) member(id string) *member {
	for _, m := range g.members {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// count adds up the calls of the window.
func (g *serviceSignals) count() {
	g.codes, g.calls, g.errors = tallyCalls(g.Served, func(*CallFact) bool { return true })
	g.sentCodes, g.sent, g.sentError = tallyCalls(g.Sent, func(*CallFact) bool { return true })
	for _, m := range g.members {
		_, m.recent, m.recentErrors = tallyCalls(g.Served, func(c *CallFact) bool { return c.Instance == m.ID })
		m.codes, m.calls, m.errors = tallyCalls(g.served, func(c *CallFact) bool { return c.Instance == m.ID })
		if m.calls < fewCalls { // its callers may know more
			codes, calls, errors := tallyCalls(g.Sent, func(c *CallFact) bool { return c.Instance == m.ID })
			if calls > m.calls {
				m.codes, m.calls, m.errors = codes, calls, errors
			}
		}
		for i := range g.Served {
			if g.Served[i].Instance == m.ID {
				m.source, m.query = g.Served[i].Source, g.Served[i].Query
				break
			}
		}
	}
}

// compared are the calls by which instances are compared: those of the last
// minutes; where these are few, since nobody but the instances was there to be
// asked, those since they started.
func compared(s *ServiceFact) []CallFact {
	recent := map[string]float64{}
	for i := range s.Served {
		recent[s.Served[i].Instance] += s.Served[i].count()
	}
	few := 0
	for i := range s.Instances {
		if recent[s.Instances[i].ID] < fewCalls {
			few++
		}
	}
	if len(s.SinceStart) == 0 || 2*few <= len(s.Instances) {
		return s.Served
	}
	return s.SinceStart
}

func tallyCalls(all []CallFact, which func(*CallFact) bool) (codes map[string]float64, calls, errors float64) {
	var failed weighted
	codes = map[string]float64{}
	for i := range all {
		c := &all[i]
		if !which(c) {
			continue
		}
		n := c.count()
		calls += n
		failed.add(float64(c.Errors), n)
		for code, rate := range c.Codes {
			if fleet.IsFailure(code) {
				codes[code] += rate.Or(0) * c.Window.Or(0)
			}
		}
	}
	return codes, calls, failed.mean()
}

// overTime reads the series: who is slower than he was, who fails more than he
// did, and since when.
func (g *serviceSignals) overTime() {
	for i := range g.Over {
		r := &g.Over[i]
		m := g.member(r.Instance)
		if r.Instance == "" {
			if s, ok := findShift(r.Rate, r.Start, r.Step, logarithm); ok {
				g.rate = s
			}
		}
		if m == nil {
			continue
		}
		if s, ok := findShift(r.P99, r.Start, r.Step, logarithm); ok && s.slower() {
			m.slower, m.slowerBy, m.since, m.slowerFor = true, ratio(s.after, s.before), s.at, s.points
		}
		if s, ok := findShift(r.Errors, r.Start, r.Step, root); ok && s.worse() {
			m.failSince = s.at
		}
	}
}

// judgeErrors tells whether the service has more errors than it may have.
func (g *serviceSignals) judgeErrors() {
	for _, series := range [][]RangeFact{g.Over, g.SentOver} {
		for i := range series {
			r := &series[i]
			if r.Instance != "" {
				continue
			}
			if s, ok := findShift(r.Errors, r.Start, r.Step, root); ok {
				if s.worse() {
					g.erringAt, g.baseline = earliest(g.erringAt, s.at), s.before
				} else {
					g.baseline = max(g.baseline, min(s.before, s.after))
				}
			}
		}
	}
	usual := max(0.002, 2*g.baseline)
	tell := func(share, calls float64) bool {
		return share >= leastErrors && moreThanChance(share*calls, calls, usual)
	}
	g.erring = tell(g.errors, g.calls) || tell(g.sentError, g.sent)
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func middle(at []time.Time) time.Time {
	known := slices.DeleteFunc(slices.Clone(at), time.Time.IsZero)
	if len(known) == 0 {
		return time.Time{}
	}
	slices.SortFunc(known, time.Time.Compare)
	return known[len(known)/2]
}

// mainCode is the code of most failures, and its share of them.
func mainCode(codes map[string]float64) (code string, share float64) {
	total, most := 0.0, 0.0
	for c, n := range codes {
		total += n
		if n > most || n == most && cmp.Less(c, code) {
			code, most = c, n
		}
	}
	if total <= 0 {
		return "", 0
	}
	return code, most / total
}
