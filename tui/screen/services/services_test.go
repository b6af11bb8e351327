package services_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
	"github.com/gctl-dev/gctl/tui/screen/services"
	"github.com/gctl-dev/gctl/tui/widget"
)

func catalog(s fleet.SourceStatus, err error, notes ...string) fleet.SourceState {
	return fleet.SourceState{Name: fleet.CatalogFeed, Status: s, At: screentest.Now(), Err: err, Notes: notes}
}

// shop is a small fleet: checkout is in trouble, ledger was not asked, legacy speaks
// another protocol, cart is well.
func shop() fleet.Delta {
	d := fleet.Delta{Whole: true, Sources: []fleet.SourceState{catalog(fleet.SourceFresh, nil)}}
	add := func(service string, n int, states ...fleet.HealthState) {
		for i := range n {
			in := fleet.Instance{ID: fmt.Sprintf("%s-%d", service, i+1), Service: service, Addr: fmt.Sprintf("10.0.0.%d:9090", i+1), Version: "v1", Catalog: fleet.Passing}
			d.Instances = append(d.Instances, fleet.InstanceFact{Instance: in, Provenance: fleet.Provenance{Source: "consul 127.0.0.1:8500", Query: "GET /v1/health"}})
			if i < len(states) {
				h := fleet.Health{Instance: in, State: states[i], Provenance: fleet.Provenance{Source: in.Addr}}
				if states[i] == fleet.UnknownHealth {
					h.Err = errors.New("HTTP/1.1")
				}
				d.Health = append(d.Health, h)
			}
		}
	}
	add("cart", 2, fleet.Serving, fleet.Serving)
	add("checkout", 3, fleet.Serving, fleet.NotServing, fleet.Unreachable)
	add("ledger", 1)
	add("legacy", 1, fleet.UnknownHealth)
	d.REDs = []fleet.RED{
		{Service: "cart", Side: fleet.ServerSide, Rate: 3100, ErrorRatio: .0002, P99: .041, Window: time.Minute, Provenance: fleet.Provenance{Source: "prometheus", Query: "rate(...)"}},
		{Service: "checkout", Side: fleet.ServerSide, Rate: 1200, ErrorRatio: .0841, P99: 2.9},
	}
	d.Breakers = []fleet.Breaker{{Caller: fleet.Instance{ID: "cart-1", Service: "cart"}, Name: "ledger/book", Target: "ledger", State: fleet.BreakerOpen, Override: fleet.NotForced}}
	return d
}

func shown(t testing.TB, d fleet.Delta, columns ...string) (*services.Screen, *screen.Look) {
	t.Helper()
	look := screentest.Look(t, screentest.Snapshot(t, d))
	look.History.Add(look.Snap)
	s := services.New(&screen.Jobs{Parent: t.Context()}, columns...)
	screentest.Send(s, look, screen.Shown{})
	return s, look
}

// order is the services in the order in which they are shown.
func order(t *testing.T, s *services.Screen, look *screen.Look) string {
	t.Helper()
	var names []string
	for line := range strings.Lines(screentest.Plain(t, s, look)) {
		if words := strings.Fields(strings.TrimLeft(line, "▌")); len(words) > 1 && !strings.Contains(line, "SERVICE") {
			names = append(names, words[1])
		}
	}
	return strings.Join(names, " ")
}

func TestTheServiceInTroubleComesFirst(t *testing.T) {
	s, look := shown(t, shop())
	screentest.Want(t, s, look, "▌✗ checkout", "1/3 down", "1.2k", "8.41", "2.9s", "2 of 3 down, errors 8%", "✗ ledger", "0/1 unknown", "1 open", "breakers 1 open", "✓ cart", "2/2 ok", "legacy", "1 no gRPC")
	if got := order(t, s, look); got != "checkout ledger legacy cart" {
		t.Errorf("the order is %s", got)
	}
}

// What nobody counts is no 0, and who was not asked does not look well.
func TestWhatIsNotKnownIsNotShownAsGood(t *testing.T) {
	d := shop()
	d.Breakers, d.REDs = nil, nil
	s, look := shown(t, d)
	for line := range strings.Lines(screentest.Plain(t, s, look)) {
		if strings.Contains(line, "ledger") && (strings.Contains(line, "✓") || strings.Contains(line, " 0 ") || strings.Contains(line, "ok") || !strings.Contains(line, "–") || !strings.Contains(line, "?")) {
			t.Errorf("it was not asked and looks so: %q", line)
		}
	}
	for _, row := range dataOf(s, look) {
		if strings.Contains(row, "ledger") && !strings.Contains(row, "unknown") {
			t.Errorf("the data say %s", row)
		}
	}
}

