package why

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// Budget bounds the time that asking takes.
type Budget struct {
	Each  time.Duration // of one question, 1 s if 0
	Whole time.Duration // of all together, 1.8 s if 0
}

// The names of the sources, as the report has them.
const (
	srcCatalog   = "catalog"
	srcHealth    = "health"
	srcMetrics   = "metrics"
	srcHistory   = "history" // metrics over time
	srcBreakers  = "breakers"
	srcTraces    = "traces"
	srcLifetime  = "since start"
	srcDeps      = "dependencies"
	srcStarts    = "start times"
	srcCerts     = "certificates"
	srcSchemas   = "schemas"
	srcControl   = "control"
	srcCalls     = "probe"
	srcEvents    = "events"
	srcRecording = "recording"
)

// Bounds of what is asked: an incident is looked at, not the whole fleet.
const (
	maxServices  = 12   // of the chain
	maxInstances = 1000 // of a service, for health
	maxDeep      = 128  // of a service, for all that costs a connection more
	atOnce       = 96   // questions to instances
)

// gatherer asks, and writes the answers into the facts. Only the goroutine that
// runs Gather touches the facts: questions are asked in goroutines of their own
// and return what is to be written.
type gatherer struct {
	o       Options
	s       *sources
	names   map[string]map[string]string
	facts   *Facts
	live    map[string][]fleet.Instance // by service, as the catalog lists them
	traces  []sampled
	asked   map[string]*tally
	probed  map[string]bool
	moment  *Moment
	refused error // by the catalog: it does not know the service

	ctx     context.Context //nolint:containedctx // of the one run that this value serves
	answers chan answer
	over    chan struct{}
	slots   chan struct{}
	pending int
}

// answer is how a question ended. A question may be answered once only.
type answer struct {
	source string
	apply  func()
	err    error
	took   time.Duration
	then   func() // whatever came
}

// tally counts the answers of a source.
type tally struct {
	good, bad, late, absent, present int
	err                              error
	took                             time.Duration
}

// Gather asks the sources. It fails where nothing could be asked at all, or the
// catalog does not know the service; what did not answer is in Facts.Sources.
func Gather(ctx context.Context, s *Sources, o Options) (*Facts, error) {
	g := newGatherer(s, o)
	ctx, cancel := context.WithTimeout(ctx, g.o.Budget.Whole)
	defer cancel()
	g.ctx = ctx
	defer close(g.over)
	g.start() //nolint:contextcheck // what follows from an answer is asked in the gatherer's context, not in that of the answer
	for g.pending > 0 {
		select {
		case a := <-g.answers:
			g.pending--
			g.settle(&a)
		case <-ctx.Done():
			return g.finish()
		}
	}
	return g.finish()
}

func newGatherer(s *Sources, o Options) *gatherer {
	o.Budget.Each = cmp.Or(o.Budget.Each, time.Second)
	o.Budget.Whole = cmp.Or(o.Budget.Whole, 1800*time.Millisecond)
	if o.Now == nil {
		o.Now = time.Now
	}
	past := !o.At.IsZero()
	if !past {
		o.At = o.Now()
	}
	return &gatherer{
		o: o, s: s.once(), names: s.Map,
		facts: &Facts{Service: o.Service, At: o.At, Past: past},
		live:  map[string][]fleet.Instance{}, asked: map[string]*tally{}, probed: map[string]bool{},
		answers: make(chan answer), over: make(chan struct{}), slots: make(chan struct{}, atOnce),
	}
}

// ask asks a question in a goroutine of its own. What do returns is run by the
// gatherer, and then, whatever came, then. A question that is not answered within
// its time is late, whether or not it minds its context.
func (g *gatherer) ask(source string, do func(ctx context.Context) (func(), error), then func()) {
	t := g.asked[source]
	if t == nil {
		t = &tally{}
		g.asked[source] = t
	}
	g.pending++
	t.late++ // until it is answered
	started := time.Now()
	ctx, cancel := context.WithTimeout(g.ctx, g.o.Budget.Each)
	answered := make(chan answer, 1)
	go func() {
		defer cancel()
		apply, err := do(ctx)
		answered <- answer{source: source, apply: apply, err: err, then: then}
	}()
	go func() {
		a := answer{source: source, err: context.DeadlineExceeded, then: then}
		select {
		case a = <-answered:
		case <-ctx.Done():
			select {
			case a = <-answered:
			case <-time.After(20 * time.Millisecond): // it may say why
			}
		}
		a.took = time.Since(started)
		select {
		case g.answers <- a:
		case <-g.over:
		}
	}()
}

