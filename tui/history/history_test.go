package history_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
)

func clock() time.Time { return time.Date(2026, 3, 1, 14, 5, 0, 0, time.UTC) }

const unknown = "NaN " + "NaN " + "NaN" // of three steps

// fleetOf makes snapshots of one store.
func fleetOf(t *testing.T) func(at time.Time, d fleet.Delta) *fleet.Snapshot {
	t.Helper()
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	t.Cleanup(store.Close)
	return func(at time.Time, d fleet.Delta) *fleet.Snapshot {
		d.At = at
		store.Apply(&d)
		return store.Flush()
	}
}

func calls(service string, rate float64, side fleet.Side) fleet.Delta {
	return fleet.Delta{REDs: []fleet.RED{{Service: service, Side: side, Rate: rate, ErrorRatio: rate / 1000, P99: rate / 100}}}
}

func TestTheSnapshotOfATimeIsTheLastBeforeIt(t *testing.T) {
	next, h := fleetOf(t), history.New(history.Options{})
	if h.At(clock()) != nil || h.Walk(clock(), 1) != nil || !h.Oldest().IsZero() {
		t.Error("something is kept of nothing")
	}
	var snaps []*fleet.Snapshot
	for n := range 3 {
		snaps = append(snaps, next(clock().Add(time.Duration(n)*10*time.Second), calls("cart", float64(n), fleet.ServerSide)))
		h.Add(snaps[n])
		h.Add(snaps[n]) // again: nothing new
	}
	for after, want := range map[time.Duration]*fleet.Snapshot{
		-time.Second: nil, 0: snaps[0], 9 * time.Second: snaps[0], 10 * time.Second: snaps[1], 20 * time.Second: snaps[2], time.Hour: snaps[2],
	} {
		if got := h.At(clock().Add(after)); got != want {
			t.Errorf("%v after it is another", after)
		}
	}
	for _, c := range []struct {
		from time.Duration
		n    int
		want int
	}{{10 * time.Second, 1, 2}, {10 * time.Second, -1, 0}, {15 * time.Second, 1, 2}, {0, -5, 0}, {0, 9, 2}, {-time.Minute, 1, 0}} {
		if got := h.Walk(clock().Add(c.from), c.n); got != snaps[c.want] {
			t.Errorf("%d from %v is not number %d", c.n, c.from, c.want)
		}
	}
	if !h.Oldest().Equal(clock()) {
		t.Errorf("the oldest is of %v", h.Oldest())
	}
}

// Of two snapshots of one time the later one is what was known then.
func TestOfOneTimeTheLaterSnapshotCounts(t *testing.T) {
	next, h := fleetOf(t), history.New(history.Options{})
	h.Add(next(clock(), calls("cart", 1, fleet.ServerSide)))
	last := next(clock(), calls("cart", 2, fleet.ServerSide))
	h.Add(last)
	if got := h.At(clock()); got != last {
		t.Errorf("the snapshot is version %d, want %d", got.Version(), last.Version())
	}
}

