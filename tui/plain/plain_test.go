package plain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/plain"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
)

// world is a fleet that changes.
type world struct {
	t     *testing.T
	store *fleet.Store
	seen  *history.History
	last  *fleet.Snapshot
	now   time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	t.Cleanup(store.Close)
	return &world{t: t, store: store, seen: history.New(history.Options{}), last: store.Snapshot(), now: screentest.Now()}
}

// next is the fleet after a delta, ten seconds later.
func (w *world) next(d fleet.Delta) *fleet.Snapshot {
	w.now = w.now.Add(10 * time.Second)
	d.At = w.now
	w.store.Apply(&d)
	snap := w.store.Flush()
	w.seen.Add(snap)
	w.last = snap
	return snap
}

func in(service, id string, catalog fleet.Status) fleet.InstanceFact {
	return fleet.InstanceFact{Instance: fleet.Instance{ID: id, Service: service, Addr: "10.0.0.1:9090", Catalog: catalog}}
}

func health(service, id string, state fleet.HealthState) fleet.Health {
	return fleet.Health{Instance: fleet.Instance{ID: id, Service: service}, State: state}
}

func red(service string, ratio float64) fleet.RED {
	return fleet.RED{Service: service, Side: fleet.ServerSide, Rate: 10, ErrorRatio: ratio, P99: .01}
}

func fresh(names ...string) []fleet.SourceState {
	var list []fleet.SourceState
	for _, name := range names {
		list = append(list, fleet.SourceState{Name: name, Status: fleet.SourceFresh})
	}
	return list
}

// first is a fleet with all that there is to tell.
func first() fleet.Delta {
	d := fleet.Delta{Whole: true, Sources: append(fresh(fleet.CatalogFeed, fleet.HealthFeed),
		fleet.SourceState{Name: fleet.MetricsFeed, Status: fleet.SourceFailing, Err: &fleet.Error{What: "prometheus", Err: errors.New("refused"), Hint: "gctl doctor"}},
		fleet.SourceState{Name: fleet.BreakerFeed, Status: fleet.SourceStarting})}
	for _, name := range []string{"cart", "checkout", "ledger"} {
		for n := range 2 {
			d.Instances = append(d.Instances, in(name, fmt.Sprintf("%s-%d", name, n+1), fleet.Passing))
		}
	}
	for _, id := range []string{"cart-1", "cart-2", "checkout-1"} {
		d.Health = append(d.Health, health(id[:len(id)-2], id, fleet.Serving))
	}
	d.Health = append(d.Health, health("checkout", "checkout-2", fleet.NotServing))
	return d
}

func texts(lines []plain.Line) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s %s [%s]\n", l.At.Format("15:04:05"), l.Text, l.To)
	}
	return b.String()
}

func same(t *testing.T, got []plain.Line, want string) {
	t.Helper()
	if text := texts(got); text != want {
		t.Errorf("told\n%swant\n%s", text, want)
	}
}

func TestItBeginsWithHowTheFleetStands(t *testing.T) {
	w := newWorld(t)
	teller := plain.New(w.seen, plain.Options{Labels: map[string]string{fleet.CatalogFeed: "consul"}})
	same(t, teller.Begin(w.next(first())), `14:05:10 answering: consul, health []
14:05:10 source metrics is failing: prometheus: refused; gctl doctor [failing]
14:05:10 source breakers has not answered yet [unknown]
14:05:10 3 services: 1 bad, 1 unknown, 1 ok []
14:05:10 checkout is bad: 1 of 2 down [bad]
`)
	if teller.Changed() || len(teller.Tell()) > 0 {
		t.Error("a fleet that stands as it stood has changed")
	}
}

func TestOneServiceOnly(t *testing.T) {
	w := newWorld(t)
	teller := plain.New(w.seen, plain.Options{Service: "checkout"})
	got := texts(teller.Begin(w.next(first())))
	for _, want := range []string{"checkout is bad: 1 of 2 down, 1 of 2 serve []\n", "checkout-2 at 10.0.0.1:9090: not serving [bad]\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told:\n%s", want, got)
		}
	}
	if strings.Contains(got, "ledger") || strings.Contains(got, "checkout-1 at") {
		t.Errorf("told what is of others, or is well:\n%s", got)
	}
	teller.Look(w.next(fleet.Delta{Health: []fleet.Health{health("cart", "cart-1", fleet.NotServing)}}))
	teller.Event(fleet.Event{At: w.now, Kind: fleet.HealthChanged, Service: "cart", Instance: "cart-1", From: "serving", To: "not_serving"})
	teller.Event(fleet.Event{At: w.now, Kind: fleet.SourceChanged, Subject: fleet.HealthFeed, From: "fresh", To: "failing: refused"})
	same(t, teller.Tell(), "14:05:20 source health fresh to failing: refused [failing]\n") // it concerns all
	for service, want := range map[string]string{"chekout": "the catalog has no service chekout; did you mean checkout?", "xyz": "the catalog has no service xyz"} {
		got := texts(plain.New(w.seen, plain.Options{Service: service}).Begin(w.last))
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told:\n%s", want, got)
		}
	}
}

