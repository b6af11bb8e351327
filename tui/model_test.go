package tui

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/testkit/tty"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/theme"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// trouble is a small fleet in trouble: checkout fails, payments is slow and its
// breaker half open, cart is well, ledger was not asked.
func trouble() *fleet.Delta {
	d := &fleet.Delta{At: clock, Whole: true}
	from := func(source, feed string) fleet.Provenance {
		return fleet.Provenance{Source: source, Query: "asked", At: clock, Feed: feed}
	}
	add := func(service string, n int, version string, state fleet.HealthState) {
		in := fleet.Instance{ID: fmt.Sprintf("%s-%d", service, n), Service: service, Addr: fmt.Sprintf("10.0.4.%d:9090", n), Version: version, Catalog: fleet.Passing}
		d.Instances = append(d.Instances, fleet.InstanceFact{Instance: in, Provenance: from("consul 127.0.0.1:8500", fleet.CatalogFeed)})
		if state != "" {
			h := fleet.Health{Instance: in, State: state, Latency: time.Millisecond, Provenance: from(in.Addr, fleet.HealthFeed)}
			if state == fleet.Unreachable {
				h.Err = errors.New("connection refused")
			}
			d.Health = append(d.Health, h)
		}
	}
	red := func(service, method string, rate, ratio, p99 float64) {
		d.REDs = append(d.REDs, fleet.RED{
			Service: service, Method: method, Side: fleet.ServerSide, Rate: rate, ErrorRatio: ratio, P50: p99 / 5, P95: p99 / 2, P99: p99, Bound: 10,
			Codes: map[string]float64{"OK": rate * (1 - ratio), "UNAVAILABLE": rate * ratio}, Window: 5 * time.Minute, Provenance: from("prometheus 127.0.0.1:9090", fleet.MetricsFeed),
		})
	}
	for n := range 3 {
		add("checkout", n+1, []string{"v2.4", "v2.3", "v2.3"}[n], []fleet.HealthState{fleet.NotServing, fleet.Serving, fleet.Unreachable}[n])
		add("cart", n+1, "v1.0", fleet.Serving)
	}
	add("payments", 1, "v7", fleet.Serving)
	add("ledger", 1, "", "")
	red("checkout", "", 1200, .0841, 2.9)
	red("checkout", "shop.v1.Checkout/Pay", 310, .312, 3)
	red("checkout", "shop.v1.Checkout/GetCart", 890, 0, .038)
	red("cart", "", 3100, .0002, .041)
	red("payments", "", 640, .021, math.Inf(1))
	d.Breakers = append(d.Breakers, fleet.Breaker{
		Caller: fleet.Instance{ID: "checkout-2", Service: "checkout", Addr: "10.0.4.2:9090"}, Name: "payments", Target: "payments",
		State: fleet.BreakerHalfOpen, Override: fleet.NotForced, Since: clock.Add(-8 * time.Second), Trips: 7, LastError: "deadline exceeded",
		Provenance: from("10.0.4.2:9091", fleet.BreakerFeed),
	})
	d.Events = append(d.Events, fleet.Event{At: clock.Add(-3 * time.Minute), Kind: fleet.HealthChanged, Service: "checkout", Instance: "checkout-1", From: "serving", To: "not_serving"})
	for _, name := range []string{fleet.CatalogFeed, fleet.HealthFeed, fleet.BreakerFeed} {
		d.Sources = append(d.Sources, fleet.SourceState{Name: name, Status: fleet.SourceFresh, Since: clock, At: clock})
	}
	d.Sources = append(d.Sources, fleet.SourceState{Name: fleet.MetricsFeed, Status: fleet.SourceFailing, Since: clock.Add(-12 * time.Second), At: clock.Add(-12 * time.Second), Err: errors.New("connection refused"), Failures: 3})
	return d
}

// frame is what a terminal shows.
func frame(t *testing.T, run *headless) *tty.Screen {
	t.Helper()
	s := tty.NewScreen(t, run.m.width, run.m.height)
	if _, err := fmt.Fprint(s, run.m.View().Content); err != nil {
		t.Fatal(err)
	}
	return s
}

