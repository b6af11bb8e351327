package why

import (
	"cmp"
	"slices"
)

// The ranking. A candidate that is explained by another comes after it, however
// sure it is. One explains another by these rules:
//
//  1. In one service, the specific explains the general: the table below.
//  2. What is wrong in a service explains what is only felt in those that call it,
//     directly or not: slowness, failures, open and flapping breakers, instances
//     that say that they do not serve. It does not explain an instance of the
//     caller that is much worse than its siblings, or another fault of its own.
//  3. What an operator forced explains everything downstream of it: a breaker that
//     is held open explains the failures of the service that holds it and of all
//     that call that.
//  4. An instance that is worse than its siblings explains that the service as a
//     whole is worse, not the other way round.
//
// Where two explain each other, the surer one does.

// general are the kinds that are felt by callers: rule 2.
var general = []Kind{SlowService, FailingService, BreakerOpen, BreakerFlapping, ServiceDown, DependencyDown, DependencySlow}

// explainsHere is rule 1: what each kind explains in its own service.
var explainsHere = map[Kind][]Kind{
	CertificateExpired: {InstanceDown, ServiceDown, FailingInstance, FailingService, BadVersion, DependencyDown},
	BreakerForcedOpen:  {FailingService, FailingInstance, BreakerOpen, BreakerFlapping, SlowService, ServiceDown, BadVersion, DependencyDown},
	DependencyDown:     {FailingService, FailingInstance, SlowService, SlowInstance, ServiceDown, InstanceDown, DependencySlow, BadVersion, Overload},
	DependencySlow:     {SlowService, FailingService, SlowInstance, FailingInstance, Overload},
	SchemaDrift:        {FailingService, FailingInstance, BadVersion},
	BadVersion:         {FailingInstance, SlowInstance, SlowService, FailingService},
	Overload:           {SlowService, FailingService, FailingInstance, SlowInstance, BadVersion},
	InstanceDown:       {FailingService, FailingInstance, SlowInstance, SlowService, BreakerFlapping, BreakerOpen},
	FailingInstance:    {FailingService, SlowService},
	SlowInstance:       {SlowService, FailingService},
	ServiceDown:        {FailingService, InstanceDown, SlowService},
	BreakerFlapping:    {FailingService, FailingInstance, BreakerOpen},
	BreakerOpen:        {FailingService},
}

// explains tells whether a, if it is so, accounts for b.
func (g *signals) explains(a, b *Cause) bool {
	if a.Service == b.Service {
		return g.explainsInside(a, b)
	}
	if a.Kind == BreakerFlapping && b.Kind == FailingService && g.calls(a.Service, b.Service) {
		return !g.felt(b, a)
	}
	if a.Kind == BreakerForcedOpen || !g.calls(b.Service, a.Service) {
		return a.Kind == BreakerForcedOpen && g.explainsForced(a, b)
	}
	if a.Kind == b.Kind && (a.Kind == Overload || a.Kind == SchemaDrift && len(b.Instances) == 0) {
		return true // the refusals are passed on
	}
	if b.Kind == SlowInstance || b.Kind == FailingInstance {
		return a.Confidence >= 0.7 && g.chosen(a, b)
	}
	if !slices.Contains(general, b.Kind) || b.Kind == DependencySlow && b.Subject != "" || b.Kind == DependencyDown && b.Subject != "" {
		return false
	}
	return g.felt(a, b)
}

// explainsInside is rules 1 and 4, with the cases that the table cannot state.
func (g *signals) explainsInside(a, b *Cause) bool {
	switch {
	case a.Kind == BadVersion || b.Kind == BadVersion:
		return g.explainsVersion(a, b)
	case a.Kind == FailingInstance && b.Kind == InstanceDown: // it is there, and says itself that it does not serve
		s := g.service(a.Service)
		return slices.Equal(a.Instances, b.Instances) && s.member(a.Instances[0]).Health == "not_serving"
	case a.Kind == InstanceDown && b.Kind == FailingInstance && slices.Equal(a.Instances, b.Instances):
		return !g.explainsInside(b, a)
	case a.Kind == SlowInstance && b.Kind == FailingInstance, a.Kind == FailingInstance && b.Kind == SlowInstance:
		// An instance that times out fails because it is slow; one that waits
		// before it fails is slow because it fails.
		if !slices.Equal(a.Instances, b.Instances) {
			return false
		}
		code, _ := mainCode(g.codesOf(a.Service, a.Instances[0]))
		return (code == "DEADLINE_EXCEEDED") == (a.Kind == SlowInstance)
	case a.Kind == SlowService && b.Kind == FailingService:
		return g.timesOut(a.Service)
	case a.Kind == FailingService && b.Kind == SlowService:
		return !g.timesOut(a.Service)
	case a.Kind == DependencySlow && b.Kind == Overload, a.Kind == Overload && b.Kind == DependencySlow:
		// Shedding follows from what is slow, unless more calls came.
		s := g.service(a.Service)
		more := s.rate.points > 0 && s.rate.after >= 1.4*s.rate.before
		return more == (a.Kind == Overload)
	default:
		return slices.Contains(explainsHere[a.Kind], b.Kind)
	}
}

