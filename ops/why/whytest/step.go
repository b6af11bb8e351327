package whytest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// sampleSize is how many calls of an instance, a method and a tick are played;
// they stand for all of them in the histograms.
const sampleSize = 10

// step plays one tick.
func (w *World) step(t int) {
	at := w.time(t)
	e := &w.effect
	rate := w.p.rate * (1 + w.p.swing*math.Sin(float64(t)/ticks*2*math.Pi+float64(w.Seed%7))) * lognormal(w.r, 1, 0.04)
	active := !at.Before(e.from)
	if active {
		rate *= e.traffic
	}
	for _, in := range w.users {
		in.served[t], in.total[t] = w.cells(len(methods)), newCell(w.bounds)
		in.hold = 0
		if w.r.Float64() < w.p.rounds {
			in.hold = time.Duration(between(w.r, 20, 120)) * time.Millisecond
		}
	}
	for _, edge := range w.edges {
		edge.served[t], edge.total[t] = w.cells(len(methods)), newCell(w.bounds)
		edge.sent[t] = w.cells(len(w.users))
		for m := range methods {
			w.arrive(t, at, edge, m, poisson(w.r, rate*methods[m].share*tick.Seconds()/float64(len(w.edges))), rate)
		}
	}
	w.busyness(t)
	w.breakers(at)
}

func (w *World) cells(n int) []cell {
	out := make([]cell, n)
	for i := range out {
		out[i] = newCell(w.bounds)
	}
	return out
}

// arrive plays the calls of one method that came to one edge.
func (w *World) arrive(t int, at time.Time, edge *instance, m int, n, rate float64) {
	if w.effect.meets(edge, at) && (w.effect.dead || w.effect.hangs) {
		return // its clients go to the others
	}
	gate := w.gate(edge, methods[m].reads)
	through := n
	switch {
	case gate.override == fleet.ForcedOpen && !at.Before(w.onset), gate.state == fleet.BreakerOpen:
		through = 0
	case gate.state == fleet.BreakerHalfOpen:
		through = math.Min(n, 10) // probes
	}
	w.refuse(t, at, edge, m, n-through)
	shares := w.shares(t, at)
	for i, in := range w.users {
		w.send(t, at, edge, m, i, in, poisson(w.r, through*shares[i]), rate)
	}
}

func (w *World) gate(edge *instance, reads bool) *gate {
	for _, g := range w.gates {
		if g.edge == edge && g.reads == reads {
			return g
		}
	}
	return nil
}

// refuse counts the calls that a breaker does not let through.
func (w *World) refuse(t int, at time.Time, edge *instance, m int, n float64) {
	if n <= 0 {
		return
	}
	c := &edge.served[t][m]
	c.codes[unavailable] += n
	c.observe(w.bounds, 0.0004, n)
	w.trace(&call{at: at, method: m, edge: edge, took: 0.0004, code: unavailable}, n)
}

// shares are the parts of the calls that the balancer sends to each instance.
func (w *World) shares(t int, at time.Time) []float64 {
	out := make([]float64, len(w.users))
	sum := 0.0
	for i, in := range w.users {
		out[i] = 1
		met := w.effect.meets(in, at)
		switch {
		case in.Catalog == fleet.Maintenance:
			out[i] = 0
		case met && (w.effect.dead || w.effect.blocked) && (len(w.effect.who) < len(w.users)):
			out[i] = 0 // no connection: the others get it
			if at.Sub(w.effect.from) < tick {
				out[i] = 0.3 // the calls that were in flight
			}
		case w.p.leastBusy:
			out[i] = 1 / math.Sqrt(1+w.quiet[in.ID])
		}
		if w.p.ejects && t > 6 && w.ejected(t, in) {
			out[i] *= 0.04
		}
		sum += out[i]
	}
	for i := range out {
		if sum > 0 {
			out[i] /= sum
		}
	}
	return out
}

// ejected tells whether the balancer leaves an instance alone: it failed or was
// slow beside its siblings in the last minute.
func (w *World) ejected(t int, in *instance) bool {
	own, all := newCell(w.bounds), newCell(w.bounds)
	for back := 1; back <= 6; back++ {
		for _, o := range w.users {
			if o == in {
				own.add(&o.total[t-back])
			} else {
				all.add(&o.total[t-back])
			}
		}
	}
	if own.calls() < 5 || all.calls() < 5 {
		return false
	}
	return own.errors() > 0.3 && all.errors() < 0.1 || own.quantile(w.bounds, 0.5) > 6*all.quantile(w.bounds, 0.5)+0.05
}

// busyness is how much slower than usual an instance answers, which is what it
// has in flight.
func (w *World) busyness(t int) {
	for _, in := range w.users {
		c := &in.total[t]
		for m := range methods {
			c.add(&in.served[t][m])
		}
		if q := c.quantile(w.bounds, 0.5); !math.IsNaN(q) {
			w.quiet[in.ID] = 0.7*w.quiet[in.ID] + 0.3*math.Min(q/0.008, 50)
		}
	}
	for _, edge := range w.edges {
		for m := range methods {
			edge.total[t].add(&edge.served[t][m])
		}
	}
}

