package guide_test

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/tui/guide"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/theme"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // it never changes

func keys(t *testing.T, own map[string][]string) *key.Map {
	t.Helper()
	m, err := key.New(own)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// text is the strip without its styles.
func text(t *testing.T, g *guide.Guide, w, h int, own map[string][]string) string {
	t.Helper()
	dark, err := theme.New("dark", true, theme.Unicode())
	if err != nil {
		t.Fatal(err)
	}
	lines := g.View(w, h, dark, keys(t, own))
	if len(lines) != h {
		t.Errorf("%d lines, want %d", len(lines), h)
	}
	for _, l := range lines {
		if n := ansi.StringWidth(l); n != w {
			t.Errorf("%q is %d cells wide, want %d", l, n, w)
		}
	}
	return ansi.Strip(strings.Join(lines, "\n"))
}

func at(screen string) *guide.Moment { return &guide.Moment{Screen: screen, Live: true, Now: noon} }

func past(ago time.Duration) *guide.Moment {
	return &guide.Moment{Screen: "service", Now: noon.Add(-ago)}
}

// Each step is done by doing it, and leads to the next.
func TestTheStepsInTheirOrder(t *testing.T) {
	g := guide.New("", keys(t, nil))
	g.See(at("services"))
	for i, s := range []struct {
		says string
		does *guide.Moment
	}{
		{"enter opens the service", at("service")},
		{", goes back in time", past(time.Minute)},
		{"0 comes back to now", at("service")},
		{"e shows where it comes from", at("evidence")},
		{"esc, then w asks why", at("service")},
		{" w asks why", at("why")},
		{"esc, then x invokes", at("service")},
		{" x invokes", at("invoke")},
		{"? lists the keys", at("help")},
		{": opens the command line", &guide.Moment{Screen: "help", Command: true, Live: true, Now: noon}},
	} {
		if got := text(t, g, 80, 2, nil); !strings.Contains(got, s.says) {
			t.Errorf("step %d says\n%s, want %q", i+1, got, s.says)
		}
		if g.Over() {
			t.Fatalf("over before step %d", i+1)
		}
		if !g.See(s.does) {
			t.Errorf("step %d: nothing was seen", i+1)
		}
	}
	if got := text(t, g, 80, 2, nil); !g.Over() || !strings.Contains(got, "D closes the guide for good") || strings.Contains(got, "skip") {
		t.Errorf("the end says\n%s", got)
	}
}

// What was done before its turn is not asked for again, and the seconds that pass
// are no step.
func TestWhatWasDoneIsDone(t *testing.T) {
	g := guide.New("", keys(t, nil))
	g.See(at("services"))
	g.See(at("help"))
	g.See(at("why"))
	g.See(at("services"))
	if got := text(t, g, 80, 2, nil); !strings.Contains(got, "1/8") {
		t.Errorf("it is at\n%s", got)
	}
	if later := (&guide.Moment{Screen: "services", Live: true, Now: noon.Add(time.Second)}); g.See(later) {
		t.Error("a second was a step")
	}
	for _, m := range []*guide.Moment{at("service"), past(time.Minute), at("service"), at("evidence")} {
		g.See(m)
	}
	if got := text(t, g, 80, 2, nil); !strings.Contains(got, "6/8") || !strings.Contains(got, "esc, then x") {
		t.Errorf("it is at\n%s", got)
	}
}

// A step can be skipped, until there is none.
func TestSkip(t *testing.T) {
	g := guide.New("", keys(t, nil))
	g.See(at("services"))
	for range 7 {
		g.Skip()
	}
	if got := text(t, g, 80, 2, nil); g.Over() || !strings.Contains(got, "8/8") {
		t.Errorf("it is at\n%s", got)
	}
	g.Skip()
	g.Skip()
	if !g.Over() {
		t.Error("it never ends")
	}
}

// In a recording there is no present to come back to: forward is enough.
func TestInAReplay(t *testing.T) {
	g := guide.New("", keys(t, nil))
	for _, m := range []*guide.Moment{at("services"), at("service"), past(time.Minute), past(time.Second)} {
		m.Live, m.Replay = false, true
		g.See(m)
	}
	if got := text(t, g, 80, 2, nil); !strings.Contains(got, "4/8") {
		t.Errorf("it is at\n%s", got)
	}
}

// The keys are those of the user; a step whose key he has taken away is left out.
func TestOwnKeys(t *testing.T) {
	own := map[string][]string{"enter": {"o"}, "why": {}, "guide-next": {"Z"}, "guide-close": {}}
	g := guide.New("", keys(t, own))
	g.See(at("services"))
	if got := text(t, g, 80, 2, own); !strings.Contains(got, "1/7") || !strings.Contains(got, "o opens") || !strings.Contains(got, "Z skip") || strings.Contains(got, "close") {
		t.Errorf("it says\n%s", got)
	}
}

// Where keys are text, the guide says how to end that, and names none of its own.
func TestWhileSomethingIsTyped(t *testing.T) {
	g := guide.New("", keys(t, nil))
	g.See(&guide.Moment{Screen: "services", Typing: true, Live: true, Now: noon})
	if got := text(t, g, 80, 2, nil); !strings.Contains(got, "esc, then enter opens") || strings.Contains(got, "skip") || strings.Contains(got, "close") {
		t.Errorf("it says\n%s", got)
	}
}

// The story of a fleet takes the place of what is always so.
func TestStory(t *testing.T) {
	g := guide.New("user-3 refuses calls, on purpose", keys(t, nil))
	g.See(at("services"))
	if got := text(t, g, 80, 2, nil); !strings.Contains(got, "worst first: user-3 refuses calls, on purpose.") {
		t.Errorf("it says\n%s", got)
	}
}

// All that a step says can be read at 80 columns, what to press at 60, and no size
// breaks it.
func TestAnySize(t *testing.T) {
	for _, lines := range [][3]int{{1, 0}, {9, 0}, {10, 1}, {16, 1}, {23, 1}, {24, 2}, {200, 2}} {
		if got := guide.Height(lines[0]); got != lines[1] {
			t.Errorf("%d of %d lines, want %d", got, lines[0], lines[1])
		}
	}
	g := guide.New("", keys(t, nil))
	g.See(at("elsewhere"))
	for step := range 9 {
		whole, narrow := text(t, g, 300, 2, nil), text(t, g, 60, 1, nil)
		about, do, _ := strings.Cut(whole, "\n")
		do, _, _ = strings.Cut(strings.TrimSpace(do), "   ")
		if got := text(t, g, 80, 2, nil); !strings.Contains(got, strings.TrimSpace(about)) || !strings.Contains(got, do) {
			t.Errorf("step %d at 80 columns:\n%s\nof\n%s", step+1, got, whole)
		}
		if !strings.Contains(narrow, do) || !g.Over() && !strings.Contains(narrow, "D close") {
			t.Errorf("step %d at 60 columns: %s of %s", step+1, narrow, do)
		}
		for w := 1; w < 100; w++ {
			text(t, g, w, 0, nil)
			text(t, g, w, 1, nil)
			text(t, g, w, 2, nil)
		}
		g.Skip()
	}
}
