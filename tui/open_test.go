package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/screentest"
)

func TestKeysOpenBreakersAndEventsOfTheServiceAndAnEventMovesTheTimeCursor(t *testing.T) {
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{Now: screentest.Now})
	t.Cleanup(store.Close)
	m, err := newModel(t.Context(), Options{Store: store, Now: screentest.Now, Place: "breakers/user"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	m.Update(tea.KeyPressMsg{Code: 'v', Text: "v"})
	if got := m.pages.top().Place(); got != (screen.Place{Screen: "events", Subject: "user"}) {
		t.Errorf("v opens %v", got)
	}
	m.Update(tea.KeyPressMsg{Code: 'b', Text: "b"})
	if got := m.pages.top().Place(); got != (screen.Place{Screen: "breakers", Subject: "user"}) {
		t.Errorf("b opens %v", got)
	}
	at := screentest.Now().Add(-time.Minute)
	m.Update(screen.At{Time: at})
	if m.look.Live || !m.look.Now.Equal(at) {
		t.Errorf("the time cursor is at %v, live %v", m.look.Now, m.look.Live)
	}
	m.Update(screen.At{Time: screentest.Now()})
	if !m.look.Live {
		t.Error("an event of now leaves the present")
	}
	if !m.look.Began.Equal(screentest.Now()) || m.look.Notes == nil {
		t.Errorf("began %v, notes %v", m.look.Began, m.look.Notes)
	}
}

// What leads to an instance opens its service with the cursor on the instance.
func TestAnInstanceIsOpenedInItsService(t *testing.T) {
	run := open(t, trouble(), Options{}, 140, 40)
	run.do(run.m.said(screen.Go{Place: screen.Place{Screen: "service", Subject: "checkout"}, At: "checkout-2"}))
	settle(t, run)
	if got := ansi.Strip(run.m.View().Content); !strings.Contains(got, "[instances]") || !strings.Contains(got, "▌✓ checkout-2") {
		t.Errorf("the cursor is not on checkout-2:\n%s", got)
	}
	if f := run.m.focus(); f.Service != "checkout" || f.Instance != "checkout-2" {
		t.Errorf("the focus is on %+v", f)
	}
	run.do(run.m.said(screen.Go{Place: screen.Place{Screen: "service", Subject: "checkout"}, At: "gone-7"}))
	settle(t, run)
	if f := run.m.focus(); f.Service != "checkout" || f.Instance != "checkout-1" { // the first: there is no such
		t.Errorf("the focus is on %+v", f)
	}
}
