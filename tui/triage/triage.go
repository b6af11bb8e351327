// Package triage judges what the facts of a service amount to, at a glance: whether
// something is wrong, and in one line what. It is what the dashboard sorts by; the
// careful answer is that of ops/why.
package triage

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
)

// Verdict is how something stands.
type Verdict int

// The verdicts, the worst last. What is not known is not good.
const (
	Good    Verdict = iota
	Idle            // taken out of traffic on purpose
	Unknown         // nobody has said it yet
	Warn
	Bad
)

// String is the word for a verdict.
func (v Verdict) String() string {
	return [...]string{"ok", "idle", "unknown", "degraded", "bad"}[v]
}

// Instance judges one instance by its own word and the catalog's.
func Instance(in *fleet.InstanceFact, health *fleet.Health) (v Verdict, word string) {
	if in.Catalog == fleet.Maintenance {
		return Idle, string(fleet.Maintenance)
	}
	state := fleet.UnknownHealth
	if health != nil {
		state = health.State
	}
	critical := in.Catalog != fleet.Passing && in.Catalog != fleet.Warning
	switch state {
	case fleet.Serving:
		if critical {
			return Warn, "serving"
		}
		return Good, "serving"
	case fleet.NotServing:
		return Bad, "not serving"
	case fleet.Unreachable, fleet.TimedOut:
		return Bad, string(state)
	case fleet.Unimplemented:
		if critical {
			return Bad, string(in.Catalog)
		}
		return Good, "no health"
	default:
		switch {
		case critical:
			return Bad, string(in.Catalog)
		case health == nil:
			return Unknown, "not asked"
		case health.Err != nil: // it speaks another protocol: only the catalog can tell
			return Idle, NoGRPC
		}
		return Unknown, "says unknown"
	}
}

// NoGRPC is the word for an instance that speaks another protocol.
const NoGRPC = "no gRPC"

// HealthOf is what an instance says of its server as a whole, nil if it was not
// asked.
func HealthOf(s *fleet.ServiceFacts, id string) *fleet.Health {
	for _, h := range s.HealthOf(id) {
		if h.Name == "" {
			return h
		}
	}
	return nil
}

// Breakers counts breakers by what they do to calls.
type Breakers struct {
	All, Open, HalfOpen, Throttling, Forced, Flapping, Unknown int

	Unheard bool // who tells of breakers has not answered, or fails: that there are none may be untrue
}

// Unheard tells whether those who tell of breakers have not answered yet, or fail.
func Unheard(snap *fleet.Snapshot) bool {
	state, ok := snap.Source(fleet.BreakerFeed)
	return ok && (state.Status == fleet.SourceStarting || state.Status == fleet.SourceFailing)
}

// Add counts one.
func (n *Breakers) Add(b *fleet.Breaker) {
	n.All++
	if b.Flapping {
		n.Flapping++
	}
	switch {
	case b.Override == fleet.ForcedOpen:
		n.Forced++
		n.Open++
	case b.Override == fleet.ForcedClosed:
		n.Forced++
	case b.State == fleet.BreakerOpen:
		n.Open++
	case b.State == fleet.BreakerHalfOpen:
		n.HalfOpen++
	case b.State == fleet.BreakerThrottling:
		n.Throttling++
	case b.State == fleet.BreakerUnknown:
		n.Unknown++
	}
}

// Towards counts the breakers towards each service, whoever calls it.
func Towards(snap *fleet.Snapshot) map[string]Breakers {
	to := map[string]Breakers{}
	for _, s := range snap.Services() {
		for _, b := range s.Breakers {
			n := to[b.Target]
			n.Add(b)
			to[b.Target] = n
		}
	}
	if Unheard(snap) {
		for _, s := range snap.Services() {
			n := to[s.Name]
			n.Unheard = true
			to[s.Name] = n
		}
	}
	return to
}

// Worst is the worst that there is among them, in a word or two: "2 open".
func (n *Breakers) Worst() (Verdict, string) {
	switch {
	case n.All == 0 && n.Unheard:
		return Unknown, "unknown"
	case n.All == 0:
		return Good, ""
	case n.Open > 0:
		return Bad, fmt.Sprintf("%d open", n.Open)
	case n.HalfOpen > 0:
		return Warn, fmt.Sprintf("%d half", n.HalfOpen)
	case n.Throttling > 0:
		return Warn, fmt.Sprintf("%d throttling", n.Throttling)
	case n.Flapping > 0:
		return Warn, fmt.Sprintf("%d flapping", n.Flapping)
	case n.Forced > 0:
		return Warn, fmt.Sprintf("%d forced", n.Forced)
	case n.Unknown > 0:
		return Unknown, fmt.Sprintf("%d unknown", n.Unknown)
	default:
		return Good, "closed"
	}
}

// Service is what the facts of a service amount to.
type Service struct {
	Verdict Verdict
	Score   float64 // the worse the higher
	Why     string  // what speaks against it, the worst first; empty if nothing does

	Instances, Serving, Down, Idle, Unknown int
	NoGRPC                                  int // of those that are idle
	Versions                                int // different ones
	Breakers                                Breakers
	RED                                     *fleet.RED // nil: nobody counts
}

// The limits of what is usual. A ratio of errors below errorFloor, and a p99 below
// latencyFloor, is no trouble however much it has grown.
const (
	errorFloor   = 0.01
	errorsMany   = 0.05
	latencyFloor = 0.05 // seconds
	grown        = 3
)

