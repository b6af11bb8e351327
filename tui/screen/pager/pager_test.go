package pager_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/pager"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
)

// text is a page of n lines.
func text(t *testing.T, n int) (*pager.Screen, *screen.Look) {
	t.Helper()
	lines := []string{"Head:"}
	for i := 1; i < n; i++ {
		lines = append(lines, fmt.Sprintf("  line %d", i))
	}
	look := screentest.Look(t, screentest.Snapshot(t, fleet.Delta{}))
	look.Height = 10
	return pager.New("help", lines), look
}

func copied(s *pager.Screen, look *screen.Look) string {
	_, text := s.Copied(look)
	return text
}

func TestKeysMoveThroughAText(t *testing.T) {
	s, look := text(t, 40)
	screentest.Want(t, s, look, "Head:", "line 9")
	for _, c := range []struct {
		do   key.Action
		want string
	}{
		{key.Down, "line 1"}, {key.Up, "Head:"}, {key.Up, "Head:"}, {key.HalfDown, "line 5"}, {key.PageDown, "line 15"}, {key.HalfUp, "line 10"},
		{key.PageUp, "Head:"}, {key.Bottom, "line 39"}, {key.Down, "line 39"}, {key.Top, "Head:"}, {key.Enter, "Head:"},
	} {
		screentest.Act(s, look, c.do)
		screentest.Want(t, s, look, c.want) // the cursor is on the screen
		if got := copied(s, look); got != c.want {
			t.Errorf("%s goes to %q, want %q", c.do, got, c.want)
		}
	}
	screentest.Act(s, look, key.Bottom)
	if got := screentest.Plain(t, s, look); strings.Contains(got, "line 29") || !strings.Contains(got, "line 30") {
		t.Errorf("the last page is\n%s", got)
	}
	screentest.Send(s, look, screen.Click{X: 3, Y: 2})
	if got := copied(s, look); got != "line 32" {
		t.Errorf("a click goes to %q", got)
	}
	screentest.Send(s, look, screen.Click{X: 3, Y: 500})
	if got := copied(s, look); got != "line 39" {
		t.Errorf("a click below goes to %q", got)
	}
	if got := s.Place(); got != (screen.Place{Screen: "help"}) || len(s.Hints()) == 0 {
		t.Errorf("the place is %v", got)
	}
}

func TestAFilterKeepsTheLinesWithAllItsWords(t *testing.T) {
	s, look := text(t, 40)
	screentest.Act(s, look, key.Bottom)
	screentest.Run(s, look, s.SetFilter("LINE 3", look))
	screentest.Act(s, look, key.Top)
	if got := screentest.Plain(t, s, look); strings.Contains(got, "Head") || !strings.Contains(got, "line 3\n") || !strings.Contains(got, "line 35") {
		t.Errorf("shown\n%s", got)
	}
	s.SetFilter("line !3 !1", look)
	if got := screentest.Plain(t, s, look); strings.Contains(got, "3") || strings.Contains(got, "1") || !strings.Contains(got, "line 22") {
		t.Errorf("without them\n%s", got)
	}
	s.SetFilter("nowhere", look)
	screentest.Want(t, s, look, `0 of 40 lines match "nowhere".`, "esc clears the filter")
	if got := copied(s, look); got != "" || s.Filter() != "nowhere" {
		t.Errorf("of nothing %q is copied", got)
	}
	screentest.Act(s, look, key.Down, key.Bottom, key.Up)
	s.SetFilter("", look)
	screentest.Want(t, s, look, "line")
}

// A long line can be read to its end, and not past it.
func TestALongLineIsScrolledToItsEnd(t *testing.T) {
	look := screentest.Look(t, screentest.Snapshot(t, fleet.Delta{}))
	look.Width, look.Height = 20, 3
	s := pager.New("json", []string{"begin " + strings.Repeat("x", 40) + " end", "short"})
	screentest.Want(t, s, look, "begin")
	for range 100 {
		screentest.Act(s, look, key.Right)
	}
	screentest.Want(t, s, look, " end")
	screentest.Act(s, look, key.Left)
	for range 10 {
		screentest.Act(s, look, key.Left)
	}
	screentest.Want(t, s, look, "begin")
}

func TestAnyTextAtAnySize(t *testing.T) {
	look := screentest.Look(t, screentest.Snapshot(t, fleet.Delta{}))
	for _, lines := range [][]string{nil, {""}, {"\x1b[31mred\x1b[0m", "a\nb\tc", strings.Repeat("한", 100), "\u202eevil:"}} {
		s := pager.New("\x1b[2J", lines)
		for w := range 30 {
			for h := range 5 {
				look.Width, look.Height = w+1, h
				screentest.Act(s, look, key.Right, key.Down)
				if got := screentest.Plain(t, s, look); strings.ContainsAny(got, "\x1b\u202e") {
					t.Errorf("%dx%d: %q", w, h, got)
				}
			}
		}
	}
}

// Where a line goes on to the right, the key that shows its rest is named.
func TestTheRestOfALineIsNamed(t *testing.T) {
	look := screentest.Look(t, screentest.Snapshot(t, fleet.Delta{}))
	for width, want := range map[int]key.Action{60: key.Right, 120: key.Copy} {
		look.Width = width
		s := pager.New("evidence", []string{strings.Repeat("long ", 20)})
		screentest.Plain(t, s, look)
		if got := s.Hints()[0].Action; got != want {
			t.Errorf("%d cells: the first hint is %s, want %s", width, got, want)
		}
	}
}