// That a source does not answer is no word about breakers: those that it told are shown,
// that there are none is not.
func TestBreakersThatNobodyTellsAreNotNone(t *testing.T) {
	d := shop()
	d.Sources = append(d.Sources, fleet.SourceState{Name: fleet.BreakerFeed, Status: fleet.SourceFailing, At: screentest.Now().Add(-time.Minute), Err: errors.New("refused")})
	s, look := shown(t, d)
	for line := range strings.Lines(screentest.Plain(t, s, look)) {
		if strings.Contains(line, "cart") && !strings.Contains(line, "unknown") || strings.Contains(line, "ledger") && !strings.Contains(line, "1 open") {
			t.Errorf("shown is %q", line)
		}
	}
	evidence := func() string {
		list := s.Evidence(look)
		return fmt.Sprintf("%+v", list[len(list)-1])
	}
	if got := evidence(); !strings.Contains(got, "Value:unknown") || !strings.Contains(got, "refused") || !strings.Contains(got, "14:04:00") {
		t.Errorf("evidence of none: %s", got)
	}
	if got, err := json.Marshal(s.Data(look)); err != nil || !strings.Contains(string(got), `"breakers_open":null`) {
		t.Errorf("%s, %v", got, err)
	}
	screentest.Act(s, look, key.Down)
	if got := evidence(); !strings.Contains(got, "Value:1 ") || !strings.Contains(got, "refused") {
		t.Errorf("evidence of one: %s", got)
	}
	if got, err := json.Marshal(s.Data(look)); err != nil || !strings.Contains(string(got), `"breakers_open":1`) {
		t.Errorf("%s, %v", got, err)
	}
}

func dataOf(s *services.Screen, look *screen.Look) []string {
	return strings.Split(fmt.Sprintf("%+v", s.Rows(look)), "} {")
}

func TestEachStateSaysWhatToDo(t *testing.T) {
	for want, c := range map[string]struct {
		do     string
		source []fleet.SourceState
		live   bool
	}{
		"Asking the catalog":                 {"", []fleet.SourceState{catalog(fleet.SourceStarting, nil)}, true},
		"Asking the catalog …":               {"", nil, true},
		"No catalog: 127.0.0.1:8500 refused": {"gctl doctor", []fleet.SourceState{catalog(fleet.SourceFailing, errors.New("127.0.0.1:8500 refused"))}, true},
		"ACLs hid results":                   {"CONSUL_HTTP_TOKEN", []fleet.SourceState{catalog(fleet.SourceFresh, nil, fleet.Hidden)}, true},
		"The catalog has no services":        {"gctl context show", []fleet.SourceState{catalog(fleet.SourceFresh, nil)}, true},
		"Nothing is kept of 14:05:00":        {"gctl record", nil, false},
	} {
		s, look := shown(t, fleet.Delta{Whole: true, Sources: c.source})
		look.Live = c.live
		screentest.Want(t, s, look, want, c.do)
		screentest.Act(s, look, key.Enter, key.Down, key.Mark)
		if s.Data(look) != nil || s.Evidence(look) != nil || s.Focus(look).Service != "" {
			t.Errorf("%s: there is something under the cursor", want)
		}
	}
	// What was known stays when the catalog fails; the header says that it does.
	d := shop()
	d.Sources = []fleet.SourceState{catalog(fleet.SourceFailing, errors.New("refused"))}
	s, look := shown(t, d)
	screentest.Want(t, s, look, "checkout", "cart")
}

func TestFiltersAndOrder(t *testing.T) {
	s, look := shown(t, shop())
	for filter, want := range map[string]string{
		"cart": "cart", "!cart": "checkout ledger legacy", "err>1": "checkout", "rps>1000": "checkout cart", "down": "checkout", "p99>1s": "checkout", "": "checkout ledger legacy cart",
		"chekout": "checkout", // near
	} {
		screentest.Run(s, look, s.SetFilter(filter, look))
		if got := order(t, s, look); got != want {
			t.Errorf("%q shows %s, want %s", filter, got, want)
		}
	}
	screentest.Run(s, look, s.SetFilter("nowhere!", look))
	screentest.Want(t, s, look, `0 of 4 match "nowhere!".`, "esc clears the filter")
	screentest.Run(s, look, s.SetFilter("", look))
	for _, c := range []struct{ letter, order, want string }{
		{"n", "service", "cart checkout ledger legacy"}, {"n", "-service", "legacy ledger checkout cart"}, {"r", "rps", "cart checkout ledger legacy"},
		{"e", "err", "checkout cart ledger legacy"}, {"h", "health", "checkout ledger cart legacy"}, {"b", "breakers", "ledger cart checkout legacy"}, {"t", "trouble", "checkout ledger legacy cart"},
	} {
		cmd, ok := s.SortBy(c.letter, look)
		screentest.Run(s, look, cmd)
		if got := order(t, s, look); !ok || got != c.want || s.Order() != c.order {
			t.Errorf("by %s (%s): %s, want %s", c.letter, s.Order(), got, c.want)
		}
	}
	if _, ok := s.SortBy("z", look); ok {
		t.Error("it is sorted by a column that is not there")
	}
}

