package act_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/act"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
)

// commands are what was run, and answer.
type commands struct {
	ran  []string
	code func(line string) int
}

func (c *commands) run(_ context.Context, args ...string) (string, int) {
	line := strings.Join(args, " ")
	c.ran = append(c.ran, line)
	code := 0
	if c.code != nil {
		code = c.code(line)
	}
	if code != 0 {
		return "error: refused\x1b[31m\nhint: ask somebody\n", code
	}
	return "would leave 2 of 3\n", 0
}

func quarantine(ids ...string) act.Choice {
	c := act.Choice{Title: "quarantine " + ids[0]}
	for _, id := range ids {
		c.Commands = append(c.Commands, []string{"quarantine", id, "--service", "user", "--ttl", "15m"})
	}
	return c
}

func limits() act.Choice {
	return act.Choice{Title: "see the limits", Reads: true, Commands: [][]string{{"limits", "user"}}}
}

// page is the page of these choices, after the moment in which it hears no keys.
func page(t *testing.T, c *commands, o act.Options) (*act.Screen, *screen.Look) {
	t.Helper()
	look := screentest.Look(t, &fleet.Snapshot{})
	look.Height = 14
	if c != nil {
		look.Env.Command = c.run
	}
	s := act.New(&screen.Jobs{Parent: t.Context()}, o)
	screentest.Send(s, look, screen.Shown{})
	return s, look
}

// typeIn types a text and enter.
func typeIn(s *act.Screen, look *screen.Look, text string) []tea.Msg {
	var said []tea.Msg
	for _, r := range text {
		said = append(said, screentest.Send(s, look, tea.KeyPressMsg{Code: r, Text: string(r)})...)
	}
	return append(said, screentest.Send(s, look, tea.KeyPressMsg{Code: tea.KeyEnter})...)
}

// erase takes away what is typed already.
func erase(s *act.Screen, look *screen.Look) {
	for range 20 {
		screentest.Send(s, look, tea.KeyPressMsg{Code: tea.KeyBackspace})
	}
}

func bubble(t *testing.T, test func(t *testing.T)) { t.Helper(); synctest.Test(t, test) }

// From the choice to the end: how long, why, what it would do, yes, and done.
func TestNothingIsDoneBeforeItWasShownAndAgreedTo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &commands{}
		s, look := page(t, c, act.Options{Choices: []act.Choice{limits(), quarantine("user-3")}})
		screentest.Want(t, s, look, "see the limits", "gctl limits user", "quarantine user-3", "gctl quarantine user-3 --service user --ttl 15m")
		if got := s.Place(); got.Subject != "" || s.Typing() {
			t.Errorf("the menu is %v, typing %v", got, s.Typing())
		}
		screentest.Act(s, look, key.Up, key.Down, key.Down, key.Top, key.Bottom, key.Enter)
		screentest.Want(t, s, look, "hold for: 15m_", "gctl quarantine user-3")
		erase(s, look)
		typeIn(s, look, "forever")
		screentest.Want(t, s, look, "it holds for 1s to 24h, as in 15m")
		erase(s, look)
		typeIn(s, look, "5m")
		screentest.Want(t, s, look, "reason, for the log", "--ttl 5m")
		typeIn(s, look, "it's slow")
		screentest.Want(t, s, look, "would leave 2 of 3", "type y and enter to do it", `--reason 'it'\''s slow'`)
		if want := "quarantine user-3 --service user --ttl 5m --reason it's slow --dry-run"; len(c.ran) != 1 || c.ran[0] != want {
			t.Fatalf("ran %q, want %q", c.ran, want)
		}
		typeIn(s, look, "no")
		screentest.Want(t, s, look, "nothing was done: y was not what was typed")
		if len(c.ran) != 1 {
			t.Fatalf("ran %q", c.ran)
		}
		erase(s, look)
		said := typeIn(s, look, "y")
		screentest.Want(t, s, look, "done; esc goes back")
		if want := "quarantine user-3 --service user --ttl 5m --reason it's slow --yes"; len(c.ran) != 2 || c.ran[1] != want {
			t.Errorf("ran %q, want %q", c.ran, want)
		}
		if len(said) != 1 || said[0] != tea.Msg(screen.Refresh{}) {
			t.Errorf("it says %v, and not that all is to be asked again", said)
		}
		if said := screentest.Act(s, look, key.Enter); len(said) != 1 || said[0] != tea.Msg(screen.Leave{}) {
			t.Errorf("enter at the end says %v", said)
		}
	})
}

