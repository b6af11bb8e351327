package why

import (
	"context"
	"math"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// What is asked of the metrics.
const (
	window      = 2 * time.Minute // of what is called now
	historyBack = 2 * time.Hour
	historyStep = time.Minute
	beforeBack  = 110 * time.Minute // the calls that the present ones are compared with
)

// served asks how the calls of a service went: as it counts them and as its
// callers do, now, over time, and since the processes started. When the present
// is known, or will not be, instances that it does not tell apart are probed.
func (g *gatherer) served(s *ServiceFact) {
	if s.Relation == Caller {
		return
	}
	q := g.query(s, fleet.ServerSide, fleet.ByMethod, fleet.ByInstance)
	g.ask(srcMetrics, g.readRED(q, func(c []CallFact) { s.Served = c }), func() { g.probe(s) })
	earlier := q
	earlier.At = g.ago(beforeBack)
	g.ask(srcHistory, g.readRED(earlier, func(c []CallFact) { s.Before = c }), nil)
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