func TestKeysOpenMarkAndDescribe(t *testing.T) {
	s, look := shown(t, shop())
	if said := screentest.Act(s, look, key.Enter); len(said) != 1 || said[0] != tea.Msg(screen.Go{Place: screen.Place{Screen: "service", Subject: "checkout"}}) {
		t.Errorf("enter says %v", said)
	}
	screentest.Act(s, look, key.Bottom)
	if f := s.Focus(look); f.Service != "cart" || len(f.Marked) != 0 {
		t.Errorf("the focus is %+v", f)
	}
	if what, text := s.Copied(look); what != "cart" || text != "cart" {
		t.Errorf("copied %s %s", what, text)
	}
	e := s.Evidence(look)
	all := fmt.Sprintf("%+v", e)
	for _, want := range []string{"GET /v1/health", "gctl health cart", "rate(...)", "gctl metrics cart", "gctl breakers --target cart"} {
		if !strings.Contains(all, want) {
			t.Errorf("the evidence lacks %q: %s", want, all)
		}
	}
	screentest.Act(s, look, key.Top, key.Mark, key.Mark)
	if f := s.Focus(look); len(f.Marked) != 4 { // of checkout and ledger
		t.Errorf("marked are %d instances", len(f.Marked))
	}
	l := &widget.Line{}
	s.Status(look, l)
	if !strings.Contains(l.String(), "2 marked") || !strings.Contains(l.String(), "4/4  sort: trouble") {
		t.Errorf("the status is %q", l)
	}
	if !s.Unmark() || s.Unmark() {
		t.Error("the marks are not taken away once")
	}
	screentest.Act(s, look, key.Top)
	title, lines := s.Describe(look)
	if text := strings.Join(lines, "\n"); title != "checkout" || !strings.Contains(text, "bad  2 of 3 down") || !strings.Contains(text, "checkout-3") || !strings.Contains(text, "unreachable") {
		t.Errorf("%s: %s", title, text)
	}
	screentest.Send(s, look, screen.Click{Y: 3, Twice: false})
	if f := s.Focus(look); f.Service != "legacy" {
		t.Errorf("a click goes to %q", f.Service)
	}
	if said := screentest.Send(s, look, screen.Click{Y: 4, Twice: true}); len(said) != 1 {
		t.Errorf("a click twice says %v", said)
	}
}

// The cursor stays on its service when the order changes under it.
func TestTheCursorStaysOnItsService(t *testing.T) {
	s, look := shown(t, shop())
	screentest.Act(s, look, key.Bottom)
	d := shop()
	for i := range d.Health {
		if d.Health[i].Instance.Service == "cart" {
			d.Health[i].State = fleet.NotServing
		}
	}
	look.Snap = screentest.Snapshot(t, d)
	screentest.Send(s, look, screen.Changed{Facts: true})
	if got := order(t, s, look); !strings.HasPrefix(got, "cart") || s.Focus(look).Service != "cart" {
		t.Errorf("the order is %s, the cursor on %s", got, s.Focus(look).Service)
	}
}

// A look that comes while rows are put in order waits for that, and is not lost.
func TestANewerLookIsNotLost(t *testing.T) {
	s, look := shown(t, shop())
	slow := s.Update(screen.Changed{Facts: true}, look)
	look.Snap = screentest.Snapshot(t, fleet.Delta{Whole: true, Sources: []fleet.SourceState{catalog(fleet.SourceFresh, nil)}})
	if cmd := s.Update(screen.Changed{Facts: true}, look); cmd != nil {
		t.Error("two jobs at once")
	}
	screentest.Run(s, look, slow)
	screentest.Want(t, s, look, "The catalog has no services.")
}

// A moment in the past is judged by what was known then.
func TestTheTrendIsOfTheMoment(t *testing.T) {
	s, look := shown(t, shop())
	look.Live = false
	look.Now = screentest.Now().Add(-time.Hour)
	screentest.Send(s, look, screen.Changed{Window: true})
	if got := screentest.Plain(t, s, look); strings.ContainsAny(got, "▁▂▃▄▅▆▇█") {
		t.Errorf("a trend of later:\n%s", got)
	}
	look.Live, look.Now = true, screentest.Now()
	screentest.Send(s, look, screen.Changed{Window: true})
	if got := screentest.Plain(t, s, look); !strings.ContainsAny(got, "▁▂▃▄▅▆▇█") {
		t.Errorf("no trend of now:\n%s", got)
	}
}

func TestOwnColumns(t *testing.T) {
	s, look := shown(t, shop(), "service", "why", "err")
	got := screentest.Plain(t, s, look)
	head, _, _ := strings.Cut(got, "\n")
	if strings.Contains(head, "HEALTH") || strings.Index(head, "WHY") > strings.Index(head, "ERR%") || !strings.Contains(got, "2 of 3 down") {
		t.Errorf("the columns are\n%s", got)
	}
	if names := services.Columns()[services.Name]; len(names) < 6 {
		t.Errorf("the names are %v", names)
	}
}

// At 60 cells one still sees which service is in trouble and how; at any size each
// line is as wide as the screen.
func TestNarrowScreens(t *testing.T) {
	s, look := shown(t, shop())
	look.Width, look.Height = 60, 13
	screentest.Want(t, s, look, "✗ checkout", "1/3 down", "8.41", "✓ cart")
	for w := range 140 {
		for _, h := range []int{0, 1, 2, 5, 26} {
			look.Width, look.Height = w+1, h
			screentest.Plain(t, s, look)
		}
	}
}
