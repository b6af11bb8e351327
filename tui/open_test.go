package tui

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

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
