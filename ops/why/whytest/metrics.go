package whytest

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// metrics answers what Prometheus would, or what two scrapes within a second say.
type metrics struct{ w *World }

// key is what a series is about.
type key struct{ method, instance, caller string }

// cellsOf calls visit for each cell of a service in a tick.
func (m metrics) cellsOf(q *fleet.REDQuery, t int, visit func(key, *cell)) {
	w := m.w
	by := func(d fleet.Dimension, v string) string {
		if slices.Contains(q.By, d) {
			return v
		}
		return ""
	}
	if q.Side == fleet.ClientSide {
		if q.Service != "user" {
			return
		}
		for _, edge := range w.edges {
			for i, in := range w.users {
				visit(key{instance: by(fleet.ByInstance, in.ID), caller: by(fleet.ByCaller, "edge")}, &edge.sent[t][i])
			}
		}
		return
	}
	for _, in := range w.all() {
		if in.Service != q.Service || (in.health == fleet.Unreachable || in.health == fleet.TimedOut) && !w.time(t).Before(w.onset) {
			continue
		}
		if !slices.Contains(q.By, fleet.ByMethod) {
			visit(key{instance: by(fleet.ByInstance, in.ID)}, &in.total[t])
			continue
		}
		for i := range methods {
			visit(key{method: methods[i].name, instance: by(fleet.ByInstance, in.ID)}, &in.served[t][i])
		}
	}
}

func (m metrics) sum(q *fleet.REDQuery, from, to int) map[key]*cell {
	out := map[key]*cell{}
	for t := max(0, from); t < min(to, ticks); t++ {
		m.cellsOf(q, t, func(k key, c *cell) {
			if out[k] == nil {
				n := newCell(m.w.bounds)
				out[k] = &n
			}
			out[k].add(c)
		})
	}
	return out
}

func (m metrics) red(q *fleet.REDQuery, k key, c *cell, window time.Duration) fleet.RED {
	n := c.calls()
	r := fleet.RED{
		Service: q.Service, Method: k.method, Instance: k.instance, Caller: k.caller, Side: q.Side, Window: window,
		Rate: n / window.Seconds(), ErrorRatio: c.errors(), Codes: map[string]float64{},
		P50: c.quantile(m.w.bounds, 0.5), P95: c.quantile(m.w.bounds, 0.95), P99: c.quantile(m.w.bounds, 0.99),
		Provenance: fleet.Provenance{Source: "prometheus", Query: "sum(rate(...))", At: m.w.Now},
	}
	for i, v := range c.codes {
		if v > 0 {
			r.Codes[codeNames[i]] = v / window.Seconds()
		}
	}
	return r
}

func sorted(cells map[key]*cell) []key {
	keys := make([]key, 0, len(cells))
	for k := range cells {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return compare(a.method+a.instance+a.caller, b.method+b.instance+b.caller)
	})
	return keys
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

func (m metrics) RED(_ context.Context, q fleet.REDQuery) (fleet.REDList, error) {
	var l fleet.REDList
	if !q.At.IsZero() && m.w.has.scrape {
		return l, fleet.ErrNoHistory
	}
	window := q.Window
	var cells map[key]*cell
	if m.w.has.scrape {
		window, cells = time.Second, m.sum(&q, ticks-1, ticks)
		for k, c := range cells {
			t := c.thin(0.1, m.w.dice("scrape", k.method, k.instance, k.caller))
			cells[k] = &t
		}
	} else {
		n, end := int(q.Window/tick), ticks-1 // the last scrape was some seconds ago
		if !q.At.IsZero() {
			end = min(end, int(q.At.Sub(m.w.begin)/tick))
		}
		cells = m.sum(&q, end-n, end)
	}
	for _, k := range sorted(cells) {
		l.REDs = append(l.REDs, m.red(&q, k, cells[k], window))
	}
	return l, nil
}

// SinceStart is what the counters of a scrape say. The time before the world began
// was as its first quarter of an hour.
func (m metrics) SinceStart(_ context.Context, q fleet.REDQuery) (fleet.REDList, error) {
	var l fleet.REDList
	all, early := m.sum(&q, 0, ticks), m.sum(&q, 0, 90)
	for _, k := range sorted(all) {
		c, window := all[k], m.w.Now.Sub(m.w.begin)
		in := m.w.find(k.instance)
		if in == nil {
			continue
		}
		if in.started.Before(m.w.begin) {
			uptime := m.w.begin.Sub(in.started)
			factor := uptime.Seconds() / (90 * tick.Seconds())
			old := cell{hist: slices.Clone(early[k].hist)}
			old.codes = early[k].codes
			for i := range old.codes {
				old.codes[i] *= factor
			}
			for i := range old.hist {
				old.hist[i] *= factor
			}
			c.add(&old)
			window += uptime
		} else {
			from := int(in.started.Sub(m.w.begin) / tick)
			window = m.w.Now.Sub(in.started)
			c = m.sum(&q, from, ticks)[k]
		}
		if c != nil {
			l.REDs = append(l.REDs, m.red(&q, k, c, window))
		}
	}
	return l, nil
}

func (m metrics) REDRange(_ context.Context, q fleet.REDQuery, start, end time.Time, step time.Duration) ([]fleet.REDSeries, error) {
	if m.w.has.scrape {
		return nil, fleet.ErrNoHistory
	}
	series := map[key]*fleet.REDSeries{}
	var order []key
	n := int(q.Window / tick)
	for at := start; !at.After(end); at = at.Add(step) {
		t := int(at.Sub(m.w.begin)/tick) - 1
		cells := m.sum(&q, t-n, t)
		for _, k := range sorted(cells) {
			if series[k] == nil {
				series[k] = &fleet.REDSeries{RED: m.red(&q, k, cells[k], q.Window)}
				order = append(order, k)
			}
		}
		for k, s := range series {
			c := cells[k]
			rate, errors, p99 := math.NaN(), math.NaN(), math.NaN()
			if c != nil {
				rate, errors, p99 = c.calls()/q.Window.Seconds(), c.errors(), c.quantile(m.w.bounds, 0.99)
			}
			s.RateOverTime = append(s.RateOverTime, fleet.Point{At: at, Value: rate})
			s.ErrorsOverTime = append(s.ErrorsOverTime, fleet.Point{At: at, Value: errors})
			s.LatencyOverTime = append(s.LatencyOverTime, fleet.Point{At: at, Value: p99})
		}
	}
	out := make([]fleet.REDSeries, 0, len(order))
	for _, k := range order {
		out = append(out, *series[k])
	}
	return out, nil
}