// Snapshots come four times a second; what is kept is some seconds apart, and the
// newest is always there.
func TestSnapshotsThatComeFastAreThinnedOut(t *testing.T) {
	next, h := fleetOf(t), history.New(history.Options{})
	var last *fleet.Snapshot
	for n := range 41 {
		last = next(clock().Add(time.Duration(n)*250*time.Millisecond), calls("cart", float64(n), fleet.ServerSide))
		h.Add(last)
		if got := h.At(last.At()); got != last {
			t.Fatalf("the newest, number %d, is not kept", n)
		}
	}
	kept := map[uint64]bool{}
	for after := time.Duration(0); after <= 10*time.Second; after += 250 * time.Millisecond {
		kept[h.At(clock().Add(after)).Version()] = true
	}
	if len(kept) < 5 || len(kept) > 7 {
		t.Errorf("%d of 41 in ten seconds are kept", len(kept))
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	next, h := fleetOf(t), history.New(history.Options{Room: 50})
	for n := range 1000 {
		h.Add(next(clock().Add(time.Duration(n)*time.Minute), calls("cart", float64(n), fleet.ServerSide)))
	}
	last := clock().Add(999 * time.Minute)
	if h.At(clock()) != nil || h.At(last) == nil || h.Oldest().Before(last.Add(-time.Hour)) {
		t.Errorf("the oldest is of %v", h.Oldest())
	}
}

func trend(t *testing.T, h *history.History, service string) string {
	t.Helper()
	got, ok := h.Trend(service)
	return fmt.Sprint(ok, got.Rate[history.Points-4:], got.Errors[history.Points-1], got.P99[history.Points-1])
}

func TestATrendIsAValueEachStepAndNothingWhereNothingIsKnown(t *testing.T) {
	next, h := fleetOf(t), history.New(history.Options{Step: time.Minute})
	if got := trend(t, h, "cart"); got != "false [0 0 0 0] 0 0" {
		t.Errorf("of nothing: %s", got)
	}
	h.Add(next(clock(), calls("cart", 10, fleet.ServerSide)))
	h.Add(next(clock().Add(20*time.Second), calls("cart", 20, fleet.ServerSide))) // in the same minute: the later one
	h.Add(next(clock().Add(2*time.Minute), calls("cart", 30, fleet.ServerSide)))  // of the minute between nothing is known
	if got := trend(t, h, "cart"); got != "true [NaN 20 NaN 30] 0.03 0.3" {
		t.Errorf("the trend is %s", got)
	}
	h.Add(next(clock().Add(5*time.Hour), calls("cart", 40, fleet.ServerSide)))
	if got := trend(t, h, "cart"); got != "true ["+unknown+" 40] 0.04 0.4" {
		t.Errorf("after a long silence it is %s", got)
	}
	if h.Span() != history.Points*time.Minute || h.Step() != time.Minute {
		t.Errorf("it covers %v by %v", h.Span(), h.Step())
	}
	none := history.NoTrend()
	for _, v := range none.Rate {
		if !math.IsNaN(float64(v)) {
			t.Errorf("what is not known is %v", v)
		}
	}
}

// What servers count is believed before what callers do.
func TestCallersCountWhereServersDoNot(t *testing.T) {
	next, h := fleetOf(t), history.New(history.Options{})
	h.Add(next(clock(), calls("cart", 5, fleet.ClientSide)))
	if got := trend(t, h, "cart"); got != "true ["+unknown+" 5] 0.005 0.05" {
		t.Errorf("by its callers: %s", got)
	}
	h.Add(next(clock().Add(time.Second), calls("cart", 7, fleet.ServerSide)))
	if got := trend(t, h, "cart"); got != "true ["+unknown+" 7] 0.007 0.07" {
		t.Errorf("by itself: %s", got)
	}
}

func TestTheTrendOfAMomentDoesNotKnowWhatCameLater(t *testing.T) {
	next, h := fleetOf(t), history.New(history.Options{Step: time.Minute})
	for n := range 4 {
		h.Add(next(clock().Add(time.Duration(n)*time.Minute), calls("cart", float64(n+1), fleet.ServerSide)))
	}
	got, ok := h.TrendAt("cart", clock().Add(90*time.Second))
	if !ok || got.Rate[history.Points-1] != 2 || got.Rate[history.Points-2] != 1 {
		t.Errorf("%v %v", ok, got.Rate)
	}
	if _, ok := h.TrendAt("cart", clock().Add(-time.Minute)); ok {
		t.Error("something is known of before")
	}
	if _, ok := h.TrendAt("ledger", clock().Add(time.Hour)); ok {
		t.Error("something is known of a service that was never seen")
	}
	series := h.Series("cart", clock().Add(time.Minute), clock().Add(2*time.Minute))
	if len(series.RateOverTime) != 2 || series.RateOverTime[1].Value != 3 || series.Rate != 3 || len(series.LatencyOverTime) != 2 || len(series.ErrorsOverTime) != 2 {
		t.Errorf("the series is %+v", series)
	}
	if none := h.Series("ledger", clock(), clock().Add(time.Hour)); len(none.RateOverTime) != 0 {
		t.Errorf("of nobody: %+v", none)
	}
}

func TestWhatWasBeforeIsFilledIn(t *testing.T) {
	next, h := fleetOf(t), history.New(history.Options{Step: time.Minute})
	h.Add(next(clock(), calls("cart", 9, fleet.ServerSide)))
	at := func(n int) time.Time { return clock().Add(time.Duration(n) * time.Minute) }
	h.Backfill([]fleet.REDSeries{
		{RED: fleet.RED{Service: "cart"}, RateOverTime: []fleet.Point{{At: at(-40), Value: 1}, {At: at(-3), Value: 6}, {At: at(-2), Value: math.NaN()}, {At: at(-1), Value: 8}}, ErrorsOverTime: []fleet.Point{{At: at(-40), Value: .5}}},
		{RED: fleet.RED{Service: "ledger"}, RateOverTime: []fleet.Point{{At: at(-1), Value: 3}}},
	})
	if got := trend(t, h, "cart"); got != "true [6 NaN 8 9] 0.009 0.09" {
		t.Errorf("the trend is %s", got)
	}
	if got, ok := h.Trend("ledger"); !ok || got.Rate[history.Points-1] != 3 || !math.IsNaN(float64(got.P99[history.Points-1])) {
		t.Errorf("of a service that was not seen yet: %v %+v", ok, got)
	}
	if h.Filled() != 1 {
		t.Errorf("filled %d times", h.Filled())
	}
}

// Where the metrics do not answer, what they said last is of when they said it, however
// often something else is known anew.
func TestWhatIsCachedIsNotMeasuredAgain(t *testing.T) {
	next, h := fleetOf(t), history.New(history.Options{Step: time.Minute})
	at := func(n int) time.Time { return clock().Add(time.Duration(n) * time.Minute) }
	for n := range 6 {
		d := calls("cart", 9, fleet.ServerSide)
		d.Instances = []fleet.InstanceFact{{Instance: fleet.Instance{ID: "cart-1", Service: "cart", Version: fmt.Sprint(n)}}}
		said, status := at(min(n, 1)), fleet.SourceFresh
		if n > 1 {
			status = fleet.SourceFailing
		}
		d.REDs[0].Provenance = fleet.Provenance{At: said, Feed: fleet.MetricsFeed}
		d.Sources = []fleet.SourceState{{Name: fleet.MetricsFeed, Status: status, At: said}}
		h.Add(next(at(n), d))
	}
	got, ok := h.Trend("cart")
	if !ok || fmt.Sprint(got.Rate[history.Points-6:]) != "[9 9 "+unknown+" NaN]" {
		t.Errorf("the trend is %v", got.Rate)
	}
	if past, _ := h.TrendAt("cart", at(3)); fmt.Sprint(past.Rate[history.Points-4:]) != "[9 9 NaN "+"NaN]" {
		t.Errorf("the trend of the past is %v", past.Rate)
	}
	series := h.Series("cart", at(0), at(5))
	var values []string
	for _, p := range series.RateOverTime {
		values = append(values, fmt.Sprint(p.At.Sub(clock()), " ", p.Value))
	}
	if want := "[0s 9 1m0s 9 2m0s NaN 3m0s NaN 4m0s NaN 5m0s NaN]"; fmt.Sprint(values) != want || series.Rate != 9 {
		t.Errorf("the series is %v, want %s", values, want)
	}
	// What was measured before the range is no point of it.
	if late := h.Series("cart", at(3), at(5)); len(late.RateOverTime) != 0 {
		t.Errorf("a series of nothing: %v", late.RateOverTime)
	}
}