// The screens as a terminal shows them, at four sizes, and in all colours at one.
func TestGoldens(t *testing.T) {
	for _, size := range [][2]int{{60, 16}, {80, 24}, {120, 40}, {200, 50}} {
		for _, place := range []string{"services", "service/checkout", "breakers", "events/checkout"} {
			name := fmt.Sprintf("%s-%dx%d", strings.ReplaceAll(place, "/", "-"), size[0], size[1])
			t.Run(name, func(t *testing.T) {
				run := open(t, trouble(), Options{Place: place, Theme: "dark", Labels: map[string]string{fleet.CatalogFeed: "consul"}}, size[0], size[1])
				frame(t, run).Golden(t, name)
			})
		}
	}
	for _, name := range theme.Names() {
		t.Run(name, func(t *testing.T) {
			run := open(t, trouble(), Options{Theme: name, ASCII: name == "none"}, 120, 40)
			frame(t, run).GoldenANSI(t, "services-"+name)
		})
	}
}

// Whatever was typed into the command line is done or answered.
func TestCommandLine(t *testing.T) {
	for typed, want := range map[string]string{
		"svc checkout":    "service ▸ checkout",
		"service chekout": "did you mean checkout?",
		"serv cart":       "", // two begin so
		"breakers":        "breakers",
		"at -10m":         "10m ago",
		"at noon":         "is no time",
		"window 5s":       "a window is from 1m",
		"nonsense":        "no command nonsense",
		"hepl":            "did you mean help?",
		"help":            "On this screen",
		"":                "services",
	} {
		run := open(t, trouble(), Options{}, 120, 40)
		run.send(press(':'))
		for _, r := range typed {
			run.send(press(r))
		}
		run.send(tea.KeyPressMsg(tea.Key{Code: tea.KeyEnter}))
		settle(t, run)
		if err := run.until(func() bool { return strings.Contains(ansi.Strip(run.m.View().Content), want) }); err != nil {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

// A filter is taken away by esc before esc goes back.
func TestEscClearsTheFilterAndThenGoesBack(t *testing.T) {
	run := open(t, trouble(), Options{Place: "service/checkout"}, 120, 40)
	esc := tea.KeyPressMsg(tea.Key{Code: tea.KeyEsc})
	run.send(esc)
	settle(t, run)
	for _, r := range "/err>1" {
		run.send(press(r))
	}
	run.send(tea.KeyPressMsg(tea.Key{Code: tea.KeyEnter}))
	settle(t, run)
	if got := ansi.Strip(run.m.View().Content); !strings.Contains(got, "2/4") || strings.Contains(got, "cart") {
		t.Errorf("the filter shows\n%s", got)
	}
	run.send(esc)
	settle(t, run)
	if got := ansi.Strip(run.m.View().Content); !strings.Contains(got, "4/4") {
		t.Errorf("after esc\n%s", got)
	}
}

// The time cursor shows what was kept of a moment, and says where nothing was.
func TestTheTimeCursorShowsTheMoment(t *testing.T) {
	run := open(t, trouble(), Options{}, 120, 40)
	run.m.look.History.Add(run.m.live)
	later := trouble()
	later.At = clock.Add(time.Minute)
	later.Health[0].State = fleet.Serving
	run.m.o.Store.Apply(later)
	next := run.m.o.Store.Flush()
	run.m.look.History.Add(next)
	if err := run.until(func() bool { return run.m.live == next }); err != nil {
		t.Fatal(err)
	}
	run.send(tickMsg{clock.Add(2 * time.Minute)})
	settle(t, run)
	run.send(press('<'))
	settle(t, run)
	got := ansi.Strip(run.m.View().Content)
	if !strings.Contains(got, "1/3 down") || !strings.Contains(got, "ago") || strings.Contains(got, "LIVE") {
		t.Errorf("the state before:\n%s", got)
	}
	run.send(press('0'))
	settle(t, run)
	if got := ansi.Strip(run.m.View().Content); !strings.Contains(got, "2/3 down") || !strings.Contains(got, "LIVE") {
		t.Errorf("now:\n%s", got)
	}
}

// A panic leaves a report without what was on the screen, and goes on to Bubble Tea,
// which gives the terminal back.
func TestAPanicLeavesAReportWithoutSecrets(t *testing.T) {
	run := open(t, trouble(), Options{Crashes: filepath.Join(t.TempDir(), "crashes"), Version: "v1"}, 80, 24)
	g := newGuard(run.m)
	g.Update(press('j'))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		g.wrap(func() tea.Msg { panic("token s3cr3t") })()
	}()
	text, err := os.ReadFile(g.report.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gctl v1", "last actions: down", "services, 80x24", "model_test.go"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "s3cr3t") || strings.Contains(string(text), "checkout") {
		t.Errorf("the report tells too much:\n%s", text)
	}
	if info, err := os.Stat(g.report.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// The report of a panic beside the loop is written while the loop goes on; it has what
// led there, also where the panic is of the loop. (The race detector sees to the first.)
func TestAReportIsWrittenWhileTheLoopGoesOn(t *testing.T) {
	run := open(t, trouble(), Options{}, 80, 24)
	g := newGuard(run.m)
	panics := func(do func()) {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		do()
	}
	var beside sync.WaitGroup
	beside.Go(func() { panics(func() { g.wrap(func() tea.Msg { panic("beside") })() }) })
	for range 50 {
		g.Update(press('j'))
		g.Update(tea.WindowSizeMsg{Width: 90, Height: 30})
	}
	beside.Wait()
	if !strings.Contains(g.report.text, "panic: string\nscreen: services, ") {
		t.Errorf("%q", g.report.text)
	}
	g = newGuard(run.m)
	run.m.actions[key.Help] = func() tea.Cmd { panic("on the loop") }
	panics(func() { g.Update(press('?')) })
	if !strings.Contains(g.report.text, "down help\n") || !strings.Contains(g.report.text, "90x30") {
		t.Errorf("%q", g.report.text)
	}
}

func TestSnapshotsAreWholeFrames(t *testing.T) {
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	defer store.Close()
	store.Apply(trouble())
	store.Flush()
	f, err := Snapshot(t.Context(), Options{Store: store, Now: func() time.Time { return clock }, Context: "test"}, 100, 20, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var text, doc strings.Builder
	if err := errors.Join(f.Text(&text), f.JSON(&doc)); err != nil {
		t.Fatal(err)
	}
	if strings.Count(text.String(), "\n") != 20 || strings.Contains(text.String(), "\x1b") || !strings.Contains(text.String(), "2 of 3 down") {
		t.Errorf("%q", text.String())
	}
	for _, want := range []string{`"service": "checkout"`, `"verdict": "bad"`, `"error_ratio": 0.0841`, `"status": "failing"`, `"p99_ms": null`} {
		if !strings.Contains(doc.String(), want) {
			t.Errorf("the data lack %s:\n%s", want, doc.String())
		}
	}
}

// A source that hangs does not hold up the frame for longer than was asked.
func TestASnapshotDoesNotWaitForWhoHangs(t *testing.T) {
	hangs := fleet.Source{Name: fleet.CatalogFeed, Timeout: time.Hour, Poll: func(ctx context.Context, _ *fleet.Snapshot) (fleet.Facts, error) {
		<-ctx.Done()
		return fleet.Facts{}, ctx.Err()
	}}
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Sources: []fleet.Source{hangs}})
	defer store.Close()
	f, err := Snapshot(t.Context(), Options{Store: store}, 80, 10, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(ansi.Strip(strings.Join(f.Lines, "\n")), "Asking the catalog") {
		t.Errorf("%q", f.Lines)
	}
}

func TestPlacesAndTimes(t *testing.T) {
	if _, err := ParsePlace("servcies"); err == nil || !strings.Contains(fmt.Sprintf("%+v", err), "servcies") {
		t.Errorf("%v", err)
	}
	for text, want := range map[string]time.Time{
		"now": clock, "-20m": clock.Add(-20 * time.Minute), "14:02": clock.Add(-3 * time.Minute), "14:06": clock.Add(time.Minute).AddDate(0, 0, -1),
		"14:04:30": clock.Add(-30 * time.Second), "2026-03-01T13:00:00Z": clock.Add(-65 * time.Minute),
	} {
		if got, err := ParseTime(text, clock); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	if _, err := newModel(t.Context(), Options{Columns: map[string][]string{"services": {"servce"}}}); err == nil {
		t.Error("a column that is not there was taken")
	}
}
