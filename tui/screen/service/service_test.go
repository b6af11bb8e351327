package service

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
)

func ago(d time.Duration) time.Time { return screentest.Now().Add(-d) }

func catalog(s fleet.SourceStatus, err error, notes ...string) fleet.SourceState {
	return fleet.SourceState{Name: fleet.CatalogFeed, Status: s, At: screentest.Now(), Err: err, Notes: notes}
}

func red(service, method, instance string, rate, ratio, p99 float64) fleet.RED {
	return fleet.RED{
		Service: service, Method: method, Instance: instance, Side: fleet.ServerSide, Rate: rate, ErrorRatio: ratio, P50: p99 / 2, P99: p99, Window: time.Minute,
		Codes: map[string]float64{"OK": rate * (1 - ratio), "UNAVAILABLE": rate * ratio}, Provenance: fleet.Provenance{Source: "prometheus", Query: "rate(" + method + instance + ")"},
	}
}

// shop is checkout with three instances, one of which does not serve and one of
// which was not asked; web calls it, it calls payments, and something has happened.
func shop() fleet.Delta {
	d := fleet.Delta{Whole: true, Sources: []fleet.SourceState{catalog(fleet.SourceFresh, nil)}}
	for n, version := range []string{"v2", "v2", "v1"} {
		in := fleet.Instance{
			ID: fmt.Sprintf("checkout-%d", n+1), Service: "checkout", Addr: fmt.Sprintf("10.0.0.%d:9090", n+1), Version: version, Zone: "eu-1", Catalog: fleet.Passing,
			Tags: []string{"blue"}, Meta: map[string]string{"team": "shop"},
		}
		d.Instances = append(d.Instances, fleet.InstanceFact{Instance: in, Provenance: fleet.Provenance{Source: "consul", Query: "GET /v1/health"}})
		if n < 2 {
			h := fleet.Health{Instance: in, State: fleet.Serving, Latency: time.Millisecond}
			if n == 1 {
				h.State, h.Err = fleet.Unreachable, &fleet.Error{What: "connection refused", Hint: "check the port"}
			}
			d.Health = append(d.Health, h)
		}
	}
	d.REDs = []fleet.RED{
		red("checkout", "", "", 1200, .0841, 2.9), red("checkout", "shop.v1.Checkout/Pay", "", 310, .312, 3), red("checkout", "shop.v1.Checkout/GetCart", "", 890, 0, .038),
		red("checkout", "", "checkout-1", 900, .01, .2),
	}
	d.Dependencies = []fleet.Dependency{{Caller: "web", Callee: "checkout", RED: red("checkout", "", "", 1100, .08, 2)}, {Caller: "checkout", Callee: "payments", RED: red("payments", "", "", 300, .3, 3)}}
	d.Breakers = []fleet.Breaker{{Caller: fleet.Instance{ID: "checkout-1", Service: "checkout"}, Name: "payments/pay", Target: "payments", State: fleet.BreakerHalfOpen, Override: fleet.NotForced}}
	d.Events = []fleet.Event{
		{At: ago(2 * time.Minute), Kind: fleet.InstanceCame, Service: "checkout", Instance: "checkout-3"},
		{At: ago(time.Minute), Kind: fleet.HealthChanged, Service: "checkout", Instance: "checkout-2", From: "serving", To: "unreachable", Exact: true},
		{At: ago(time.Minute), Kind: fleet.InstanceCame, Service: "web", Instance: "web-1"},
	}
	return d
}

// metrics is a MetricsReader that answers with these series, or fails.
type metrics struct {
	fleet.MetricsReader

	series []fleet.REDSeries
	err    error
	asked  []fleet.REDQuery
	spans  []time.Duration
}

func (m *metrics) REDRange(_ context.Context, q fleet.REDQuery, from, to time.Time, _ time.Duration) ([]fleet.REDSeries, error) {
	m.asked, m.spans = append(m.asked, q), append(m.spans, to.Sub(from))
	if q.Side != fleet.ServerSide {
		return nil, m.err
	}
	return m.series, m.err
}

func (m *metrics) open(context.Context) (fleet.MetricsReader, error) { return m, nil }

func hour() []fleet.REDSeries {
	s := fleet.REDSeries{RED: red("checkout", "", "", 1200, .08, 2.9)}
	for n := range 60 {
		at := ago(time.Duration(60-n) * time.Minute)
		s.RateOverTime = append(s.RateOverTime, fleet.Point{At: at, Value: float64(1000 + n)})
		s.ErrorsOverTime = append(s.ErrorsOverTime, fleet.Point{At: at, Value: float64(n) / 1000})
		s.LatencyOverTime = append(s.LatencyOverTime, fleet.Point{At: at, Value: .1})
	}
	return []fleet.REDSeries{s}
}

