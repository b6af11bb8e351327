package breakers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ago(d time.Duration) time.Time { return screentest.Now().Add(-d) }

func breaker(caller, instance, name, target string, state fleet.BreakerState) fleet.Breaker {
	return fleet.Breaker{
		Caller: fleet.Instance{ID: instance, Service: caller}, Name: name, Target: target, State: state, Override: fleet.NotForced, ETag: "1",
		Since:      ago(169 * time.Second), // 14:02:11
		Provenance: fleet.Provenance{Source: "control 10.0.0.1:9091", Query: "gctl.control.v1.ControlService/ListBreakers", At: ago(2 * time.Second), Feed: fleet.BreakerFeed},
	}
}

func fresh(missing ...fleet.Missing) fleet.SourceState {
	return fleet.SourceState{Name: fleet.BreakerFeed, Status: fleet.SourceFresh, At: ago(time.Second), Missing: missing}
}

// shop is a small fleet in trouble.
func shop() []fleet.Breaker {
	opened := breaker("payments", "payments-1", "fraud/check", "fraud", fleet.BreakerOpen)
	opened.Trips, opened.NextProbe, opened.LastError = 7, screentest.Now().Add(8*time.Second), "deadline exceeded"
	half := breaker("checkout", "checkout-1", "payments/pay", "payments", fleet.BreakerHalfOpen)
	half.Counts = fleet.BreakerCounts{Requests: 5, Successes: 3, Failures: 2}
	return []fleet.Breaker{opened, half, breaker("checkout", "checkout-1", "ledger/book", "ledger", fleet.BreakerClosed), breaker("payments", "payments-1", "ledger/book", "ledger", fleet.BreakerClosed)}
}

// shown is the screen of these breakers.
func shown(t testing.TB, subject string, list []fleet.Breaker, states ...fleet.SourceState) (*Screen, *screen.Look) {
	t.Helper()
	look := screentest.Look(t, screentest.Snapshot(t, fleet.Delta{Breakers: list, Sources: states}))
	s := New(&screen.Jobs{Parent: t.Context()}, subject)
	screentest.Send(s, look, screen.Shown{})
	t.Cleanup(s.jobs.Close)
	return s, look
}

func TestTheMatrixHasTheWorstOfEachPair(t *testing.T) {
	s, look := shown(t, "", shop(), fresh())
	screentest.Want(t, s, look,
		`caller \ callee fraud       payments   ledger`,
		"payments       ▌✗ OPEN 8s   –          ✓ closed",
		"checkout        –           ! HALF 3/5 ✓ closed",
		"payments → fraud · fraud/check of payments-1",
		"✗ OPEN since 14:02:11 · trips 7 · probe in 8s · last error: deadline exceeded · 1s old",
	)
}

func TestTheArrowsMoveBetweenCells(t *testing.T) {
	s, look := shown(t, "", shop(), fresh())
	screentest.Want(t, s, look, "fraud/check")
	screentest.Act(s, look, key.Right)
	screentest.Want(t, s, look, "payments → payments · no breaker between them")
	if f := s.Focus(look); f.Service != "payments" || f.Breaker != nil {
		t.Errorf("focus of an empty cell = %+v", f)
	}
	screentest.Act(s, look, key.Down)
	screentest.Want(t, s, look, "checkout → payments · payments/pay of checkout-1", "! HALF since 14:02:11 · trips 0 · next probe not told · 2 of 5 calls failed", "checkout-1      payments/pay")
	if f := s.Focus(look); f.Service != "payments" || f.Breaker == nil || f.Breaker.Name != "payments/pay" {
		t.Errorf("focus = %+v", f)
	}
	screentest.Act(s, look, key.Up, key.Left, key.Left, key.Up)
	screentest.Want(t, s, look, "payments → fraud")
}

