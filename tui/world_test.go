package tui

import (
	"fmt"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

// clock is the time of these tests.
var clock = time.Date(2026, 3, 1, 14, 5, 0, 0, time.UTC) //nolint:gochecknoglobals // it never changes

// crowd is n services of one instance each, one in fifty of them down.
func crowd(n int) *fleet.Delta {
	d := &fleet.Delta{At: clock, Whole: true}
	p := fleet.Provenance{Source: "consul 127.0.0.1:8500", Query: "GET /v1/health/service", At: clock, Feed: fleet.CatalogFeed}
	for i := range n {
		name := fmt.Sprintf("service-%06d", i)
		in := fleet.Instance{ID: name + "-1", Service: name, Addr: fmt.Sprintf("10.%d.%d.%d:9090", i>>16, i>>8&0xff, i&0xff), Version: "v2.4", Catalog: fleet.Passing}
		d.Instances = append(d.Instances, fleet.InstanceFact{Instance: in, Provenance: p})
		h := fleet.Health{Instance: in, State: fleet.Serving, Latency: time.Millisecond, Provenance: fleet.Provenance{Source: in.Addr, At: clock, Feed: fleet.HealthFeed}}
		if i%50 == 7 {
			h.State = fleet.NotServing
		}
		d.Health = append(d.Health, h)
		d.REDs = append(d.REDs, fleet.RED{
			Service: name, Side: fleet.ServerSide, Rate: float64(i%997) + .5, ErrorRatio: float64(i%13) / 1000, P50: .001, P95: .004, P99: .005 * float64(1+i%20),
			Window: 5 * time.Minute, Provenance: fleet.Provenance{Source: "prometheus 127.0.0.1:9090", At: clock, Feed: fleet.MetricsFeed},
		})
	}
	for _, name := range []string{fleet.CatalogFeed, fleet.HealthFeed, fleet.BreakerFeed, fleet.MetricsFeed} {
		d.Sources = append(d.Sources, fleet.SourceState{Name: name, Status: fleet.SourceFresh, Since: clock, At: clock})
	}
	return d
}

// open is a dashboard over recorded facts, run without a terminal until it has
// drawn them.
func open(tb testing.TB, d *fleet.Delta, o Options, w, h int) *headless {
	tb.Helper()
	store := fleet.NewStore(tb.Context(), fleet.StoreOptions{Now: func() time.Time { return clock }})
	tb.Cleanup(store.Close)
	if d != nil {
		store.Apply(d)
		store.Flush()
	}
	o.Store, o.Now = store, func() time.Time { return clock }
	if o.Context == "" {
		o.Context = "test"
	}
	m, err := newModel(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.close)
	m.size(w, h)
	run := newHeadless(tb.Context(), m)
	tb.Cleanup(run.wait)
	settle(tb, run)
	return run
}

// settle handles messages until the screen waits for nothing.
func settle(tb testing.TB, run *headless) {
	tb.Helper()
	timeout := time.AfterFunc(20*time.Second, func() { panic("the screen waits for ever: " + run.m.pages.top().Place().String()) })
	defer timeout.Stop()
	if err := run.until(run.m.settled); err != nil {
		tb.Fatal(err)
	}
}