func shown(t testing.TB, d fleet.Delta, m *metrics) (*Screen, *screen.Look) {
	t.Helper()
	look := screentest.Look(t, screentest.Snapshot(t, d))
	look.Clock, look.Height = look.Now, 40
	look.History.Add(look.Snap)
	if m != nil {
		look.Env.Metrics = m.open
	}
	s := New(&screen.Jobs{Parent: t.Context()}, "checkout", nil)
	screentest.Send(s, look, screen.Shown{})
	return s, look
}

// choose gives the pane of a name the keys.
func choose(t *testing.T, s *Screen, name string) {
	t.Helper()
	if !s.SetPane(name) || s.Pane() != name {
		t.Fatalf("no pane %s in %v", name, s.Panes())
	}
}

func TestAllPanesAreSeenOnAWideScreen(t *testing.T) {
	s, look := shown(t, shop(), &metrics{series: hour()})
	look.Width = 160
	screentest.Want(t, s, look,
		"RPS 1.2k", "ERR 8.41%", "P99 2.9s", "max ",
		"[methods]", "Checkout/Pay", "UNAVAILABLE 100%", "31.2", "3s", "Checkout/GetCart", "38ms",
		"instances", "✗ checkout-2", "unreachable", "? checkout-3", "not asked", "✓ checkout-1", "serving", "!v1",
		"calls", "from →    web", "to →      payments", "1 half",
		"events", "14:04:00 checkout-2 health from serving to unreachable", "~14:03:00 checkout-3 was added")
	if got := screentest.Plain(t, s, look); strings.Contains(got, "web-1") || strings.Index(got, "✗ checkout-2") > strings.Index(got, "✓ checkout-1") {
		t.Errorf("an event of another, or the instance in trouble is not the first:\n%s", got)
	}
	if s.Place() != (screen.Place{Screen: "service", Subject: "checkout"}) || len(s.Hints()) == 0 {
		t.Errorf("the place is %v", s.Place())
	}
}

func TestEachStateSaysWhatToDo(t *testing.T) {
	other := fleet.InstanceFact{Instance: fleet.Instance{ID: "checkouts-1", Service: "checkouts"}}
	for want, c := range map[string]struct {
		do     string
		d      fleet.Delta
		isPast bool
	}{
		"Asking the catalog for checkout":                 {"", fleet.Delta{Sources: []fleet.SourceState{catalog(fleet.SourceStarting, nil)}}, false},
		"No catalog: refused":                             {"gctl doctor", fleet.Delta{Sources: []fleet.SourceState{catalog(fleet.SourceFailing, errors.New("refused"))}}, false},
		"The catalog has no service checkout.":            {"Did you mean checkouts? :service checkouts", fleet.Delta{Instances: []fleet.InstanceFact{other}, Sources: []fleet.SourceState{catalog(fleet.SourceFresh, nil)}}, false},
		"The catalog has no service checkout":             {":services lists what there is", fleet.Delta{Sources: []fleet.SourceState{catalog(fleet.SourceFresh, nil)}}, false},
		"The catalog shows no service checkout: ACLs hid": {"CONSUL_HTTP_TOKEN", fleet.Delta{Sources: []fleet.SourceState{catalog(fleet.SourceFresh, nil, fleet.Hidden)}}, false},
		"Nothing is kept of 14:05:00.":                    {"0 comes back to now", fleet.Delta{}, true},
	} {
		c.d.Whole = true
		s, look := shown(t, c.d, nil)
		look.Live = !c.isPast
		screentest.Want(t, s, look, want, c.do)
		screentest.Act(s, look, key.Enter, key.Down, key.NextPane, key.Enter, key.Mark, key.PrevPane)
		if s.Focus(look).Service != "checkout" || s.Data(look) != nil {
			t.Errorf("%s: the focus is %+v", want, s.Focus(look))
		}
		s.Evidence(look)
		s.Describe(look)
		s.Copied(look)
	}
}

