package tui

import (
	"context"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Keys are named as they are bound, and not at all where none is.
func TestOwnKeysAreNamed(t *testing.T) {
	begin := func(keys map[string][]string, place string) *headless {
		return open(t, trouble(), Options{Keys: keys, Place: place, Record: func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", nil
		}}, 120, 40)
	}
	says := func(run *headless, want, not string) {
		t.Helper()
		settle(t, run)
		if got := text(run); !strings.Contains(got, want) || strings.Contains(got, not) {
			t.Errorf("it does not say %q, or does say %q:\n%s", want, not, got)
		}
	}
	own := map[string][]string{"back": {"b"}, "live": {"z"}, "record": {"f9"}, "sort": {"o"}}
	none := map[string][]string{"back": {}, "live": {}, "record": {}, "sort": {}}
	for _, place := range []string{"services", "service/cart", "breakers"} {
		for want, keys := range map[string]map[string][]string{"z comes back to now": own, ":at now comes back to now": none} {
			run := begin(keys, place)
			run.do(run.m.goTo(clock.Add(-time.Hour), false))
			says(run, want, "0 comes")
		}
	}
	run := begin(own, "services")
	for _, r := range "/nobody" {
		run.send(press(r))
	}
	run.send(enter())
	says(run, "b clears the filter", "esc")
	run.send(tea.KeyPressMsg{Code: tea.KeyF9})
	says(run, "recording; f9 ends it", "R ends")
	run.send(press('?'))
	says(run, "o and a letter", "s and a letter")

	run = begin(none, "services")
	for _, r := range "/nobody" {
		run.send(press(r))
	}
	run.send(enter())
	says(run, "match \"nobody\"", "clears the filter")
	run.do(run.m.record())
	if run.m.say.Text != "recording" {
		t.Errorf("it says %q", run.m.say.Text)
	}
	run.send(press('?'))
	says(run, "Everywhere", "and a letter")
}
