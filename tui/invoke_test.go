package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/tui/screen"
	"github.com/gctl-dev/gctl/tui/screen/invoke"
)

// ofShop is a dashboard that knows one service, of a protected context.
func ofShop(t *testing.T) *model {
	t.Helper()
	store := fleet.NewStore(t.Context(), fleet.StoreOptions{})
	t.Cleanup(store.Close)
	at := time.Date(2026, 3, 1, 14, 5, 0, 0, time.UTC)
	store.Apply(&fleet.Delta{
		At:        at,
		Instances: []fleet.InstanceFact{{Instance: fleet.Instance{ID: "shop-1", Service: "shop", Addr: "127.0.0.1:1"}}},
		REDs:      []fleet.RED{{Service: "shop", Method: "shop.v1.Shop/Get", Side: fleet.ServerSide, Rate: 1}},
		Sources:   []fleet.SourceState{{Name: fleet.CatalogFeed, Status: fleet.SourceFresh, At: at}},
	})
	store.Flush()
	m, err := newModel(t.Context(), Options{Store: store, Context: "test", Protected: true, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	runAll(m, m.deliver(screen.Shown{}))
	return m
}

// runAll runs commands, and those that they lead to, but for notices, which take
// time to go.
func runAll(m *model, cmd tea.Cmd) {
	if cmd == nil || m.say.Text != "" {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			runAll(m, c)
		}
	default:
		_, next := m.Update(msg)
		runAll(m, next)
	}
}

func (m *model) press(keys ...string) {
	for _, k := range keys {
		msg := tea.KeyPressMsg{Code: rune(k[0]), Text: k}
		if k == "enter" {
			msg = tea.KeyPressMsg{Code: tea.KeyEnter}
		}
		_, cmd := m.Update(msg)
		runAll(m, cmd)
	}
}

func wantPlace(t *testing.T, m *model, subject string) {
	t.Helper()
	if got, want := m.pages.top().Place(), (screen.Place{Screen: invoke.Name, Subject: subject}); got != want {
		t.Errorf("the place is %v, want %v (%s)", got, want, m.say.Text)
	}
}

func TestXOpensTheMethodsOfAService(t *testing.T) {
	m := ofShop(t)
	m.press("x")
	wantPlace(t, m, "shop")
	if !m.look.Protected {
		t.Error("screens are not told that the context is protected")
	}
}

func TestXOpensTheMethodUnderTheCursor(t *testing.T) {
	m := ofShop(t)
	m.press("enter", "x")
	wantPlace(t, m, "shop shop.v1.Shop/Get")
	m.press("x") // it is open already
	if len(m.pages.list) != 3 {
		t.Errorf("%d pages are open", len(m.pages.list))
	}
}

func TestInvokeOnTheCommandLine(t *testing.T) {
	for typed, subject := range map[string]string{
		"invoke shop": "shop", "invoke shop shop.v1.Shop/Get": "shop shop.v1.Shop/Get", "invoke shop.v1.Shop/Get": "shop.v1.Shop/Get",
	} {
		m := ofShop(t)
		runAll(m, m.run(newPrompt(":", typed)))
		wantPlace(t, m, subject)
	}
	m := ofShop(t)
	m.input = newPrompt(":", "invoke sh")
	m.complete()
	if len(m.input.choices) != 1 || m.input.choices[0].text != "invoke shop" {
		t.Errorf("the choices are %v", m.input.choices)
	}
}

func TestAPlaceOfAMethodIsRead(t *testing.T) {
	p, err := ParsePlace("invoke/shop shop.v1.Shop/Get")
	if err != nil || p != (screen.Place{Screen: invoke.Name, Subject: "shop shop.v1.Shop/Get"}) {
		t.Errorf("the place is %v, %v", p, err)
	}
}

func TestEscAndCopyAreFirstTheScreens(t *testing.T) {
	m := ofShop(t)
	m.press("x")
	m.press("c")
	if !strings.Contains(m.say.Text, "nothing to copy") {
		t.Errorf("c says %q", m.say.Text)
	}
	m.say.Text = ""
	runAll(m, m.escape())
	if m.pages.top().Place().Screen != home {
		t.Errorf("esc leads to %v", m.pages.top().Place())
	}
}
