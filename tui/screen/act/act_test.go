package act_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"go.uber.org/goleak"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/act"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func force() []act.Choice {
	return []act.Choice{
		{Title: "force it open", Commands: [][]string{{"breakers", "force-open", "user/write", "--ttl", "15m"}}},
		{Title: "see it", Reads: true, Commands: [][]string{{"breakers"}}},
	}
}

// open is the page over a gctl that notes what it is asked to run.
func open(t *testing.T, o act.Options) (s *act.Screen, look *screen.Look, ran *[][]string) {
	t.Helper()
	look = screentest.Look(t, screentest.Snapshot(t, fleet.Delta{}))
	ran = &[][]string{}
	look.Env.Command = func(_ context.Context, args ...string) (string, int) {
		*ran = append(*ran, args)
		return "1 breaker: forced_open\n", 0
	}
	jobs := &screen.Jobs{Parent: t.Context()}
	t.Cleanup(jobs.Close)
	return act.New(jobs, o), look, ran
}

func typed(s *act.Screen, look *screen.Look, text string) []tea.Msg {
	var said []tea.Msg
	for _, r := range text {
		k := tea.Key{Code: r, Text: string(r)}
		switch r {
		case '\n':
			k = tea.Key{Code: tea.KeyEnter}
		case '\x15':
			k = tea.Key{Code: 'u', Mod: tea.ModCtrl}
		}
		said = append(said, screentest.Send(s, look, tea.KeyPressMsg(k))...)
	}
	return said
}

func names(s *act.Screen, does string) bool {
	return slices.ContainsFunc(s.Hints(), func(h screen.Hint) bool { return h.Does == does })
}

// A key that was meant for the page before does nothing, and as long as that is so
// none is named.
func TestKeysAreHeardAfterAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, look, _ := open(t, act.Options{Choices: force()})
		if names(s, "choose") {
			t.Error("enter is named before it is heard")
		}
		screentest.Act(s, look, key.Enter)
		screentest.Want(t, s, look, "force it open", "see it")
		before := time.Now()
		screentest.Send(s, look, screen.Shown{})
		if waited := time.Since(before); waited < 400*time.Millisecond || !names(s, "choose") {
			t.Errorf("heard after %s: %v", waited, s.Hints())
		}
		screentest.Act(s, look, key.Enter)
		screentest.Want(t, s, look, "hold for: 15m_")
	})
}

// What is done is asked for, previewed by the command itself, agreed to, and told.
func TestPreviewAndConfirmation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, look, ran := open(t, act.Options{Choices: force()})
		screentest.Send(s, look, screen.Shown{})
		screentest.Act(s, look, key.Enter)
		typed(s, look, "\x15forever\n")
		screentest.Want(t, s, look, "it holds for 1s to 24h, as in 15m")
		typed(s, look, "\x158s\na drill\n")
		want := []string{"breakers", "force-open", "user/write", "--ttl", "8s", "--reason", "a drill", "--dry-run"}
		if len(*ran) != 1 || !slices.Equal((*ran)[0], want) {
			t.Fatalf("ran %v", *ran)
		}
		screentest.Want(t, s, look, "gctl breakers force-open user/write --ttl 8s --reason 'a drill'", "1 breaker: forced_open", "type y and enter to do it")
		typed(s, look, "n\n")
		screentest.Want(t, s, look, "nothing was done: y was not what was typed")
		if len(*ran) != 1 {
			t.Fatalf("ran %v", *ran)
		}
		said := typed(s, look, "\x15y\n")
		if len(*ran) != 2 || (*ran)[1][len(want)-1] != "--yes" {
			t.Fatalf("ran %v", *ran)
		}
		if !slices.Contains(said, tea.Msg(screen.Refresh{})) {
			t.Errorf("said %v", said)
		}
		screentest.Want(t, s, look, "done; esc goes back")
	})
}

// A protected context wants its name; what only reads is not asked about.
func TestAProtectedContextWantsItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, look, ran := open(t, act.Options{Choices: force(), Name: "prod"})
		screentest.Send(s, look, screen.Shown{})
		screentest.Act(s, look, key.Enter)
		typed(s, look, "\n\ny\n")
		screentest.Want(t, s, look, "nothing was done: prod was not what was typed")
		typed(s, look, "\x15prod\n")
		if len(*ran) != 2 || !strings.HasSuffix(strings.Join((*ran)[1], " "), "--yes-i-mean prod") {
			t.Errorf("ran %v", *ran)
		}
		s, look, ran = open(t, act.Options{Choices: force(), Name: "prod"})
		screentest.Send(s, look, screen.Shown{})
		screentest.Act(s, look, key.Down, key.Enter)
		screentest.Want(t, s, look, "1 breaker: forced_open")
		if len(*ran) != 1 || len((*ran)[0]) != 1 {
			t.Errorf("ran %v", *ran)
		}
	})
}
