package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

// line is the line of the terminal that has a text.
func line(t *testing.T, run *headless, has string) int {
	t.Helper()
	for y, l := range strings.Split(text(run), "\n") {
		if strings.Contains(l, has) {
			return y
		}
	}
	t.Fatalf("no line has %q:\n%s", has, text(run))
	return 0
}

// Two clicks at the same place, one soon after the other, open what is there; one, or
// two at different places, or late, only select it.
func TestADoubleClickOpens(t *testing.T) {
	run := open(t, trouble(), Options{}, 120, 30)
	cart, payments := line(t, run, " cart "), line(t, run, " payments ")
	stays := func(why string) {
		t.Helper()
		settle(t, run)
		if place := run.m.pages.top().Place(); place.Screen != home {
			t.Fatalf("%s opens %v", why, place)
		}
	}
	run.send(click(5, cart))
	stays("one click")
	run.send(click(5, payments))
	run.send(click(5, cart))
	stays("clicks at different places")
	if err := run.until(func() bool { return run.m.clicked == clicked{} }); err != nil {
		t.Fatal(err)
	}
	run.send(click(5, cart))
	stays("a late click")
	run.send(tea.MouseWheelMsg{X: 5, Y: cart, Button: tea.MouseWheelUp})
	run.send(click(5, cart))
	stays("a click after the wheel")
	run.send(click(5, cart))
	if err := run.until(func() bool { return run.m.pages.top().Place().String() == "service/cart" }); err != nil {
		t.Errorf("a double click: %v", err)
	}
	settle(t, run)
	run.send(click(5, cart)) // a third is the first of the page that was opened
	if n := len(run.m.pages.list); n != 2 {
		t.Errorf("%d pages", n)
	}
}
