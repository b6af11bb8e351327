// Package screentest drives one screen of the dashboard in a test: it runs the
// commands that the screen returns and shows what it draws.
package screentest

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/history"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/notes"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/theme"
)

// Now is the time of a Look.
func Now() time.Time { return time.Date(2026, 3, 1, 14, 5, 0, 0, time.UTC) }

// Look is 120 by 26 cells of a snapshot, at Now, without colours.
func Look(tb testing.TB, snap *fleet.Snapshot) *screen.Look {
	tb.Helper()
	th, err := theme.New("none", true, theme.Unicode())
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := key.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &screen.Look{
		Snap: snap, History: history.New(history.Options{}), Notes: &notes.Notes{}, Now: Now(), Began: Now().Add(-10 * time.Minute), Live: true,
		Window: time.Hour, Width: 120, Height: 26, Theme: th, Keys: keys, Context: "test", Env: &screen.Env{},
	}
}

// Snapshot is what a store without sources knows after a delta.
func Snapshot(tb testing.TB, d fleet.Delta) *fleet.Snapshot {
	tb.Helper()
	store := fleet.NewStore(tb.Context(), fleet.StoreOptions{})
	tb.Cleanup(store.Close)
	if d.At.IsZero() {
		d.At = Now()
	}
	store.Apply(&d)
	return store.Flush()
}

// Send gives a screen messages, runs what it wants run, and returns what it says to
// the dashboard.
func Send(s screen.Screen, look *screen.Look, msgs ...tea.Msg) []tea.Msg {
	var said []tea.Msg
	for _, msg := range msgs {
		said = append(said, run(s, look, s.Update(msg, look))...)
	}
	return said
}

// Act gives a screen actions, as Send does.
func Act(s screen.Screen, look *screen.Look, actions ...key.Action) []tea.Msg {
	var said []tea.Msg
	for _, a := range actions {
		said = append(said, Send(s, look, screen.Act{Action: a})...)
	}
	return said
}

// Run runs a command of a screen, as Send does.
func Run(s screen.Screen, look *screen.Look, cmd tea.Cmd) []tea.Msg { return run(s, look, cmd) }

func run(s screen.Screen, look *screen.Look, cmd tea.Cmd) []tea.Msg {
	if cmd == nil {
		return nil
	}
	switch msg := cmd().(type) {
	case nil:
		return nil
	case tea.BatchMsg:
		var said []tea.Msg
		for _, c := range msg {
			said = append(said, run(s, look, c)...)
		}
		return said
	case screen.Answer:
		return Send(s, look, msg)
	default:
		return []tea.Msg{msg}
	}
}

// Plain is what a screen shows, without styles and blanks at the ends of lines. It
// fails the test if a line is not as wide as it must be, or if there are more or
// fewer of them.
func Plain(tb testing.TB, s screen.Screen, look *screen.Look) string {
	tb.Helper()
	lines := s.View(look)
	if len(lines) != look.Height {
		tb.Errorf("%d lines, want %d", len(lines), look.Height)
	}
	for i, line := range lines {
		if w := ansi.StringWidth(line); w != look.Width {
			tb.Errorf("%dx%d: line %d is %d cells wide: %q", look.Width, look.Height, i, w, line)
		}
		if strings.ContainsAny(line, "\n\r\t") {
			tb.Errorf("line %d breaks: %q", i, line)
		}
		lines[i] = strings.TrimRight(ansi.Strip(line), " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// Want fails the test for each text that a screen does not show.
func Want(tb testing.TB, s screen.Screen, look *screen.Look, texts ...string) {
	tb.Helper()
	shown := Plain(tb, s, look)
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			tb.Errorf("the screen lacks %q:\n%s", text, shown)
		}
	}
}