// outcome is how an instance answers one call.
type outcome struct {
	own, db   float64
	code      int
	dbFailed  bool
	dbMessage string
	uncounted bool // the instance knows nothing of it
}

// send plays the calls that go to one instance.
func (w *World) send(t int, at time.Time, edge *instance, m, i int, in *instance, n, rate float64) {
	if n <= 0 {
		return
	}
	k := int(math.Min(n, sampleSize))
	weight := n / float64(k)
	failing := w.failureRate(in, m, at, rate)
	bad := binomial(w.r, n, failing.p)
	absent := math.Min(poisson(w.r, n*w.p.absent), n-bad)
	badShare, absentShare := bad/n, absent/n
	for range k {
		o := w.play(w.r, in, m, at, rate)
		part := func(code int, share float64) {
			if share <= 0 {
				return
			}
			x := o
			if code != ok && code != notFound {
				x.code, x.own, x.dbFailed, x.dbMessage, x.uncounted = code, failing.after, failing.db, failing.message, failing.uncounted
				if failing.db {
					x.db, x.own = failing.after, 0.0005
				} else {
					x.db = 0
				}
			} else {
				x.code = code
			}
			w.count(t, at, edge, m, i, in, &x, weight*share)
		}
		part(failing.code, badShare)
		part(notFound, absentShare)
		part(ok, 1-badShare-absentShare)
	}
}

// failure is what may go wrong with calls to an instance.
type failure struct {
	p         float64
	code      int
	after     float64
	db        bool
	message   string
	uncounted bool
}

func (w *World) failureRate(in *instance, m int, at time.Time, rate float64) failure {
	e := &w.effect
	f := failure{p: w.p.noise, code: []int{unavailable, internal}[m%2], after: 0.002}
	active := !at.Before(e.from)
	met := e.meets(in, at)
	for _, b := range e.bursts {
		if !at.Add(tick).Before(b.from) && at.Before(b.to) {
			part := math.Min(float64(b.to.Sub(at)), float64(at.Add(tick).Sub(b.from))) / float64(tick)
			f = failure{p: b.fail * math.Min(part, 1), code: unavailable, after: 0.002}
		}
	}
	switch {
	case met && e.dead:
		f = failure{p: 1, code: unavailable, after: 0.001, uncounted: true}
	case met && e.hangs:
		f = failure{p: 1, code: deadline, after: w.p.deadline, uncounted: true}
	case met && e.blocked:
		f = failure{p: 1, code: unavailable, after: 0.003, uncounted: true}
	case met && e.refuses == m:
		f = failure{p: e.refusal, code: e.refuseCode, after: 0.0005}
	case met && e.fail > 0:
		f = failure{p: e.fail, code: e.code, after: e.failAfter}
	case active && e.dbAway:
		f = failure{p: 1, code: []int{unavailable, internal}[int(w.Seed%2)], after: e.dbHangs, db: true, message: "dial tcp 10.0.9.1:5432: connect: connection refused"}
	case active && (e.traffic > 1 || e.limit < 1):
		limit := w.p.capacity * e.limit
		if each := rate / float64(len(w.users)); each > limit {
			f = failure{p: 1 - limit/each, code: exhausted, after: 0.0004}
			w.limits[in.ID] += int64(f.p * each * tick.Seconds())
		}
	}
	return f
}

// play decides how long a call that goes well takes.
func (w *World) play(r *rand.Rand, in *instance, m int, at time.Time, rate float64) outcome {
	e := &w.effect
	own := lognormal(r, methods[m].own*in.speed, 0.4)
	db := lognormal(r, methods[m].db, 0.45)
	busy := math.Min(rate/float64(len(w.users))/w.p.capacity, 0.85)
	own /= 1 - busy*busy
	if !at.Before(e.from) {
		if !e.dbWrites || !methods[m].reads {
			db *= e.db
		}
		if e.meets(in, at) && r.Float64() < e.share {
			own = own*e.own + e.add
		}
	}
	if w.past.in == in && !at.Before(w.past.from) && at.Before(w.past.to) {
		own *= w.past.own
	}
	if in.hold > 0 && r.Float64() < 0.3 {
		own += in.hold.Seconds()
	}
	return outcome{own: own, db: db}
}