// What nobody counts is said, and is no 0; a pane of nothing says what to do.
func TestWhatIsNotKnownIsNotShownAsNothing(t *testing.T) {
	d := shop()
	d.REDs, d.Dependencies, d.Breakers, d.Events = nil, nil, nil, nil
	s, look := shown(t, d, &metrics{})
	look.Width = 160
	screentest.Want(t, s, look, "RPS ?", "ERR ?", "P99 ?", "nobody has counted calls", "nobody counts the calls by method", "nobody who counts calls has called it", "nothing has changed since")
	d = shop()
	for i := range d.REDs {
		d.REDs[i].ErrorRatio, d.REDs[i].P99 = math.NaN(), math.NaN()
		d.REDs[i].Codes = map[string]float64{"OK": math.NaN(), "UNAVAILABLE": math.NaN()}
	}
	s, look = shown(t, d, nil)
	for line := range strings.Lines(screentest.Plain(t, s, look)) {
		if left, _, _ := strings.Cut(line, "│"); strings.Contains(left, "Checkout/") && (strings.Contains(left, "OK") || strings.Contains(left, "0.0")) {
			t.Errorf("what is not known is shown as good: %q", line)
		}
	}
	if got := codes(map[string]float64{"OK": 3}); got != "OK" {
		t.Errorf("only good calls: %q", got)
	}
	if got := codes(map[string]float64{"OK": 3, "INTERNAL": 1, "UNAVAILABLE": 2, "UNKNOWN": 1}); got != "UNAVAILABLE 50% INTERNAL 25%" && got != "UNAVAILABLE 50.0% INTERNAL 25.0%" {
		t.Errorf("the codes are %q", got)
	}
}

func TestTheChartsAskAndSayWhyThereAreNone(t *testing.T) {
	m := &metrics{err: errors.New("prometheus refused")}
	d := shop()
	d.REDs = nil
	s, look := shown(t, d, m)
	screentest.Want(t, s, look, "prometheus refused")
	// What is longer than a chart is wide is told once, across all of them.
	if text := screentest.Plain(t, s, look); strings.Count(text, "prometheus refused") != 1 {
		t.Errorf("it is not told once:\n%s", text)
	}
	narrow := *look
	narrow.Width, narrow.Height = 60, 13
	s.charts.curves.err = errors.New("the past cannot be read from http://127.0.0.1:9090: it refuses all that is asked")
	screentest.Want(t, s, &narrow, "refuses all that is asked")
	if len(m.asked) != 1 || m.asked[0].Service != "checkout" || len(m.asked[0].Instances) != 3 || m.spans[0] != time.Hour {
		t.Errorf("asked %+v over %v", m.asked, m.spans)
	}
	// Another window asks again, and what comes back is drawn.
	m.err, m.series = nil, hour()
	look.Window = 15 * time.Minute
	screentest.Send(s, look, screen.Changed{Window: true})
	if n := len(m.spans); n != 2 || m.spans[1].Round(time.Minute) != 15*time.Minute {
		t.Errorf("asked over %v", m.spans)
	}
	screentest.Want(t, s, look, "RPS 1.2k", "max 1.1k")
	// As time goes by it asks again, but not each second; what fails then costs nothing.
	look.Now = look.Now.Add(time.Second)
	screentest.Send(s, look, screen.Changed{})
	if len(m.asked) != 2 {
		t.Error("it asks each second")
	}
	m.err = errors.New("refused again")
	look.Now = look.Now.Add(15 * time.Second)
	screentest.Send(s, look, screen.Changed{})
	if len(m.asked) != 3 {
		t.Error("it does not ask again")
	}
	screentest.Want(t, s, look, "RPS 1.2k curve 16s old", "max 1.1k")
	choose(t, s, "methods")
	all := fmt.Sprintf("%+v", s.Evidence(look))
	if !strings.Contains(all, "the charts of checkout") || !strings.Contains(all, "gctl metrics checkout --since 15m") {
		t.Errorf("the evidence is %s", all)
	}
	for window, want := range map[time.Duration]string{7 * 24 * time.Hour: "--since 168h]", 100 * time.Minute: "--since 1h40m]"} { // as gctl reads it
		look.Window = window
		if all := fmt.Sprintf("%+v", s.Evidence(look)); !strings.Contains(all, want) {
			t.Errorf("%v: %s", window, all)
		}
	}
}

// Where nothing with a memory answers, what the dashboard has seen is drawn.
func TestTheChartsShowWhatWasSeen(t *testing.T) {
	s, look := shown(t, shop(), nil)
	screentest.Want(t, s, look, "RPS 1.2k", "max 1.2k")
	if all := fmt.Sprintf("%+v", s.Evidence(look)); !strings.Contains(all, "nothing with a memory has answered") {
		t.Errorf("the evidence is %s", all)
	}
}

// With the time cursor in the past the numbers are of then.
func TestTheTimeCursorIsOnTheCharts(t *testing.T) {
	s, look := shown(t, shop(), &metrics{series: hour()})
	look.Live, look.Now = false, ago(30*time.Minute)
	screentest.Send(s, look, screen.Changed{Facts: true, Window: true})
	screentest.Want(t, s, look, "RPS 1.0k", "ERR 3.00%", "┃")
	if got := screentest.Plain(t, s, look); strings.Contains(got, "ERR 8.41%") {
		t.Errorf("the number is of now:\n%s", got)
	}
}

