package why

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// What is asked of the metrics.
const (
	window      = 2 * time.Minute  // of what is called now
	brief       = 45 * time.Second // where there are calls enough: three scrapes of the usual interval
	historyBack = 2 * time.Hour
	historyStep = time.Minute
)

// served asks how the calls of a service went: as it counts them and as its
// callers do, now, over time, and since the processes started. When the present
// is known, or will not be, instances that it does not tell apart are probed.
func (g *gatherer) served(s *ServiceFact) {
	if s.Relation == Caller {
		return
	}
	q := g.query(s, fleet.ServerSide, fleet.ByMethod, fleet.ByInstance)
	g.ask(srcMetrics, g.readRED(q, func(c []CallFact) { s.Served = c }), func() { g.askBrief(s, q) })
	g.askBefore(s, q, befores)
	g.askRange(g.query(s, fleet.ServerSide), func(r []RangeFact) { s.Over = append(s.Over, r...) })
	g.askRange(g.query(s, fleet.ServerSide, fleet.ByInstance), func(r []RangeFact) { s.Over = append(s.Over, r...) })
	g.askRange(g.query(s, fleet.ClientSide), func(r []RangeFact) { s.SentOver = r })
	g.askSent(s)
	if g.facts.Past {
		return
	}
	g.ask(srcLifetime, func(ctx context.Context) (func(), error) {
		reader, err := g.s.lifetime(ctx)
		if err != nil {
			return nil, err
		}
		list, err := reader.SinceStart(ctx, q)
		if err != nil {
			return nil, err
		}
		return func() { s.SinceStart = callFacts(list.REDs) }, nil
	}, nil)
}

// askBrief asks for the last seconds, where minutes are remembered: the median of
// these moves late.
func (g *gatherer) askBrief(s *ServiceFact, q fleet.REDQuery) {
	if !slices.ContainsFunc(s.Served, func(c CallFact) bool { return c.Window.Or(0) > brief.Seconds() }) {
		g.probe(s)
		return
	}
	q.Window = brief
	g.ask(srcMetrics, func(ctx context.Context) (func(), error) {
		reader, err := g.s.metrics(ctx)
		if err != nil {
			return nil, err
		}
		list, err := reader.RED(ctx, q)
		if err != nil && ctx.Err() == nil {
			return func() {}, nil // it is scraped too seldom for that: the minutes are known
		}
		return func() { s.takeBrief(callFacts(list.REDs)) }, err
	}, func() { g.probe(s) })
}

// takeBrief keeps the calls of the last seconds where they tell as much as those of
// the last minutes: of as many instances there are enough.
func (s *ServiceFact) takeBrief(calls []CallFact) {
	if n := telling(calls); n > 0 && n >= telling(s.Served) {
		s.Brief = calls
	}
}

// telling counts the instances of which there are calls enough.
func telling(calls []CallFact) int {
	by := map[string]float64{}
	for i := range calls {
		by[calls[i].Instance] += calls[i].count()
	}
	n := 0
	for _, calls := range by {
		if calls >= fewCalls {
			n++
		}
	}
	return n
}

// before is a time to compare the present with.
type before struct{ ago, window time.Duration }

// befores are such times, the best first: well before what is going on now, or as
// long ago as a young service was there.
var befores = []before{{110 * time.Minute, window}, {45 * time.Minute, 5 * time.Minute}, {15 * time.Minute, 5 * time.Minute}, {4 * time.Minute, 3 * time.Minute}}

// askBefore asks how the calls went at the first of the times that is remembered.
func (g *gatherer) askBefore(s *ServiceFact, q fleet.REDQuery, times []before) {
	q.At, q.Window = g.ago(times[0].ago), times[0].window
	answered := false
	g.ask(srcHistory, g.readRED(q, func(c []CallFact) { s.Before, s.BeforeAt, answered = c, q.At, true }), func() {
		if answered && telling(s.Before) == 0 && len(times) > 1 {
			g.askBefore(s, q, times[1:])
		}
	})
}