func TestTheCursorStaysOnItsCellWhenTheOrderChanges(t *testing.T) {
	s, look := shown(t, "", shop(), fresh())
	screentest.Act(s, look, key.Down, key.Right)
	list := shop()
	list[0].State = fleet.BreakerClosed
	look.Snap = screentest.Snapshot(t, fleet.Delta{Breakers: list, Sources: []fleet.SourceState{fresh()}})
	screentest.Send(s, look, screen.Changed{Facts: true})
	screentest.Want(t, s, look, "checkout       ▌! HALF 3/5", "checkout → payments")
}

func TestWordsOfStates(t *testing.T) {
	now := screentest.Now()
	for want, change := range map[string]func(*fleet.Breaker){
		"OPEN 8s":        func(b *fleet.Breaker) { b.State, b.NextProbe = fleet.BreakerOpen, now.Add(7500*time.Millisecond) },
		"OPEN due":       func(b *fleet.Breaker) { b.State, b.NextProbe = fleet.BreakerOpen, now.Add(-time.Second) },
		"OPEN for 2m":    func(b *fleet.Breaker) { b.State = fleet.BreakerOpen },
		"OPEN":           func(b *fleet.Breaker) { b.State, b.Since = fleet.BreakerOpen, time.Time{} },
		"HALF":           func(b *fleet.Breaker) { b.State = fleet.BreakerHalfOpen },
		"THROTTLING 40%": func(b *fleet.Breaker) { b.State, b.Ratio = fleet.BreakerThrottling, 0.4 },
		"FLAPPING":       func(b *fleet.Breaker) { b.Flapping = true },
		"FORCED OPEN":    func(b *fleet.Breaker) { b.Override = fleet.ForcedOpen },
		"FORCED CLOSED":  func(b *fleet.Breaker) { b.State, b.Override = fleet.BreakerOpen, fleet.ForcedClosed },
		"UNKNOWN 7":      func(b *fleet.Breaker) { b.State, b.Raw = fleet.BreakerUnknown, "7" },
		"UNKNOWN":        func(b *fleet.Breaker) { b.State = "" },
		"closed":         func(*fleet.Breaker) {},
	} {
		b := breaker("a", "a-1", "b/x", "b", fleet.BreakerClosed)
		change(&b)
		if got := say(&b, rankOf(&b), 1, 1, now).text(); got != want {
			t.Errorf("%+v is %q, want %q", b, got, want)
		}
	}
}

func TestACellOfManyInstancesCountsThem(t *testing.T) {
	var list []fleet.Breaker
	for i := range 5 {
		b := breaker("checkout", fmt.Sprintf("checkout-%d", i), "payments/pay", "payments", fleet.BreakerClosed)
		if i < 2 {
			b.State = fleet.BreakerHalfOpen
		}
		list = append(list, b)
	}
	s, look := shown(t, "", list, fresh())
	screentest.Want(t, s, look, "! HALF 2 of 5", "2 of 5 breakers half, the worst: payments/pay of checkout-0", "checkout-4")
	list[0].State = fleet.BreakerClosed
	list[1].State = fleet.BreakerClosed
	s, look = shown(t, "", list, fresh())
	screentest.Want(t, s, look, "▌✓ closed", "5 breakers, all closed")
}

func TestAgesTickWithTheLook(t *testing.T) {
	s, look := shown(t, "", shop(), fresh())
	look.Now = look.Now.Add(3 * time.Second)
	screentest.Send(s, look, screen.Changed{})
	screentest.Want(t, s, look, "✗ OPEN 5s", "probe in 5s", "4s old")
	look.Now = look.Now.Add(30 * time.Second)
	screentest.Send(s, look, screen.Changed{})
	screentest.Want(t, s, look, "✗ OPEN due", "probe due", "34s old")
}