// A page that has just come up, or asks for the yes, hears no key for 400 ms.
func TestAKeyMeantForThePageBeforeConfirmsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &commands{}
		look := screentest.Look(t, &fleet.Snapshot{})
		look.Env.Command = c.run
		s := act.New(&screen.Jobs{Parent: t.Context()}, act.Options{Choices: []act.Choice{limits(), quarantine("user-3")}})
		arm := s.Update(screen.Shown{}, look)
		screentest.Act(s, look, key.Enter)
		if s.Place().Subject != "" {
			t.Fatal("a key was heard at once")
		}
		enter := func(h screen.Hint) bool { return h.Action == key.Enter }
		if slices.ContainsFunc(s.Hints(), enter) {
			t.Error("enter is named before it is heard")
		}
		began := time.Now()
		screentest.Run(s, look, arm)
		if took := time.Since(began); took != 400*time.Millisecond {
			t.Errorf("keys are heard after %v", took)
		}
		if !slices.ContainsFunc(s.Hints(), enter) {
			t.Errorf("enter is not named: %v", s.Hints())
		}
		screentest.Act(s, look, key.Down, key.Enter)
		typeIn(s, look, "")
		run := s.Update(tea.KeyPressMsg{Code: tea.KeyEnter}, look) // the reason
		arm = s.Update(run(), look)
		screentest.Want(t, s, look, "type y and enter")
		typeIn(s, look, "y")
		if len(c.ran) != 1 {
			t.Fatalf("a key before its time has done %q", c.ran)
		}
		screentest.Run(s, look, arm)
		typeIn(s, look, "y")
		if len(c.ran) != 2 || !strings.Contains(c.ran[1], "by hand, in the dashboard --yes") {
			t.Errorf("ran %q", c.ran)
		}
	})
}

func TestAProtectedContextWantsItsName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &commands{}
		s, look := page(t, c, act.Options{Name: "prod", Choices: []act.Choice{quarantine("user-3")}})
		typeIn(s, look, "")
		typeIn(s, look, "")
		screentest.Want(t, s, look, "protected: type prod and enter")
		for _, text := range []string{"y", "yes", "Prod", ""} {
			typeIn(s, look, text)
			screentest.Want(t, s, look, "nothing was done: prod was not what was typed")
			erase(s, look)
		}
		typeIn(s, look, "prod")
		if len(c.ran) != 2 || !strings.HasSuffix(c.ran[1], " --yes-i-mean prod") {
			t.Errorf("ran %q", c.ran)
		}
	})
}

func TestWhatIsRefusedIsNotAskedFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &commands{code: func(string) int { return 3 }}
		s, look := page(t, c, act.Options{Choices: []act.Choice{quarantine("user-3")}})
		typeIn(s, look, "")
		typeIn(s, look, "")
		screentest.Want(t, s, look, "error: refused", "hint: ask somebody", "it was not done; esc goes back")
		if typeIn(s, look, "y"); len(c.ran) != 1 || s.Typing() {
			t.Errorf("ran %q, typing %v", c.ran, s.Typing())
		}
	})
}