// A curve says nothing of a time of which it has no point.
func TestTheCurvesEndWhereNothingIsKnown(t *testing.T) {
	m := &metrics{series: hour()}
	s, look := shown(t, shop(), m)
	list := m.series[0].RateOverTime
	last := list[len(list)-1].At
	for after, want := range map[time.Duration]bool{0: true, time.Minute: true, 61 * time.Second: false, -2 * time.Hour: false} {
		if v := at(list, last.Add(after), 30*time.Second); math.IsNaN(v) == want {
			t.Errorf("%v after the last point it is %v", after, v)
		}
	}
	// Where the cursor goes out of the range, the curves of the old one are gone before
	// the answer comes, and do not come back when it fails.
	m.err = errors.New("refused again")
	look.Live, look.Now = false, ago(5*time.Hour)
	cmd := s.Update(screen.Changed{Facts: true, Window: true}, look)
	screentest.Want(t, s, look, "asking", "RPS ?")
	screentest.Run(s, look, cmd)
	screentest.Want(t, s, look, "refused again", "RPS ?")
}

// Where the metrics do not answer, the number of now says how old it is.
func TestAnOldNumberSaysSo(t *testing.T) {
	d := shop()
	for i := range d.REDs {
		d.REDs[i].Provenance = fleet.Provenance{Feed: fleet.MetricsFeed, At: ago(3 * time.Minute)}
	}
	d.Sources = append(d.Sources, fleet.SourceState{Name: fleet.MetricsFeed, Status: fleet.SourceFailing, At: ago(3 * time.Minute), Err: errors.New("down")})
	s, look := shown(t, d, nil)
	screentest.Want(t, s, look, "RPS 1.2k 3m old", "ERR 8.41% 3m old")
}

func TestKeysInThePanes(t *testing.T) {
	s, look := shown(t, shop(), nil)
	look.Width = 160
	if f := s.Focus(look); f.Service != "checkout" || f.Method != "shop.v1.Checkout/GetCart" {
		t.Errorf("the method under the cursor is %+v", f)
	}
	screentest.Act(s, look, key.NextPane)
	if f := s.Focus(look); s.Pane() != "instances" || f.Instance != "checkout-2" || len(f.Marked) != 1 || f.Marked[0].ID != "checkout-2" {
		t.Errorf("%s: %+v", s.Pane(), f)
	}
	said := screentest.Act(s, look, key.Enter)
	if show, ok := said[0].(screen.Show); !ok || show.Title != "checkout-2" || !strings.Contains(strings.Join(show.Lines, "\n"), "hint      check the port") || !strings.Contains(strings.Join(show.Lines, "\n"), "meta      team = shop") {
		t.Errorf("enter on an instance says %+v", said)
	}
	screentest.Act(s, look, key.Mark, key.Mark)
	if f := s.Focus(look); len(f.Marked) != 2 {
		t.Errorf("marked %+v", f.Marked)
	}
	if !s.Unmark() {
		t.Error("the marks stay")
	}
	if all := fmt.Sprintf("%+v", s.Evidence(look)); !strings.Contains(all, "GET /v1/health") {
		t.Errorf("the evidence is %s", all)
	}
	screentest.Act(s, look, key.NextPane, key.Top)
	for _, want := range []string{"payments", "web"} { // to, then from
		said = screentest.Act(s, look, key.Enter)
		if len(said) != 1 || said[0] != tea.Msg(screen.Go{Place: screen.Place{Screen: "service", Subject: want}}) {
			t.Errorf("enter on the calls says %v, want %s", said, want)
		}
		if s.Data(look) == nil || len(s.Evidence(look)) == 0 {
			t.Errorf("no data of the calls with %s", want)
		}
		screentest.Act(s, look, key.Down)
	}
	screentest.Act(s, look, key.NextPane)
	if data := fmt.Sprint(s.Data(look)); s.Pane() != "events" || !strings.Contains(data, "to:unreachable") {
		t.Errorf("%s: %s", s.Pane(), data)
	}
	screentest.Act(s, look, key.NextPane, key.PrevPane, key.PrevPane, key.PrevPane, key.PrevPane)
	if s.Pane() != "methods" {
		t.Errorf("round and back it is %s", s.Pane())
	}
}