// Judge judges a service. to are the breakers towards it.
func Judge(s *fleet.ServiceFacts, to Breakers, t *history.Trend) Service {
	out := Service{Instances: len(s.Instances), Breakers: to, RED: history.Of(s)}
	warned := 0
	var versions []string
	for _, in := range s.Instances {
		v, word := Instance(in, HealthOf(s, in.ID))
		switch v {
		case Good:
			out.Serving++
		case Idle:
			if out.Idle++; word == NoGRPC {
				out.NoGRPC++
			}
		case Unknown:
			out.Unknown++
		case Warn:
			out.Serving++
			warned++
		case Bad:
			out.Down++
		}
		if in.Version != "" && !slices.Contains(versions, in.Version) {
			versions = append(versions, in.Version)
		}
	}
	out.Versions = len(versions)
	out.judge(warned, apartOf(s), t)
	return out
}

// finding is one thing that speaks against a service.
type finding struct {
	v     Verdict
	score float64
	text  string
}

func (s *Service) judge(warned int, outlier finding, t *history.Trend) {
	list := slices.DeleteFunc([]finding{s.down(), s.errors(t), s.breakers(), s.latency(t), outlier, s.odd(warned), s.unknown()},
		func(f finding) bool { return f.text == "" })
	slices.SortStableFunc(list, func(a, b finding) int { return cmp.Compare(b.score, a.score) })
	for i, f := range list {
		s.Verdict = max(s.Verdict, f.v)
		s.Score += f.score
		switch i {
		case 0:
			s.Why = f.text
		case 1:
			s.Why += ", " + f.text
		}
	}
	if s.Verdict == Good && s.Instances > 0 && s.Idle == s.Instances {
		if s.Verdict = Idle; s.NoGRPC == 0 {
			s.Why = "all in maintenance"
		}
	}
}

func (s *Service) down() finding {
	switch counted := s.Instances - s.Idle; {
	case s.Instances == 0:
		return finding{Unknown, 5, "no instances"}
	case s.Down == 0:
		return finding{}
	case s.Down == counted:
		return finding{Bad, 1000, "all down"}
	default:
		share := float64(s.Down) / float64(counted)
		return finding{Bad, 300 + 400*share, fmt.Sprintf("%d of %d down", s.Down, counted)}
	}
}

func (s *Service) errors(t *history.Trend) finding {
	if s.RED == nil || !(s.RED.ErrorRatio >= errorFloor) {
		return finding{}
	}
	e := s.RED.ErrorRatio
	text, v := fmt.Sprintf("errors %.0f%%", e*100), Warn
	if usual, ok := before(t.Errors[:]); ok {
		usual = max(usual, 0.0005)
		if times := e / usual; times >= grown {
			text = "errors ×" + many(times)
		} else if e < errorsMany { // it is always so
			return finding{Warn, 20 * e, text}
		}
	}
	if e >= errorsMany {
		v = Bad
	}
	return finding{v, 100 + 500*min(1, e), text}
}

func (s *Service) latency(t *history.Trend) finding {
	if s.RED == nil || !(s.RED.P99 >= latencyFloor) {
		return finding{}
	}
	usual, ok := before(t.P99[:])
	if !ok || usual <= 0 {
		return finding{}
	}
	p99 := s.RED.P99
	if math.IsInf(p99, 1) {
		p99 = max(s.RED.Bound, usual)
	}
	times := p99 / usual
	if times < grown {
		return finding{}
	}
	return finding{Warn, 60 + min(100, 5*times), "p99 ×" + many(times)}
}

func (s *Service) breakers() finding {
	v, text := s.Breakers.Worst()
	switch v {
	case Bad:
		return finding{Bad, 250 + 10*float64(s.Breakers.Open), "breakers " + text}
	case Warn:
		return finding{Warn, 80, "breakers " + text}
	case Unknown:
		if s.Breakers.Unknown > 0 { // that nobody is heard at all is told of the source, once
			return finding{Unknown, .5, "breakers " + text}
		}
	case Good, Idle:
	}
	return finding{}
}

// apartOf says which instances stand out.
func apartOf(s *fleet.ServiceFacts) finding {
	list := Outliers(s)
	if len(list) == 0 {
		return finding{}
	}
	text := list[0].Instance + " " + list[0].Text
	if more := len(list) - 1; more > 0 {
		text = fmt.Sprintf("%d instances apart, %s", more+1, text)
	}
	return finding{Warn, 50 + list[0].score/4, text}
}

func (s *Service) odd(warned int) finding {
	if warned > 0 {
		return finding{Warn, 40, fmt.Sprintf("the catalog denies %d", warned)}
	}
	return finding{}
}

func (s *Service) unknown() finding {
	if s.Unknown == 0 {
		return finding{}
	}
	return finding{Unknown, 1, fmt.Sprintf("%d not asked yet", s.Unknown)}
}

// before is what is usual: the median of the values but the last three. It takes
// four to know.
func before(values []float32) (float64, bool) {
	var known []float32
	for _, v := range values[:len(values)-3] {
		if v == v && !math.IsInf(float64(v), 0) {
			known = append(known, v)
		}
	}
	if len(known) < 4 {
		return 0, false
	}
	slices.Sort(known)
	return float64(known[len(known)/2]), true
}

func many(times float64) string {
	if times > 999 {
		return "999+"
	}
	return fmt.Sprintf("%.0f", times)
}