func TestAnOverrideIsToldWithItsSource(t *testing.T) {
	b := breaker("edge", "edge-1", "user/read", "user", fleet.BreakerClosed)
	b.Override = fleet.ForcedOpen
	s, look := shown(t, "", []fleet.Breaker{b}, fresh())
	screentest.Want(t, s, look, "▌✗ FORCED OPEN", "✗ FORCED OPEN by an operator · its own state closed since 14:02:11",
		"override forced open, as control 10.0.0.1:9091 says")
	look.Width, look.Height = 60, 13 // what has room below the list is told whole
	screentest.Want(t, s, look, "its own state closed since 14:02:11", "override forced open, as control 10.0.0.1:9091 says")
	if text := screentest.Plain(t, s, look); strings.Count(text, "14:02:11") != 1 {
		t.Errorf("the time of its own state is told as that of the override:\n%s", text)
	}
}

func TestWhatASourceDoesNotTellIsNotZero(t *testing.T) {
	b := breaker("edge", "edge-1", "user/read", "", fleet.BreakerOpen)
	b.ETag, b.Since = "", time.Time{}
	s, look := shown(t, "", []fleet.Breaker{b}, fresh())
	screentest.Want(t, s, look, "(not told)", "OPEN, since when is not told · trips ? · next probe not told")
	_, lines := s.Describe(look)
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "trips      not told") || !strings.Contains(text, "since      not told") {
		t.Errorf("described as\n%s", text)
	}
	screentest.Act(s, look, key.NextPane)
	said := screentest.Act(s, look, key.Enter)
	if len(said) != 1 || !strings.Contains(said[0].(screen.Say).Text, "does not tell whom") {
		t.Errorf("enter says %v", said)
	}
}

func TestTheListIsTheSecondPane(t *testing.T) {
	s, look := shown(t, "", shop(), fresh())
	screentest.Want(t, s, look, "CALLER", "payments-1      fraud/check     fraud       OPEN 8s", "14:02:11")
	if strings.Count(screentest.Plain(t, s, look), "ledger/book") > 0 {
		t.Error("the list has breakers of other cells")
	}
	screentest.Act(s, look, key.Enter) // into the list
	if said := screentest.Act(s, look, key.Enter); len(said) != 1 || said[0] != (screen.Go{Place: screen.Place{Screen: "service", Subject: "fraud"}}) {
		t.Errorf("enter in the list says %v", said)
	}
	screentest.Act(s, look, key.NextPane, key.Down, key.Right)
	screentest.Want(t, s, look, "checkout → payments")
}

func TestTheListIsSortedByLetters(t *testing.T) {
	var list []fleet.Breaker
	for i := range 3 {
		b := breaker("a", fmt.Sprintf("a-%d", i), "b/x", "b", fleet.BreakerClosed)
		b.Trips = int64(i)
		list = append(list, b)
	}
	s, look := shown(t, "", list, fresh())
	cmd, ok := s.SortBy("r", look)
	if !ok {
		t.Fatal("trips cannot be sorted by")
	}
	screentest.Run(s, look, cmd)
	_, text, _ := strings.Cut(screentest.Plain(t, s, look), "CALLER")
	if strings.Index(text, "a-2") > strings.Index(text, "a-0") {
		t.Errorf("not sorted by trips:\n%s", text)
	}
	if _, ok := s.SortBy("z", look); ok {
		t.Error("z sorts by something")
	}
}

func TestAFilterIsOverMatrixAndList(t *testing.T) {
	s, look := shown(t, "", shop(), fresh())
	screentest.Run(s, look, s.SetFilter("state=half", look))
	text := screentest.Plain(t, s, look)
	if strings.Contains(text, "fraud") || !strings.Contains(text, "HALF 3/5") {
		t.Errorf("state=half shows\n%s", text)
	}
	screentest.Run(s, look, s.SetFilter("xyzzy", look))
	screentest.Want(t, s, look, `0 of 4 match "xyzzy".`, "esc clears the filter")
	screentest.Run(s, look, s.SetFilter("trips>6", look))
	screentest.Want(t, s, look, "fraud/check")
}

