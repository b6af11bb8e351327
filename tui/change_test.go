package tui

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/internal/config"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/act"
)

// underWay is a change that has begun and waits for its end.
type underWay struct {
	*headless

	end       chan int // with an exit code
	cancelled chan struct{}
}

// changing is a dashboard on the page of a change that is under way.
func changing(t *testing.T) *underWay {
	t.Helper()
	begun := make(chan struct{})
	c := &underWay{end: make(chan int), cancelled: make(chan struct{})}
	c.headless = open(t, trouble(), Options{Env: screen.Env{Command: func(ctx context.Context, args ...string) (string, int) {
		if slices.Contains(args, "--dry-run") {
			return "would release it", 0
		}
		close(begun)
		select {
		case code := <-c.end:
			return "that is its answer", code
		case <-ctx.Done():
			close(c.cancelled)
			return "cancelled", 1
		}
	}}}, 120, 30)
	c.do(c.m.change(act.Choice{Title: "release cart-1", Commands: [][]string{{"release", "cart-1"}}}))
	saysSoon(t, c.headless, "reason, for the log")
	c.send(enter())
	saysSoon(t, c.headless, "type y and enter")
	if err := c.until(func() bool { return len(c.m.pages.top().Hints()) == 2 }); err != nil { // it hears keys
		t.Fatal(err)
	}
	c.send(press('y'))
	c.send(enter())
	saysSoon(t, c.headless, "doing it")
	<-begun
	return c
}

// A change that is left runs on, which is seen, and what has become of it is told.
func TestAChangeThatIsLeftRunsOn(t *testing.T) {
	c := changing(t)
	c.send(escape())
	saysSoon(t, c.headless, "release cart-1 runs on; ] leads back to it")
	saysSoon(t, c.headless, "● CHANGE")
	c.end <- 0
	saysSoon(t, c.headless, "release cart-1: done; ] leads to it")
	if got := text(c.headless); strings.Contains(got, "CHANGE") {
		t.Errorf("it is still said to run:\n%s", got)
	}
	c.send(press(']'))
	saysSoon(t, c.headless, "that is its answer")
}

// A change whose page is gone is not cancelled, and its answer can be read.
func TestAChangeWhosePageIsGoneIsDoneAllTheSame(t *testing.T) {
	c := changing(t)
	c.send(escape())
	c.do(c.m.open(screen.Place{Screen: "events"}))
	saysSoon(t, c.headless, "● CHANGE")
	still(t, c.cancelled)
	c.end <- 1
	saysSoon(t, c.headless, "release cart-1: it was not done; [ leads to it")
	if place := c.m.pages.top().Place(); place.Screen != "events" {
		t.Errorf("%v is seen", place)
	}
	c.send(press('['))
	saysSoon(t, c.headless, "that is its answer")
	c.send(press('['))
	if place := c.m.pages.top().Place(); place.Screen != home {
		t.Errorf("%v is before it", place)
	}
}

// To quit, or to leave the context, is said to cut a change short before it is done.
func TestToQuitDuringAChangeIsAskedTwice(t *testing.T) {
	const says = "release cart-1 is under way: quit again to leave it half done"
	c := changing(t)
	c.do(c.m.orderContext("prod"))
	saysSoon(t, c.headless, says)
	if c.m.next != "" {
		t.Errorf("the next context is %s all the same", c.m.next)
	}
	if !leaves(c.m) {
		t.Error("it does not quit when that was said")
	}
	c = changing(t)
	c.send(press('q'))
	saysSoon(t, c.headless, says)
	c.end <- 0
	saysSoon(t, c.headless, "done; esc goes back")
	if c.m.warned != "" || !leaves(c.m) {
		t.Errorf("it does not quit when the change is done (%q)", c.m.warned)
	}
}

// leaves tells whether "quit" ends the dashboard.
func leaves(m *model) bool {
	warned := m.warned
	quit := m.quit()
	return quit != nil && m.warned == warned && m.unfinished() == ""
}

// Every page that takes the place of a call that was left tells of it, a page of text
// and a view too.
func TestEveryPageThatTakesThePlaceOfACallTellsOfIt(t *testing.T) {
	for name, push := range map[string]func(m *model){
		"help": func(m *model) { m.help() },
		"act":  func(m *model) { m.change() },
		"view": func(m *model) { m.o.Views = map[int]config.View{4: {Place: "events"}}; m.pick(4) },
	} {
		run, cancelled := calling(t)
		push(run.m)
		if want := listBreakers + " runs on; [ leads back to it"; run.m.say.Text != want {
			t.Errorf("%s says %q, want %q", name, run.m.say.Text, want)
		}
		still(t, cancelled)
		run.m.walk(-1)
		run.m.walk(-1)
		push(run.m)
		if want := listBreakers + " is cancelled: its page is gone"; run.m.say.Text != want {
			t.Errorf("%s says %q, want %q", name, run.m.say.Text, want)
		}
		<-cancelled
	}
}

// What a command answers does not take the keys of what is being typed: it is behind.
func TestAnAnswerDoesNotTakeTheKeysOfWhatIsTyped(t *testing.T) {
	answers := make(chan struct{})
	run := open(t, trouble(), Options{Env: screen.Env{Command: func(context.Context, ...string) (string, int) {
		<-answers
		return "nothing was changed", 0
	}}}, 120, 30)
	ask := func() { run.do(run.m.follow(screen.Run{Command: "gctl actions"})) }
	ask()
	for _, r := range "/car" {
		run.send(press(r))
	}
	answers <- struct{}{}
	saysSoon(t, run, "gctl actions has answered; [ shows it")
	run.send(press('t'))
	run.send(enter())
	settle(t, run)
	if got := text(run); !strings.Contains(got, "/cart") || strings.Contains(got, "nothing was changed") {
		t.Errorf("while it was typed:\n%s", got)
	}
	run.send(press('['))
	saysSoon(t, run, "nothing was changed")
	run.send(escape())
	settle(t, run)
	if got := text(run); !strings.Contains(got, "/cart") {
		t.Errorf("behind it:\n%s", got)
	}
	ask()
	answers <- struct{}{}
	saysSoon(t, run, "nothing was changed") // nothing is typed: it is seen at once
}

// What would be done now is not offered while another moment is on the screen.
func TestThePastIsNotActedOn(t *testing.T) {
	run := open(t, trouble(), Options{Keys: map[string][]string{"live": {"z"}}}, 120, 30)
	run.do(run.m.goTo(clock.Add(-time.Minute), false))
	for _, does := range []func(){
		func() { run.send(press('a')) },
		func() { run.send(press('x')) },
		func() { run.do(run.m.follow(screen.Run{Command: "gctl drain cart-1", Changes: true})) },
	} {
		run.m.say.Text = ""
		does()
		if got, want := run.m.say.Text, "this is the past, and it would be done now: z comes back to now"; got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
		if n := len(run.m.pages.list); n != 1 {
			t.Fatalf("%v is opened", run.m.pages.top().Place())
		}
	}
	run.send(press('z'))
	run.send(press('a'))
	if place := run.m.pages.top().Place(); place.Screen != "act" {
		t.Errorf("back in the present %v is seen", place)
	}
}