// What is not known is not told as if there was nothing, nor as good.
func TestWhatIsNotKnownIsSaid(t *testing.T) {
	for want, s := range map[string]fleet.SourceState{
		"which services there are is not known yet": {Name: fleet.CatalogFeed, Status: fleet.SourceStarting},
		"which services there are is not known []":  {Name: fleet.CatalogFeed, Status: fleet.SourceFailing, Err: errors.New("refused")},
		"the catalog has no services":               {Name: fleet.CatalogFeed, Status: fleet.SourceFresh},
		"ACLs hid":                                  {Name: fleet.CatalogFeed, Status: fleet.SourceFresh, Notes: []string{"ACLs hid results"}},
	} {
		w := newWorld(t)
		if got := texts(plain.New(w.seen, plain.Options{}).Begin(w.next(fleet.Delta{Whole: true, Sources: []fleet.SourceState{s}}))); !strings.Contains(got, want) {
			t.Errorf("%q is not told:\n%s", want, got)
		}
	}
	// A catalog that fails does not mean that services are gone.
	w := newWorld(t)
	teller := plain.New(w.seen, plain.Options{})
	teller.Begin(w.next(first()))
	failing := fleet.SourceState{Name: fleet.CatalogFeed, Status: fleet.SourceFailing, Err: errors.New("refused")}
	teller.Look(w.next(fleet.Delta{Whole: true, Sources: []fleet.SourceState{failing}}))
	if got := texts(teller.Tell()); strings.Contains(got, "gone") {
		t.Errorf("told\n%s", got)
	}
}

func TestChangesAreToldWithTheirReason(t *testing.T) {
	w := newWorld(t)
	teller := plain.New(w.seen, plain.Options{})
	teller.Begin(w.next(first()))
	step := func(d fleet.Delta, want string, events ...fleet.Event) {
		t.Helper()
		teller.Look(w.next(d))
		for _, e := range events {
			e.At = w.now.Add(-time.Second)
			teller.Event(e)
		}
		same(t, teller.Tell(), want)
	}
	step(fleet.Delta{Health: []fleet.Health{health("checkout", "checkout-1", fleet.Unreachable)}},
		"14:05:19 checkout checkout-1 health from serving to unreachable [unreachable]\n14:05:20 checkout is worse, still bad: all down [bad]\n",
		fleet.Event{Kind: fleet.HealthChanged, Service: "checkout", Instance: "checkout-1", From: "serving", To: "unreachable"})
	step(fleet.Delta{Health: []fleet.Health{health("checkout", "checkout-1", fleet.Serving)}}, "14:05:30 checkout is better, still bad: 1 of 2 down [bad]\n")
	step(fleet.Delta{Health: []fleet.Health{health("checkout", "checkout-2", fleet.Serving)}}, "14:05:40 checkout is better: ok, was bad [ok]\n")
	step(fleet.Delta{REDs: []fleet.RED{red("checkout", .02)}}, "14:05:50 checkout is worse: degraded: errors 2%, was ok [degraded]\n")
	step(fleet.Delta{REDs: []fleet.RED{red("checkout", .021)}}, "") // numbers that tremble
	step(fleet.Delta{Health: []fleet.Health{health("ledger", "ledger-1", fleet.Serving), health("ledger", "ledger-2", fleet.Serving)}},
		"14:06:10 ledger is ok, was unknown [ok]\n") // which is not better
	step(fleet.Delta{Instances: []fleet.InstanceFact{in("fraud", "fraud-1", fleet.Passing)}, Health: []fleet.Health{health("fraud", "fraud-1", fleet.NotServing)}},
		"14:06:19 fraud fraud-1 was added []\n14:06:20 fraud is new: bad: all down [bad]\n",
		fleet.Event{Kind: fleet.InstanceCame, Service: "fraud", Instance: "fraud-1"})
	step(fleet.Delta{Gone: []fleet.Gone{{Kind: "instance", Service: "fraud", Key: [4]string{"fraud-1"}}, {Kind: "health", Service: "fraud", Key: [4]string{"fraud-1", ""}}}},
		"14:06:30 fraud is gone from the catalog []\n")
	step(fleet.Delta{Sources: fresh(fleet.CatalogFeed, fleet.HealthFeed, fleet.MetricsFeed, fleet.BreakerFeed)},
		"14:06:39 source metrics failing to fresh [fresh]\n14:06:40 source breakers answers [fresh]\n",
		fleet.Event{Kind: fleet.SourceChanged, Subject: fleet.MetricsFeed, From: "failing", To: "fresh"})
	step(fleet.Delta{}, "14:06:49 cart cart-1 breaker payments from closed to open [open]\n",
		fleet.Event{Kind: fleet.BreakerChanged, Service: "cart", Instance: "cart-1", Subject: "payments", From: "closed", To: "open"})
	if got := teller.End(); got != "3 services: 1 degraded, 2 ok" {
		t.Errorf("at the end: %s", got)
	}
}