func TestASubjectLeavesItsCallersAndCallees(t *testing.T) {
	s, look := shown(t, "payments", shop(), fresh())
	text := screentest.Plain(t, s, look)
	if !strings.Contains(text, "HALF 3/5") || !strings.Contains(text, "OPEN 8s") || !strings.Contains(text, "✓ closed") {
		t.Errorf("breakers of and towards payments are missing:\n%s", text)
	}
	if s.all.Len() != 3 { // not that of checkout towards ledger
		t.Errorf("%d breakers, want 3", s.all.Len())
	}
	s, look = shown(t, "cart", shop(), fresh())
	screentest.Want(t, s, look, "No breakers in cart or towards it.", "All breakers: :breakers.")
	if f := s.Focus(look); f.Service != "cart" {
		t.Errorf("focus = %+v", f)
	}
}

func TestBelowSixtyColumnsThereIsTheListAlone(t *testing.T) {
	s, look := shown(t, "", shop(), fresh())
	look.Width, look.Height = 59, 13
	text := screentest.Plain(t, s, look)
	if strings.Contains(text, "callee") || strings.Count(text, "ledger/book") != 2 {
		t.Errorf("at 59 columns:\n%s", text)
	}
	screentest.Act(s, look, key.Down)
	if f := s.Focus(look); f.Breaker == nil || f.Breaker.Name != "payments/pay" {
		t.Errorf("focus = %+v", f)
	}
	look.Width = 60
	screentest.Want(t, s, look, `caller \ callee`)
}

func TestThereIsNothingYet(t *testing.T) {
	s, look := shown(t, "", nil, fleet.SourceState{Name: fleet.BreakerFeed, Status: fleet.SourceStarting})
	screentest.Want(t, s, look, "Asking the instances for their breakers …")
	s, look = shown(t, "", nil, fresh())
	screentest.Want(t, s, look, "No service publishes breakers.", "See docs/kit.md, gctl breakers --help")
	s, look = shown(t, "", nil, fleet.SourceState{Name: fleet.BreakerFeed, Status: fleet.SourceFailing, Err: &fleet.Error{What: "nobody answers", Hint: "try gctl doctor"}})
	screentest.Want(t, s, look, "No breakers: nobody answers", "try gctl doctor")
	s, look = shown(t, "", nil, fresh())
	look.Snap, look.Live = &fleet.Snapshot{}, false
	screentest.Want(t, s, look, "Nothing is kept of 14:05:00.", "Back to now: 0")
}

func TestAFailingSourceIsSaidWithTheAgeOfWhatIsShown(t *testing.T) {
	s, look := shown(t, "", shop(), fleet.SourceState{Name: fleet.BreakerFeed, Status: fleet.SourceFailing, At: ago(12 * time.Second), Err: errors.New("refused")})
	screentest.Want(t, s, look, "✗ breakers cannot be asked: refused; these are 12s old", "OPEN 8s")
}

func TestThoseWhoCouldNotBeAskedAreCounted(t *testing.T) {
	missed := func(id string, err error) fleet.Missing {
		return fleet.Missing{Instance: fleet.Instance{Service: "cart", ID: id}, What: "breakers", Err: err}
	}
	refused := errors.New("connection refused")
	state := fresh(missed("cart-1", refused), missed("cart-2", refused), missed("db", fleet.ErrNoControl), missed("web", errors.New("recorded: it serves no control API")))
	s, look := shown(t, "", shop(), state)
	screentest.Want(t, s, look, "! 2 instances could not be asked: d describes", "OPEN 8s")
	_, lines := s.Describe(look)
	text := strings.Join(lines, "\n")
	for _, want := range []string{"Could not be asked:", "cart/cart-1          connection refused", "cart/cart-2", "Without a way to tell of breakers: 2 instances"} {
		if !strings.Contains(text, want) {
			t.Errorf("the description lacks %q:\n%s", want, text)
		}
	}
	s, look = shown(t, "", nil, state)
	screentest.Want(t, s, look, "No breakers, but 2 instances could not be asked: d describes.")
}