// askSent asks how the callers of a service see their calls to it. Callers that
// become known later make it worth asking again where their metrics are scraped.
func (g *gatherer) askSent(s *ServiceFact) {
	if s == nil || s.Relation == Caller {
		return
	}
	q := g.query(s, fleet.ClientSide, fleet.ByCaller, fleet.ByInstance)
	g.ask(srcMetrics, g.readRED(q, func(c []CallFact) {
		if len(c) > 0 {
			s.Sent = c
		}
		for i := range c {
			g.link(c[i].Caller, s.Name, c[i].Source)
		}
	}), nil)
}

func (g *gatherer) query(s *ServiceFact, side fleet.Side, by ...fleet.Dimension) fleet.REDQuery {
	var all []fleet.Instance
	for _, known := range g.facts.Services {
		all = append(all, g.live[known.Name]...)
	}
	return fleet.REDQuery{
		Service: s.Name, Instances: all, By: by, Side: side, Window: window, At: g.at(),
		Identity: fleet.NewIdentity(fleet.IdentityOptions{Instances: all, Map: g.names}),
	}
}

func (g *gatherer) readRED(q fleet.REDQuery, set func([]CallFact)) func(context.Context) (func(), error) {
	return func(ctx context.Context) (func(), error) {
		reader, err := g.s.metrics(ctx)
		if err != nil {
			return nil, err
		}
		list, err := reader.RED(ctx, q)
		if err != nil {
			return nil, err
		}
		return func() { set(callFacts(list.REDs)) }, nil
	}
}

func (g *gatherer) askRange(q fleet.REDQuery, set func([]RangeFact)) {
	g.ask(srcHistory, func(ctx context.Context) (func(), error) {
		reader, err := g.s.metrics(ctx)
		if err != nil {
			return nil, err
		}
		found, err := reader.REDRange(ctx, q, g.ago(historyBack), g.o.At, historyStep)
		if err != nil {
			return nil, err
		}
		return func() { set(rangeFacts(found)) }, nil
	}, nil)
}

func callFacts(reds []fleet.RED) []CallFact {
	out := make([]CallFact, 0, len(reds))
	for i := range reds {
		r := &reds[i]
		c := CallFact{
			Method: r.Method, Instance: r.Instance, Caller: r.Caller, Rate: sane(r.Rate), Errors: sane(r.ErrorRatio),
			P50: sane(r.P50), P95: sane(r.P95), P99: sane(r.P99), Window: Num(r.Window.Seconds()),
			Source: r.Provenance.Source, Query: r.Provenance.Query,
		}
		if len(r.Codes) > 0 {
			c.Codes = make(map[string]Num, len(r.Codes))
		}
		for code, rate := range r.Codes {
			c.Codes[code] = sane(rate)
		}
		out = append(out, c)
	}
	return out
}

func rangeFacts(series []fleet.REDSeries) []RangeFact {
	out := make([]RangeFact, 0, len(series))
	for i := range series {
		s := &series[i]
		r := RangeFact{
			Instance: s.Instance, Caller: s.Caller, Source: s.Provenance.Source, Query: s.Provenance.Query,
			Rate: values(s.RateOverTime), Errors: values(s.ErrorsOverTime), P99: values(s.LatencyOverTime),
		}
		for _, points := range [][]fleet.Point{s.RateOverTime, s.ErrorsOverTime, s.LatencyOverTime} {
			if len(points) > 1 {
				r.Start, r.Step = points[0].At, Num(points[1].At.Sub(points[0].At).Seconds())
				break
			}
		}
		out = append(out, r)
	}
	return out
}

func values(points []fleet.Point) []Num {
	out := make([]Num, len(points))
	for i, p := range points {
		out[i] = sane(p.Value)
	}
	return out
}

// count is how many calls a CallFact stands for, 0 where that is not known.
func (c *CallFact) count() float64 {
	n := c.Rate.Or(0) * c.Window.Or(0)
	if math.IsInf(n, 0) || n < 0 {
		return 0
	}
	return n
}