// askInstance is ask for a question to one instance, of which only so many are
// asked at once.
func (g *gatherer) askInstance(source string, do func(ctx context.Context) (func(), error)) {
	g.ask(source, func(ctx context.Context) (func(), error) {
		select {
		case g.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		defer func() { <-g.slots }()
		return do(ctx)
	}, nil)
}

func (g *gatherer) settle(a *answer) {
	t := g.asked[a.source]
	t.took = max(t.took, a.took)
	switch {
	case a.err == nil:
		t.late--
		t.good++
	case errors.Is(a.err, ErrAbsent):
		t.late--
		t.absent++
	case errors.Is(a.err, fleet.ErrNoHistory):
		t.late--
		t.present++
	case errors.Is(a.err, context.DeadlineExceeded) || errors.Is(a.err, context.Canceled):
	default:
		t.late--
		t.bad++
		t.err = cmp.Or(t.err, a.err)
	}
	if a.apply != nil {
		a.apply()
	}
	if a.then != nil {
		a.then()
	}
}

// state says how the questions to a source ended, all together.
func (t *tally) state(budget time.Duration) SourceFact {
	f := SourceFact{State: Answered, Took: Num(t.took.Seconds())}
	if t.err != nil {
		f.Error = t.err.Error()
	}
	total := t.good + t.bad + t.late
	switch {
	case t.late > 0 && t.good == 0 && t.bad == 0:
		f.State, f.Error = Late, fmt.Sprintf("no answer within %s", budget)
	case t.good > 0 && t.bad+t.late > 0:
		f.State = Partly
		if f.Error == "" {
			f.Error = fmt.Sprintf("%d of %d questions had no answer within %s", t.late, total, budget)
		}
	case t.good > 0:
	case t.bad > 0:
		f.State = Failed
	case t.present > 0:
		f.State, f.Error = NoMemory, fleet.ErrNoHistory.Error()
	default:
		f.State, f.Error = Absent, ErrAbsent.Error()
	}
	return f
}

// finish writes down what was not answered, and what needed all the answers.
func (g *gatherer) finish() (*Facts, error) {
	for _, name := range slices.Sorted(maps.Keys(g.asked)) {
		f := g.asked[name].state(g.o.Budget.Each)
		f.Name = name
		g.facts.Sources = append(g.facts.Sources, f)
	}
	if g.moment != nil {
		for _, s := range g.facts.Services {
			recallInstances(s, g.moment)
		}
	}
	for _, s := range g.facts.Services {
		s.membersByMetrics()
	}
	g.joinTraces()
	g.facts.believe()
	g.facts.order()
	switch {
	case g.refused != nil:
		return g.facts, g.refused
	case !g.facts.tell():
		return g.facts, g.nothing()
	default:
		return g.facts, nil
	}
}

// tell reports whether anything is known of how the service is: an answer that
// has nothing in it is none, and what is not known is not well.
func (f *Facts) tell() bool {
	s := f.service(f.Service)
	if len(s.Served)+len(s.Sent)+len(s.Over)+len(f.Traces) > 0 || s.Listed && len(s.Instances) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Instances, func(in InstanceFact) bool {
		return in.Catalog != "" || in.Health != fleet.UnknownHealth || in.Probe != nil
	})
}

// membersByMetrics takes the instances from those who counted, where the catalog
// did not answer.
func (s *ServiceFact) membersByMetrics() {
	if s.Listed || len(s.Instances) > 0 {
		return
	}
	for i := range s.Served {
		if id := s.Served[i].Instance; id != "" && s.instance(id) == nil {
			s.Instances = append(s.Instances, InstanceFact{ID: id, Health: fleet.UnknownHealth, HealthTook: unknown()})
		}
	}
}

// nothing is the error of a run in which no source answered.
func (g *gatherer) nothing() error {
	var details []string
	for _, s := range g.facts.Sources {
		if s.State != Absent {
			details = append(details, s.Name+": "+s.Error)
		}
	}
	e := &fleet.Error{What: "nothing that could tell about " + g.o.Service + " answered", Details: details, Hint: `"gctl doctor" shows what is reachable`}
	if g.facts.Past {
		e.What = "nothing that remembers " + g.o.Service + " at that time answered"
		e.Hint = "Prometheus and Jaeger remember, where the context names them; so does a recording"
	}
	if t := g.asked[srcCatalog]; t != nil && t.err != nil {
		e.Err = t.err
	}
	return e
}

// order makes the facts the same whatever came first.
func (f *Facts) order() {
	rank := map[Relation]int{Asked: 0, Callee: 1, Caller: 2}
	slices.SortFunc(f.Services, func(a, b *ServiceFact) int {
		return cmp.Or(rank[a.Relation]-rank[b.Relation], cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(f.Calls, func(a, b EdgeFact) int {
		return cmp.Or(cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Callee, b.Callee))
	})
	slices.SortFunc(f.Traces, func(a, b TraceFact) int { return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(a.ID, b.ID)) })
	slices.SortFunc(f.Events, func(a, b EventFact) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Subject, b.Subject))
	})
	for _, s := range f.Services {
		slices.SortFunc(s.Breakers, func(a, b BreakerFact) int {
			return cmp.Or(cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Name, b.Name))
		})
		slices.SortFunc(s.Limits, func(a, b LimitFact) int {
			return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Name, b.Name))
		})
	}
}