func TestEvidenceDataAndCopyOfTheBreakerUnderTheCursor(t *testing.T) {
	s, look := shown(t, "", shop(), fresh())
	e := s.Evidence(look)
	if len(e) != 1 || e[0].What != "breaker fraud/check of payments-1" || e[0].Value != "OPEN 8s" || e[0].Provenance.Source == "" {
		t.Fatalf("evidence = %+v", e)
	}
	if got := strings.Join(e[0].Commands, "; "); got != "gctl breakers fraud; gctl call gctl.control.v1.ControlService/ListBreakers --addr 10.0.0.1:9091" {
		t.Errorf("commands: %s", got)
	}
	if what, text := s.Copied(look); what != "the name of the breaker" || text != "fraud/check" {
		t.Errorf("copied %q, %q", what, text)
	}
	list, ok := s.Data(look).([]data)
	if !ok || len(list) != 1 || list[0].Caller != "payments-1" || list[0].State != fleet.BreakerOpen || list[0].NextProbe == nil {
		t.Errorf("data = %+v", s.Data(look))
	}
	screentest.Act(s, look, key.Right)
	if s.Evidence(look) != nil || s.Data(look) != nil {
		t.Error("an empty cell has evidence or data")
	}
}

func TestQuestionsAreAskedAgain(t *testing.T) {
	for source, want := range map[fleet.Provenance]string{
		{Source: "metrics 10.0.0.1:9102", Query: "GET /metrics"}:                  "curl http://10.0.0.1:9102/metrics",
		{Source: "prometheus http://127.0.0.1:9090", Query: `{__name__=~"it's"}`}: `gctl query '{__name__=~"it'\''s"}'`,
		{Source: "control 10.0.0.1:1", Query: "a.B/C"}:                            "gctl call a.B/C --addr 10.0.0.1:1",
		{Source: "file"}: "",
	} {
		if got := strings.Join(asked(source), " "); got != want {
			t.Errorf("%+v is asked by %q, want %q", source, got, want)
		}
	}
}

func TestAClickSelectsAndOpens(t *testing.T) {
	s, look := shown(t, "", shop(), fresh())
	lines := strings.Split(screentest.Plain(t, s, look), "\n")
	y := -1
	for i, line := range lines {
		if strings.HasPrefix(line, "checkout") {
			y = i
			break
		}
	}
	before, _, _ := strings.Cut(lines[y], "HALF")
	x := len([]rune(before))
	screentest.Send(s, look, screen.Click{X: x, Y: y})
	screentest.Want(t, s, look, "checkout → payments", "▌! HALF 3/5")
	screentest.Send(s, look, screen.Click{X: 5, Y: s.at.list + 1})
	said := screentest.Send(s, look, screen.Click{X: 5, Y: s.at.list + 1, Twice: true})
	if len(said) != 1 || said[0] != tea.Msg(screen.Go{Place: screen.Place{Screen: "service", Subject: "payments"}}) {
		t.Errorf("two clicks say %v", said)
	}
}

func TestAnySizeAndAnyText(t *testing.T) {
	list := shop()
	list[0].Name, list[0].LastError, list[1].Raw = "a\x1b[31m\nb\tc", strings.Repeat("界", 300), "\x9b2J"
	list[0].Caller.Service, list[1].Target = "\u202eevil\x07", strings.Repeat("é", 90)
	list[2].State, list[2].Raw = fleet.BreakerUnknown, "\r\n\x00"
	for _, states := range [][]fleet.SourceState{{fresh()}, {{Name: fleet.BreakerFeed, Status: fleet.SourceFailing, Err: errors.New("a\nb"), Missing: []fleet.Missing{{Err: errors.New("x\x1b")}}}}, nil} {
		for _, n := range []int{0, len(list)} {
			s, look := shown(t, "", list[:n], states...)
			for _, w := range []int{1, 2, 3, 5, 8, 20, 40, 59, 60, 80, 133} {
				for _, h := range []int{1, 2, 3, 4, 5, 8, 13, 40} {
					look.Width, look.Height = w, h
					screentest.Plain(t, s, look)
					screentest.Act(s, look, key.Right, key.Down, key.NextPane, key.PageDown, key.Top)
					screentest.Plain(t, s, look)
				}
			}
		}
	}
}