// explainsVersion: that a version was rolled out everywhere is no evidence against
// what is seen in some instances only, or in a dependency.
func (g *signals) explainsVersion(a, b *Cause) bool {
	everywhere := func(c *Cause) bool {
		return c.Kind == BadVersion && len(c.Instances) == len(g.service(c.Service).members)
	}
	switch {
	case everywhere(b) && len(a.Instances) < len(b.Instances):
		return a.Confidence >= b.Confidence &&
			slices.Contains([]Kind{InstanceDown, FailingInstance, SlowInstance, DependencyDown, DependencySlow, Overload, CertificateExpired}, a.Kind)
	case everywhere(a):
		inferred := b.Subject == "" && (b.Kind == DependencySlow || b.Kind == DependencyDown)
		return b.Kind == SlowService || b.Kind == FailingService || inferred && a.Confidence > b.Confidence
	default:
		return slices.Contains(explainsHere[a.Kind], b.Kind)
	}
}

// timesOut tells whether the failures of a service are deadlines for the most part.
func (g *signals) timesOut(service string) bool {
	s := g.service(service)
	codes := s.codes
	if len(codes) == 0 {
		codes = s.sentCodes
	}
	code, share := mainCode(codes)
	return code == "DEADLINE_EXCEEDED" && share >= 0.5
}

func (g *signals) codesOf(service, instance string) map[string]float64 {
	if s := g.service(service); s != nil {
		if m := s.member(instance); m != nil {
			return m.codes
		}
	}
	return nil
}

// felt is rule 2, for breakers of the caller with a closer look: failures that
// come and go are what a flapping breaker makes of a target near its threshold.
func (g *signals) felt(a, b *Cause) bool {
	if b.Kind == BreakerFlapping && a.Kind == FailingService {
		s := g.service(a.Service)
		return max(orZero(s.errors), orZero(s.sentError)) >= 0.6 && s.window() >= 10 // what a second shows may be one burst
	}
	return true
}

// chosen: where some instances of a callee are bad and others not, its callers
// differ by which of them they happened to get.
func (g *signals) chosen(a, b *Cause) bool {
	switch a.Kind {
	case SlowInstance, BadVersion, DependencySlow, SlowService, Overload, BreakerFlapping, FailingInstance, SchemaDrift:
		return a.Confidence >= b.Confidence-0.25
	default:
		return false
	}
}

// explainsForced is rule 3.
func (g *signals) explainsForced(a, b *Cause) bool {
	if slices.Contains(general, b.Kind) && g.calls(b.Service, a.Service) {
		return true
	}
	// The callee only misses calls; what is felt there is next to nothing.
	return b.Kind == FailingService && slices.Contains(g.f.callees(a.Service), b.Service)
}

// calls tells whether one service calls another, directly or not.
func (g *signals) calls(caller, callee string) bool {
	seen := map[string]bool{}
	next := []string{caller}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		for _, c := range g.f.callees(at) {
			if c == callee {
				return true
			}
			next = append(next, c)
		}
	}
	return false
}

// Explained candidates keep so much of their weight.
const explainedShare = 0.4

// rank orders the candidates, likeliest first.
func (g *signals) rank(causes []Cause) []Cause {
	for i := range causes {
		b := &causes[i]
		b.weight = b.Confidence
		best := -1
		for j := range causes {
			a := &causes[j]
			if i == j || a.Confidence < Enough || !g.explains(a, b) || g.explains(b, a) && !surer(a, b) {
				continue
			}
			if best < 0 || surer(a, &causes[best]) {
				best = j
			}
		}
		if best >= 0 {
			b.weight *= explainedShare
			b.ExplainedBy = causes[best].Summary
		}
	}
	slices.SortStableFunc(causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject), slices.Compare(a.Instances, b.Instances))
	})
	return causes
}

func surer(a, b *Cause) bool {
	return cmp.Or(cmp.Compare(a.Confidence, b.Confidence), cmp.Compare(b.Service, a.Service), cmp.Compare(b.Kind, a.Kind), cmp.Compare(b.Subject, a.Subject)) > 0
}
