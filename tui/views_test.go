package tui

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/tui/screen"
)

// kept is where views are kept in these tests.
type kept struct {
	views map[int]config.View
	err   error
}

func (k *kept) save(digit int, v *config.View) (map[int]config.View, error) {
	if k.err != nil {
		return nil, k.err
	}
	k.views = maps.Clone(k.views)
	if k.views == nil {
		k.views = map[int]config.View{}
	}
	if delete(k.views, digit); v != nil {
		k.views[digit] = *v
	}
	return k.views, nil
}

// enterLine types a command and waits until the dashboard says something.
func enterLine(t *testing.T, run *headless, text, want string) {
	t.Helper()
	run.send(press(':'))
	for _, r := range text {
		run.send(press(r))
	}
	run.send(enter())
	shows(t, run, want)
}

// shows waits until the dashboard shows a text.
func shows(t *testing.T, run *headless, want string) {
	t.Helper()
	timeout := time.AfterFunc(20*time.Second, func() { panic("never shown: " + want + "\n" + ansi.Strip(run.m.View().Content)) })
	defer timeout.Stop()
	if err := run.until(func() bool { return strings.Contains(ansi.Strip(run.m.View().Content), want) }); err != nil {
		t.Fatal(err)
	}
}

func TestADigitOpensWhereOneWas(t *testing.T) {
	k := &kept{}
	run := open(t, trouble(), Options{Place: "service/checkout", SaveView: k.save}, 160, 40)
	m := run.m
	run.send(tea.KeyPressMsg(tea.Key{Code: tea.KeyTab})) // instances
	for _, r := range "/serving" {
		run.send(press(r))
	}
	run.send(enter())
	run.send(press('s'))
	run.send(press([]rune(m.pages.top().(screen.Sorted).Letters()[0].Key)[0])) // the other way round, or another
	run.send(press('4'))                                                       // 15m
	settle(t, run)
	was := m.pages.top().(screen.Ordered).Order()
	enterLine(t, run, "save 4", "4 is now service/checkout, pane instances, /serving, by "+was+", the last 15m")
	if want := (config.View{Place: "service/checkout", Pane: "instances", Filter: "serving", Sort: was, Window: "15m"}); k.views[4] != want {
		t.Fatalf("kept %+v, want %+v", k.views[4], want)
	}

	enterLine(t, run, "services", "1/3 down")
	run.send(press('2'))
	settle(t, run)
	shows(t, run, "4:service/checkout ") // in the header
	run.send(press('4'))
	settle(t, run)
	top := m.pages.top()
	if got := top.Place().String(); got != "service/checkout" || m.look.Window != 15*time.Minute {
		t.Errorf("4 opens %s, the last %v", got, m.look.Window)
	}
	if pane, filter, by := top.(screen.Paned).Pane(), top.(screen.Filtered).Filter(), top.(screen.Ordered).Order(); pane != "instances" || filter != "serving" || by != was {
		t.Errorf("the pane is %s, the filter %s, the order %s, want %s", pane, filter, by, was)
	}
	shows(t, run, "4:[service/checkout]")

	// Where one is already, there is no second page to come back through.
	pages := len(m.pages.list)
	run.send(tea.KeyPressMsg(tea.Key{Code: tea.KeyEsc})) // the filter
	run.send(press('4'))
	settle(t, run)
	if len(m.pages.list) != pages || top != m.pages.top() || top.(screen.Filtered).Filter() != "serving" {
		t.Errorf("%d pages of %d, filter %q", len(m.pages.list), pages, top.(screen.Filtered).Filter())
	}

	enterLine(t, run, "unsave 4", "4 is now the last 15m")
	if len(k.views) != 0 {
		t.Errorf("left: %v", k.views)
	}
	shows(t, run, "4:[15m]")
	enterLine(t, run, "unsave 4", "4 has no view: it is the last 15m")
}

func TestTheHeaderAndTheHelpSayWhatDigitsDo(t *testing.T) {
	views := map[int]config.View{3: {Place: "events/" + strings.Repeat("long", 10)}, 9: {Place: "traces", Window: "30m"}}
	for width, want := range map[int][]string{
		200: {"1:5m 2:[1h] 3:events/longlonglonglong… 4:15m 5:30m 6:3h 7:12h 8:24h 9:traces"},
		80:  {"2:[1h] 3:events/longlonglonglong… 9:traces"}, // what was kept before what is usual
		60:  {"2:[1h]"},
	} {
		run := open(t, trouble(), Options{Views: views}, width, 24)
		for _, text := range want {
			shows(t, run, text)
		}
	}
	run := open(t, trouble(), Options{Views: views, Keys: map[string][]string{"range-5": {"!"}, "range-6": {}}}, 200, 120)
	shows(t, run, "4:15m !:30m 7:12h")
	run.send(press('?'))
	shows(t, run, "traces, the last 30m")
	shows(t, run, "                  the last 5m")
	for _, list := range []string{"views", "save"} {
		enterLine(t, run, list, "What the digits do:")
		shows(t, run, "6 (no key)         the last 3h")
		run.send(tea.KeyPressMsg(tea.Key{Code: tea.KeyEsc}))
	}
	run.send(press(':'))
	for _, r := range "save " {
		run.send(press(r))
	}
	shows(t, run, "save 9")
	shows(t, run, "traces, the last 30m")
}

func TestWhatCannotBeKeptIsSaid(t *testing.T) {
	k := &kept{err: &fleet.Error{What: "write the configuration", Err: errors.New("read-only file system"), Hint: "set XDG_CONFIG_HOME"}}
	run := open(t, trouble(), Options{SaveView: k.save}, 120, 40)
	enterLine(t, run, "save 4", "not kept: write the configuration: read-only file system; set XDG_CONFIG_HOME")
	enterLine(t, run, "save 12", "which digit, 1 to 9?")
	enterLine(t, run, "unsave", "which digit, 1 to 9?")
	enterLine(t, run, "help", "On this screen")
	enterLine(t, run, "save 4", "this page cannot be kept")
	run = open(t, trouble(), Options{}, 120, 40)
	enterLine(t, run, "save 4", "views cannot be kept here")
}

func TestViewsOfWhatIsNotThereAreRefused(t *testing.T) {
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	t.Cleanup(store.Close)
	for want, v := range map[string]config.View{
		`no screen "servcies"`:               {Place: "servcies"},
		"services has no pane methods":       {Place: "services", Pane: "methods"},
		"service has no pane method":         {Place: "service/a", Pane: "method"},
		"services cannot be sorted by errs":  {Place: "services", Sort: "-errs"},
		"service cannot be sorted by health": {Place: "service/a", Pane: "methods", Sort: "health"},
		"trace cannot be sorted by err":      {Place: "trace/1", Sort: "err"},
	} {
		_, err := newModel(t.Context(), Options{Store: store, Views: map[int]config.View{7: v}})
		if err == nil || !strings.Contains(err.Error(), "dash.views.7: "+want) {
			t.Errorf("%+v: %v", v, err)
		} else if hint := screen.HintOf(err); hint == "" && v.Place != "trace/1" && v.Place != "services" {
			t.Errorf("%+v: no hint", v)
		}
	}
	for _, v := range []config.View{{Place: "services", Sort: "-err", Filter: "x"}, {Place: "service/a", Pane: "instances", Sort: "-grpc"}, {Place: "traces", Sort: "dur"}, {Place: "breakers"}, {Place: "invoke/user"}} {
		m, err := newModel(t.Context(), Options{Store: store, Views: map[int]config.View{7: v}})
		if err != nil {
			t.Errorf("%+v: %v", v, err)
			continue
		}
		m.close()
	}
}