// A filter and an order are those of the pane that has the keys.
func TestFiltersAndOrderArePanes(t *testing.T) {
	s, look := shown(t, shop(), nil)
	look.Width = 160
	screentest.Run(s, look, s.SetFilter("err>1", look))
	if got := screentest.Plain(t, s, look); strings.Contains(got, "GetCart") || !strings.Contains(got, "Pay") || !strings.Contains(got, "checkout-3") {
		t.Errorf("filtered\n%s", got)
	}
	screentest.Run(s, look, s.SetFilter("zzz!", look))
	screentest.Want(t, s, look, "nothing matches; esc clears the filter")
	choose(t, s, "instances")
	if s.Filter() != "" || s.Order() != "trouble" {
		t.Errorf("the other pane has %q, %q", s.Filter(), s.Order())
	}
	for range 2 {
		cmd, ok := s.SortBy("n", look)
		screentest.Run(s, look, cmd)
		if !ok {
			t.Fatal("not sorted")
		}
	}
	if got := screentest.Plain(t, s, look); s.Order() != "-instance" || strings.Index(got, "checkout-3 ") > strings.Index(got, "checkout-1 ") {
		t.Errorf("by %s\n%s", s.Order(), got)
	}
	if _, ok := s.SortBy("z", look); ok {
		t.Error("sorted by nothing")
	}
	choose(t, s, "methods")
	if s.Order() != "rps" || s.SetPane("nothing") || len(s.Letters()) == 0 {
		t.Errorf("the order of the methods is %s", s.Order())
	}
}

// A click goes to the pane and the row that it is on.
func TestAClickGoesToARow(t *testing.T) {
	s, look := shown(t, shop(), nil)
	look.Width = 160
	y := func(text string) int {
		for i, line := range strings.Split(screentest.Plain(t, s, look), "\n") {
			if strings.Contains(line, text) {
				return i
			}
		}
		t.Fatalf("%q is not shown", text)
		return 0
	}
	screentest.Send(s, look, screen.Click{X: 100, Y: y("? checkout-3")})
	if f := s.Focus(look); s.Pane() != "instances" || f.Instance != "checkout-3" {
		t.Errorf("%s: %+v", s.Pane(), f)
	}
	said := screentest.Send(s, look, screen.Click{X: 4, Y: y("from →    web"), Twice: true})
	if s.Pane() != "calls" || len(said) != 1 || said[0] != tea.Msg(screen.Go{Place: screen.Place{Screen: "service", Subject: "web"}}) {
		t.Errorf("%s: %v", s.Pane(), said)
	}
	screentest.Send(s, look, screen.Click{X: 4, Y: 0})
}

// The catalog may answer after the screen is open: the charts then ask again for the
// instances that there are.
func TestTheChartsAskAgainWhenTheInstancesAreKnown(t *testing.T) {
	m := &metrics{series: hour()}
	s, look := shown(t, fleet.Delta{Whole: true, Sources: []fleet.SourceState{catalog(fleet.SourceStarting, nil)}}, m)
	look.Snap = screentest.Snapshot(t, shop())
	screentest.Send(s, look, screen.Changed{Facts: true})
	if n := len(m.asked); n != 2 || len(m.asked[1].Instances) != 3 {
		t.Errorf("asked %d times: %+v", n, m.asked)
	}
	screentest.Want(t, s, look, "checkout-2")
}

func TestOwnColumns(t *testing.T) {
	look := screentest.Look(t, screentest.Snapshot(t, shop()))
	s := New(&screen.Jobs{Parent: t.Context()}, "checkout", map[string][]string{"instances": {"zone", "instance"}})
	screentest.Send(s, look, screen.Shown{})
	choose(t, s, "instances")
	if got := screentest.Plain(t, s, look); strings.Contains(got, "CATALOG") || strings.Index(got, "ZONE") > strings.Index(got, "INSTANCE") {
		t.Errorf("the columns are\n%s", got)
	}
	if names := Columns(); len(names) != 4 || len(names["calls"]) == 0 {
		t.Errorf("the names are %v", names)
	}
}

func TestNarrowScreens(t *testing.T) {
	s, look := shown(t, shop(), &metrics{series: hour()})
	look.Width, look.Height = 60, 13
	screentest.Want(t, s, look, "RPS 1.2k", "[methods]", "instances", "Pay")
	choose(t, s, "instances")
	screentest.Want(t, s, look, "[instances]", "✗ checkout-2", "unreachable")
	for w := range 140 {
		for _, h := range []int{0, 1, 2, 3, 6, 8, 12, 20, 40} {
			look.Width, look.Height = w+1, h
			screentest.Plain(t, s, look)
		}
		screentest.Act(s, look, key.NextPane)
	}
}