// count writes a call down where it is seen.
func (w *World) count(t int, at time.Time, edge *instance, m, i int, in *instance, o *outcome, n float64) {
	took := math.Min(o.own+o.db, w.p.deadline)
	overhead := lognormal(w.r, 0.0008, 0.4)
	if w.effect.meets(edge, at) && edge.Service == "edge" {
		overhead = overhead * w.effect.own * 8
		if w.effect.fail > 0 && w.r.Float64() < w.effect.fail {
			c := &edge.served[t][m]
			c.codes[w.effect.code] += n
			c.observe(w.bounds, w.effect.failAfter, n)
			w.trace(&call{at: at, method: m, edge: edge, overhead: w.effect.failAfter, took: w.effect.failAfter, code: w.effect.code}, n)
			return
		}
	}
	code := o.code
	if code == ok && o.own+o.db > w.p.deadline {
		code = deadline
	}
	if !o.uncounted {
		c := &in.served[t][m]
		c.codes[code] += n
		c.observe(w.bounds, took, n)
	}
	g := w.gate(edge, methods[m].reads)
	g.calls += n
	switch code {
	case unavailable, deadline, internal, unknownCode:
		g.failed += n
		g.last = codeNames[code] + ": the call failed"
	}
	s := &edge.sent[t][i]
	s.codes[code] += n
	s.observe(w.bounds, took, n)
	final := code
	if w.p.retries && methods[m].reads && code == unavailable && w.r.Float64() > w.spreads() {
		final = ok
	}
	c := &edge.served[t][m]
	c.codes[final] += n
	c.observe(w.bounds, took+overhead, n)
	w.trace(&call{
		at: at, method: m, edge: edge, user: in, counted: !o.uncounted, overhead: overhead, own: o.own, db: o.db, took: took + overhead, code: code,
		dbFailed: o.dbFailed, dbMessage: o.dbMessage,
	}, n)
}

// spreads is the probability that a retry fails as well.
func (w *World) spreads() float64 {
	if w.effect.dbAway || len(w.effect.bursts) > 0 || len(w.effect.who) == len(w.users) {
		return 0.9
	}
	return 1 / float64(len(w.users))
}

// trace keeps some of the calls.
func (w *World) trace(c *call, n float64) {
	if w.r.Float64() > n*w.p.traced {
		return
	}
	c.id = fmt.Sprintf("%016x%016x", w.Seed, len(w.traced)+1)
	c.at = c.at.Add(time.Duration(w.r.Float64() * float64(tick)))
	w.traced = append(w.traced, *c)
}

// breakers move by what the last ticks brought.
func (w *World) breakers(at time.Time) {
	for _, g := range w.gates {
		n, failed := g.calls, g.failed
		g.calls, g.failed = 0, 0
		end := at.Add(tick)
		switch g.state {
		case fleet.BreakerClosed:
			if n >= 20 && failed/n >= 0.5 && g.override != fleet.ForcedOpen {
				g.move(fleet.BreakerOpen, end)
				g.trips++
			}
		case fleet.BreakerOpen:
			if end.Sub(g.since) >= w.p.openFor {
				g.move(fleet.BreakerHalfOpen, end)
			}
		default:
			switch {
			case n < 3:
			case failed > 0.2*n:
				g.move(fleet.BreakerOpen, end)
				g.trips++
			default:
				g.move(fleet.BreakerClosed, end)
			}
		}
	}
}

func (g *gate) move(to fleet.BreakerState, at time.Time) {
	g.state, g.since = to, at
	g.changes = append(g.changes, at)
}

// flapping is what the kit calls so: six changes in ten minutes.
func (g *gate) flapping(now time.Time) bool {
	n := len(g.changes)
	return n >= 6 && now.Sub(g.changes[n-6]) <= 10*time.Minute
}

// settle decides what the instances and the catalog say now.
func (w *World) settle() {
	e := &w.effect
	age := w.Now.Sub(w.onset)
	for _, in := range slices.Concat(w.users, w.edges) {
		met := e.meets(in, w.Now)
		switch {
		case met && e.dead:
			in.health, in.why = fleet.Unreachable, "dial tcp "+in.Addr+": connect: connection refused"
		case met && e.hangs:
			in.health, in.why = fleet.TimedOut, "no answer in time"
		case met && e.blocked:
			in.health, in.why = fleet.Unreachable, "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"
		case e.dbAway && in.Service == "user" && w.Seed%5 != 0 && age > 20*time.Second:
			in.health = fleet.NotServing
		case met && e.fail > 0.9 && w.Seed%5 == 0:
			in.health = fleet.NotServing
		}
		// The catalog's checks come every 10 s and need some failures.
		if in.health != fleet.Serving && in.Catalog == fleet.Passing && age > 45*time.Second {
			in.Catalog = fleet.Critical
			w.event(w.onset.Add(40*time.Second), fleet.CatalogChanged, in, string(fleet.Passing), string(fleet.Critical))
		}
	}
	// An edge depends on user: it says so where no instance serves.
	down := 0
	for _, in := range w.users {
		if in.health != fleet.Serving {
			down++
		}
	}
	if down == len(w.users) {
		for _, in := range w.edges {
			in.health, in.Catalog = fleet.NotServing, fleet.Critical
		}
	}
	slices.SortFunc(w.events, func(a, b fleet.Event) int { return a.At.Compare(b.At) })
	slices.SortFunc(w.traced, func(a, b call) int { return b.at.Compare(a.at) })
	for i := range w.traced {
		w.byID[w.traced[i].id] = &w.traced[i]
	}
}
