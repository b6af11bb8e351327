package tui

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/internal/term"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
)

// keys are what the fuzz presses.
func keys() []tea.Msg {
	var list []tea.Msg
	for _, r := range "jkhlgGsnretbpvacdyewxRM0123456789?:/[],.<> +-!" {
		list = append(list, press(r))
	}
	for _, c := range []rune{tea.KeyEnter, tea.KeyEsc, tea.KeyTab, tea.KeyUp, tea.KeyDown, tea.KeyLeft, tea.KeyRight, tea.KeyPgUp, tea.KeyPgDown, tea.KeyBackspace, tea.KeyHome, tea.KeyEnd} {
		list = append(list, tea.KeyPressMsg(tea.Key{Code: c}))
	}
	for _, r := range "dusre" {
		list = append(list, tea.KeyPressMsg(tea.Key{Code: r, Mod: tea.ModCtrl}))
	}
	return append(list, tea.PasteMsg{Content: "check\x1b[31m\nout"}, tea.FocusMsg{}, tea.BlurMsg{}, tea.MouseClickMsg{X: 3, Y: 4, Button: tea.MouseLeft}, tea.MouseWheelMsg{Button: tea.MouseWheelDown})
}

// words are what the fuzz types into the command line and into filters.
func (c *chaos) words() string {
	return []string{
		":svc ", ":traces ", ":trace ", ":why ", ":invoke ", ":invoke user ", ":breakers ", ":events ", ":at -5m", ":at 1970-01-01T00:00:00Z", ":window 744h", ":ctx ",
		"/err>1", "/!", "/p99>0", "/" + strings.Repeat("x", 300), ":", "/",
	}[c.n(18)] + term.CleanLine(c.text())
}

// FuzzScreens shows every screen of any fleet, over sources that answer anything, at
// any size, whatever is pressed: no panic, and each line is as wide as the terminal
// and has nobody's orders to it. To look for more:
//
//	go test ./tui -run XXX -fuzz FuzzScreens -fuzzminimizetime 1x
//
// What runs beside the loop makes its coverage different each time, which would be
// minimized for ever.
func FuzzScreens(f *testing.F) {
	for _, seed := range []string{"", "0", "gctl", "\x00\x01\x02\x03\x04\x05\x06\x07", "\x0c\x0c\x0c\x0c", "\x01\x00", "\xff\xfe\xfd\xfc\xfb"} {
		f.Add([]byte(seed))
	}
	for n := range byte(12) {
		f.Add([]byte{1 + n%11, 1 + n, 7 * n})
	}
	f.Add([]byte{1, 0}) // many services
	f.Fuzz(func(t *testing.T, data []byte) {
		t.Parallel() // most of the time is spent waiting
		c := newChaos(data)
		names := theme.Names()
		run := open(t, c.fleet(), Options{
			Theme: names[c.n(len(names))], ASCII: c.n(2) == 1, Env: c.env(), Context: c.text(), Protected: c.n(3) == 0, Labels: map[string]string{fleet.CatalogFeed: c.text()},
		}, 80, 24)
		for _, name := range screenNames() {
			subject := c.text()
			if list := run.m.look.Snap.Services(); len(list) > 0 && c.n(4) > 0 {
				subject = list[c.n(len(list))].Name
			}
			c.size(run)
			run.do(run.m.open(screen.Place{Screen: name, Subject: subject}))
			check(t, run, nil)
			settle(t, run)
			c.press(t, run, 12)
		}
		c.press(t, run, 40)
	})
}

func screenNames() []string {
	var names []string
	for name := range screens() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (c *chaos) size(run *headless) {
	w, h := 1+c.n(210), 1+c.n(60)
	switch c.n(4) {
	case 0:
		w = 1 + c.n(12)
	case 1:
		h = 1 + c.n(8)
	}
	run.send(tea.WindowSizeMsg{Width: w, Height: h})
}

// press presses n keys, types, changes the size, and waits or does not, and looks
// after each.
func (c *chaos) press(t *testing.T, run *headless, n int) {
	t.Helper()
	all := keys()
	var pressed []string
	for range n {
		switch c.n(12) {
		case 0:
			c.size(run)
		case 1:
			words := c.words()
			pressed = append(pressed, words)
			for _, r := range words {
				run.send(press(r))
			}
			check(t, run, pressed)
			run.send(enter())
		default:
			msg := all[c.n(len(all))]
			if k, ok := msg.(tea.KeyPressMsg); ok {
				pressed = append(pressed, k.String())
			}
			run.send(msg)
		}
		check(t, run, pressed)
		if c.n(3) == 0 {
			settle(t, run)
			check(t, run, pressed)
		}
	}
}

// Whatever is pressed, at any size, over fleets as they are: no panic, and each line
// is as wide as the terminal.
func TestAnyKeysAtAnySize(t *testing.T) {
	for seed := range byte(9) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			facts := map[byte]*fleet.Delta{0: nil, 1: crowd(300), 2: trouble()}[seed%3]
			run := open(t, facts, Options{
				Theme: theme.Names()[int(seed)%len(theme.Names())], ASCII: seed%2 == 1, Guide: Guide{Show: seed%3 == 0}, Views: anyViews(),
			}, 80, 24)
			newChaos([]byte{seed}).press(t, run, 300)
		})
	}
}

// anyViews are saved views of which not all are of this fleet.
func anyViews() map[int]config.View {
	return map[int]config.View{
		4: {Place: "service/checkout", Pane: "instances", Filter: "serving", Sort: "-grpc", Window: "15m"}, 5: {Place: "traces", Sort: "-dur", Filter: "errors>0"},
		6: {Place: "breakers", Sort: "caller"}, 7: {Place: "events/" + strings.Repeat("한", 50), Window: "24h"}, 8: {Place: "services", Sort: "-err", Filter: "!cart"},
	}
}

// styles are the orders that the dashboard gives a terminal itself: those that
// colour text.
var styles = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// slowest is how long a picture may take in these tests, which run beside others.
const slowest = 2 * time.Second

func check(t *testing.T, run *headless, pressed []string) {
	t.Helper()
	m := run.m
	began := time.Now()
	lines := strings.Split(m.View().Content, "\n")
	if took := time.Since(began); took > slowest {
		t.Fatalf("%dx%d %s: it took %s after %q", m.width, m.height, m.pages.top().Place(), took, pressed)
	}
	if len(lines) != m.height {
		t.Fatalf("%d lines of %d after %q", len(lines), m.height, pressed)
	}
	for i, line := range lines {
		if w := ansi.StringWidth(line); w != m.width {
			t.Fatalf("%dx%d %s: line %d is %d wide after %q: %q", m.width, m.height, m.pages.top().Place(), i, w, pressed, line)
		}
		bare := styles.ReplaceAllString(line, "")
		if strings.ContainsFunc(bare, func(r rune) bool { return r < ' ' || term.Unsafe(r) }) || !utf8.ValidString(bare) {
			t.Fatalf("%s: line %d has somebody else's orders after %q: %q", m.pages.top().Place(), i, pressed, line)
		}
	}
}