func TestManyChangesOfOneServiceAreCounted(t *testing.T) {
	w := newWorld(t)
	teller := plain.New(w.seen, plain.Options{})
	teller.Begin(w.next(first()))
	for n := range 7 {
		teller.Event(fleet.Event{At: w.now, Kind: fleet.HealthChanged, Service: "cart", Instance: "cart-1", From: fmt.Sprint(n), To: "serving"})
	}
	teller.Event(fleet.Event{At: w.now, Kind: fleet.InstanceCame, Service: "cart", Instance: "cart-3"})
	for range 5 {
		teller.Event(fleet.Event{At: w.now, Kind: fleet.VersionChanged, Service: "ledger", Instance: "ledger-1", From: "v1", To: "v2"})
	}
	got := texts(teller.Tell())
	if !strings.Contains(got, "cart: 8 changes: 7 health changed, 1 instance added") || strings.Contains(got, "cart-1") || strings.Count(got, "ledger ledger-1 version from v1 to v2") != 5 {
		t.Errorf("told\n%s", got)
	}
}

// A flood over the whole fleet is a few lines with the worst by name.
func TestAFloodDoesNotDrown(t *testing.T) {
	const many = 300
	w := newWorld(t)
	teller := plain.New(w.seen, plain.Options{})
	d := fleet.Delta{Whole: true, Sources: fresh(fleet.CatalogFeed)}
	down := fleet.Delta{}
	for n := range many {
		name := fmt.Sprintf("s%03d", n)
		for i := range 2 {
			id := fmt.Sprintf("%s-%d", name, i)
			d.Instances = append(d.Instances, in(name, id, fleet.Passing))
			d.Health = append(d.Health, health(name, id, fleet.Serving))
			if n == 200 || i == 0 {
				down.Health = append(down.Health, health(name, id, fleet.NotServing))
			}
		}
	}
	teller.Begin(w.next(d))
	teller.Look(w.next(down))
	for n := range many {
		teller.Event(fleet.Event{At: w.now, Kind: fleet.HealthChanged, Service: fmt.Sprintf("s%03d", n), Instance: fmt.Sprintf("s%03d-0", n), From: "serving", To: "not_serving"})
	}
	teller.Event(fleet.Event{At: w.now, Kind: fleet.SourceChanged, Subject: fleet.HealthFeed, From: "fresh", To: "failing"})
	lines := teller.Tell()
	got := texts(lines)
	for _, want := range []string{"source health fresh to failing", "300 changes of 300 services: 300 health changed", "s200 is worse: bad: all down, was ok", "and 290 more services stand otherwise: 290 worse, 0 better, 0 neither", "300 services: 300 bad"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told:\n%s", want, got)
		}
	}
	if len(lines) > 15 || teller.Changed() {
		t.Errorf("%d lines; changed %v:\n%s", len(lines), teller.Changed(), got)
	}
	if got := texts(plain.New(w.seen, plain.Options{}).Begin(w.last)); strings.Count(got, "\n") != 13 || !strings.Contains(got, "and 290 more in trouble") {
		t.Errorf("begun in trouble:\n%s", got)
	}
}