// Of several instances the first that fails is the last that is tried.
func TestSeveralOneAfterTheOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &commands{code: func(line string) int {
			if strings.Contains(line, "user-2") && strings.Contains(line, "--yes") {
				return 1
			}
			return 0
		}}
		s, look := page(t, c, act.Options{Choices: []act.Choice{quarantine("user-1", "user-2", "user-3", "user-4", "user-5")}})
		screentest.Want(t, s, look, "gctl quarantine user-3", "and 2 more")
		look.Height = 30
		typeIn(s, look, "")
		typeIn(s, look, "")
		screentest.Want(t, s, look, "5 of 5: gctl quarantine user-5")
		typeIn(s, look, "y")
		screentest.Want(t, s, look, "2 of 5: gctl quarantine user-2", "error: refused", "the other 3 were not tried", "1 of 5 done, then it failed; esc goes back")
		if len(c.ran) != 7 {
			t.Errorf("ran %q", c.ran)
		}
		if got, want := s.Outcome(), (screen.Say{Text: "quarantine user-1: 1 of 5 done, then it failed", Bad: true}); got != want {
			t.Errorf("it tells %+v, want %+v", got, want)
		}
	})
}

// Where there is no room for all, what failed is seen first; what went well is above.
func TestWhatFailedIsSeenFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &commands{code: func(line string) int {
			if strings.Contains(line, "user-3") && strings.Contains(line, "--yes") {
				return 1
			}
			return 0
		}}
		s, look := page(t, c, act.Options{Choices: []act.Choice{quarantine("user-1", "user-2", "user-3")}})
		look.Height = 10
		typeIn(s, look, "")
		typeIn(s, look, "")
		typeIn(s, look, "y")
		screentest.Want(t, s, look, "3 of 3: gctl quarantine user-3", "error: refused", "2 of 3 done, then it failed")
		for range 9 {
			screentest.Act(s, look, key.Up)
			screentest.Plain(t, s, look)
		}
		screentest.Want(t, s, look, "1 of 3: gctl quarantine user-1")
	})
}

// A page that asks for the yes and is come back to hears no key for 400 ms again.
func TestThePageThatAsksIsArmedAgainWhenItIsComeBackTo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &commands{}
		s, look := page(t, c, act.Options{Choices: []act.Choice{quarantine("user-3")}})
		typeIn(s, look, "")
		typeIn(s, look, "")
		arm := s.Update(screen.Shown{}, look)
		if typeIn(s, look, "y"); len(c.ran) != 1 {
			t.Fatalf("a key before its time has done %q", c.ran)
		}
		screentest.Run(s, look, arm)
		if typeIn(s, look, "y"); len(c.ran) != 2 {
			t.Errorf("ran %q", c.ran)
		}
	})
}

// What changes something is said to be under way as long as it is, and to run on when
// it is left; what only reads is not.
func TestAChangeUnderWayIsNamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &commands{}
		s, look := page(t, c, act.Options{Choices: []act.Choice{quarantine("user-3")}})
		typeIn(s, look, "")
		typeIn(s, look, "")
		if s.Running() != "" {
			t.Errorf("%s is under way before it was agreed to", s.Running())
		}
		screentest.Send(s, look, tea.KeyPressMsg{Code: 'y', Text: "y"})
		do := s.Update(tea.KeyPressMsg{Code: tea.KeyEnter}, look)
		if hints := s.Hints(); s.Running() != "quarantine user-3" || hints[0].Does != "leave it to run on" {
			t.Errorf("%q is under way, %v", s.Running(), hints)
		}
		screentest.Run(s, look, do)
		if got := s.Outcome(); s.Running() != "" || got != (screen.Say{Text: "quarantine user-3: done"}) {
			t.Errorf("%q is under way, %v", s.Running(), got)
		}
		reads := act.New(&screen.Jobs{Parent: t.Context()}, act.Options{Choices: []act.Choice{limits()}})
		arm := reads.Update(screen.Shown{}, look)
		run := reads.Update(arm(), look)
		if run == nil || reads.Running() != "" {
			t.Errorf("what only reads is a change: %q", reads.Running())
		}
		screentest.Run(reads, look, run)
	})
}

func TestWhatOnlyReadsIsShownAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &commands{}
		s, look := page(t, c, act.Options{Choices: []act.Choice{limits()}})
		screentest.Want(t, s, look, "gctl limits user", "would leave 2 of 3")
		if len(c.ran) != 1 || c.ran[0] != "limits user" || s.Typing() {
			t.Errorf("ran %q", c.ran)
		}
		if got := screentest.Plain(t, s, look); strings.Contains(got, "done") {
			t.Errorf("something was done:\n%s", got)
		}
	})
}

func TestWhereNothingCanBeDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, look := page(t, &commands{}, act.Options{})
		screentest.Want(t, s, look, "There is nothing to be done here.", "Put the cursor on an instance")
		screentest.Act(s, look, key.Bottom, key.Down, key.Up, key.Enter)
		s, look = page(t, nil, act.Options{Choices: []act.Choice{quarantine("user-3")}}) // a recording
		typeIn(s, look, "")
		typeIn(s, look, "")
		screentest.Want(t, s, look, "in a recording nothing can be changed", "it was not done")
		if s, look := page(t, nil, act.Options{Choices: []act.Choice{limits()}}); len(screentest.Plain(t, s, look)) == 0 {
			t.Error("nothing is shown")
		}
		s, look = page(t, &commands{}, act.Options{Choices: []act.Choice{quarantine("user-3")}})
		if said := screentest.Send(s, look, tea.KeyPressMsg{Code: tea.KeyEscape}); len(said) != 1 || said[0] != tea.Msg(screen.Leave{}) {
			t.Errorf("esc says %v", said)
		}
	})
}

// What is asked, and what is typed, is seen at any size that has room for it; a long
// command is broken and not cut, for it is what will be done.
func TestWhatIsAskedIsSeenOnANarrowScreen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &commands{}
		s, look := page(t, c, act.Options{Choices: []act.Choice{quarantine("user-with-a-long-name-3")}})
		look.Width, look.Height = 60, 13
		typeIn(s, look, "")
		for _, r := range "slow" {
			screentest.Send(s, look, tea.KeyPressMsg{Code: r, Text: string(r)})
		}
		screentest.Want(t, s, look, "slow_")
		screentest.Send(s, look, tea.KeyPressMsg{Code: tea.KeyEnter})
		if got := strings.Join(strings.Fields(screentest.Plain(t, s, look)), ""); !strings.Contains(got, "--ttl15m--reasonslow") {
			t.Errorf("the command is not whole:\n%s", screentest.Plain(t, s, look))
		}
		screentest.Want(t, s, look, "would leave", "type y and enter")
		for look.Width = 40; look.Width < 60; look.Width++ { // between its words
			if words := strings.Fields(screentest.Plain(t, s, look)); !slices.Contains(words, "15m") || !slices.Contains(words, "quarantine") {
				t.Errorf("%d cells: a word is broken: %q", look.Width, words)
			}
		}
		look.Width, look.Height = 60, 3
		screentest.Want(t, s, look, "type y and enter")
		for w := range 70 {
			for h := range 16 {
				look.Width, look.Height = w+1, h
				screentest.Plain(t, s, look)
			}
		}
		menu, look := page(t, c, act.Options{Choices: []act.Choice{quarantine("user-3"), limits()}})
		for w := range 70 {
			for h := range 5 {
				look.Width, look.Height = w+1, h
				screentest.Act(menu, look, key.Down)
				screentest.Plain(t, menu, look)
			}
		}
	})
}

// A long answer is read with the arrows.
func TestALongAnswerIsScrolled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		look := screentest.Look(t, &fleet.Snapshot{})
		look.Height = 8
		look.Env.Command = func(context.Context, ...string) (string, int) {
			var b strings.Builder
			for n := range 30 {
				fmt.Fprintf(&b, "limit %d\n", n)
			}
			return b.String(), 0
		}
		s := act.New(&screen.Jobs{Parent: t.Context()}, act.Options{Choices: []act.Choice{limits()}})
		screentest.Send(s, look, screen.Shown{})
		screentest.Want(t, s, look, "limit 0")
		for range 50 {
			screentest.Act(s, look, key.Down)
			screentest.Plain(t, s, look)
		}
		screentest.Want(t, s, look, "limit 29")
		screentest.Act(s, look, key.Up)
		screentest.Want(t, s, look, "limit 28")
	})
}
