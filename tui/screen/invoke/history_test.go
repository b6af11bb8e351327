package invoke_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// line is a line of the history.
type line struct {
	Time     time.Time      `json:"time"`
	Context  string         `json:"context"`
	Service  string         `json:"service"`
	Method   string         `json:"method"`
	Instance string         `json:"instance"`
	Request  map[string]any `json:"request"`
	Code     string         `json:"code"`
	Duration float64        `json:"duration_ms"`
	Name     string         `json:"name"`
}

func (c *calls) list(t *testing.T) []line {
	t.Helper()
	var list []line
	err := c.Each(func(raw []byte) {
		var l line
		if err := json.Unmarshal(raw, &l); err != nil {
			t.Error(err)
		}
		list = append(list, l)
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// kept waits until the history has n lines.
func (d *desk) kept(n int) {
	d.t.Helper()
	d.until(func() bool { return strings.Count(d.calls.text(), "\n") == n })
}

func TestEachCallIsKeptWithoutSecrets(t *testing.T) {
	d := opened(t, "Get")
	d.fill("id", "o-1")
	d.fill("password", "tiger")
	d.act(key.Send)
	d.sees("✓ OK")
	d.kept(1)
	l := d.calls.list(t)[0]
	if l.Context != "test" || l.Service != "shop" || l.Method != "shop.v1.Shop/Get" || l.Instance != "shop-1" || l.Code != "OK" || l.Duration <= 0 || !l.Time.Equal(d.look.Clock) {
		t.Errorf("the history has %+v", l)
	}
	if l.Request["password"] != "(hidden)" || l.Request["id"] != "o-1" || strings.Contains(d.calls.text(), "tiger") {
		t.Errorf("the request is %v", l.Request)
	}
}

func TestAFailedCallIsKeptToo(t *testing.T) {
	d := opened(t, "Get")
	d.fill("id", "missing")
	d.act(key.Send)
	d.sees("NOT_FOUND")
	d.kept(1)
	if l := d.calls.list(t)[0]; l.Code != "NOT_FOUND" {
		t.Errorf("the code is %s", l.Code)
	}
}

func TestARequestIsSavedUnderAName(t *testing.T) {
	d := opened(t, "Get")
	d.fill("id", "o-1")
	d.act(key.Save)
	d.sees("save this request as:")
	d.types("enter")
	d.sees("a name is wanted")
	d.types("mine", "enter")
	d.says("saved as mine")
	if l := d.calls.list(t)[0]; l.Name != "mine" || l.Code != "" || l.Request["id"] != "o-1" {
		t.Errorf("the history has %+v", l)
	}
}

func TestTheHistoryListsSavedOnesFirstAndEachRequestOnce(t *testing.T) {
	d := opened(t, "Get")
	at := d.look.Clock
	add := func(minutes int, method, id, name string) {
		_ = d.calls.Append(map[string]any{
			"time": at.Add(time.Duration(minutes) * time.Minute), "method": method, "request": map[string]any{"id": id}, "code": "OK", "name": name,
		})
	}
	add(1, "shop.v1.Shop/Get", "old", "")
	add(2, "shop.v1.Shop/Get", "named", "first")
	add(3, "shop.v1.Shop/Get", "twice", "")
	add(4, "shop.v1.Shop/Watch", "other", "")
	add(5, "shop.v1.Shop/Get", "twice", "")
	add(6, "shop.v1.Shop/Get", "named", "")
	d.act(key.History)
	d.sees("the requests that were made  3/3")
	shown := d.shown()
	first, second, third := strings.Index(shown, `"named"`), strings.Index(shown, `"twice"`), strings.Index(shown, `"old"`)
	if first < 0 || first > second || second > third || strings.Count(shown, `"twice"`) != 1 || strings.Count(shown, `"named"`) != 1 || strings.Contains(shown, "other") {
		t.Errorf("the list is\n%s", shown)
	}
	d.run(d.s.SetFilter("nosuch", d.look))
	d.sees(`0 of 3 match "nosuch".`)
	d.run(d.s.SetFilter("old", d.look))
	d.sees("1/3")
	d.act(key.Enter)
	d.sees("FORM shop.v1.Order", `"id": "old"`)
}

func TestAHiddenValueIsLeftEmptyAndMarked(t *testing.T) {
	d := opened(t, "Get")
	_ = d.calls.Append(map[string]any{
		"time": d.look.Clock, "method": "shop.v1.Shop/Get",
		"request": map[string]any{
			"id": "o-1", "password": "(hidden)", "labels": map[string]any{"token": "(hidden)", "team": "core"}, "item": map[string]any{"apiKey": "(hidden)"},
		},
	})
	d.act(key.History)
	d.sees("no answer")
	d.act(key.Enter)
	d.says(`3 fields left empty, since the history hides them: item.apiKey, labels["token"], password`)
	d.sees("! was hidden", `"team": "core"`)
	if text := d.status(); !strings.Contains(text, "! 3 hidden values left empty") {
		t.Errorf("the status is %s", text)
	}
	d.on("password")
	d.sees("! hidden in the history: type it again")
	d.act(key.Send)
	d.sees("✓ OK")
	d.kept(2)
	if l := d.calls.list(t)[1]; l.Request["password"] != nil {
		t.Errorf("what is hidden was sent: %v", l.Request)
	}
	d.fill("password", "lion")
	d.lacks("! was hidden")
}

func TestALargeRequestIsNotKept(t *testing.T) {
	d := opened(t, "Get")
	d.act(key.NextPane, key.Enter)
	d.hear(tea.PasteMsg{Content: `{"id": "` + strings.Repeat("x", 300_000) + `"}`})
	d.says("taken as the request: 300.0 kB")
	d.act(key.Enter)
	d.says("300.0 kB are too much to be edited here")
	d.act(key.Send)
	d.sees("✓ OK")
	d.says("a request of 300.0 kB is too large for the history")
	d.kept(0)
}

func TestWithoutAHistory(t *testing.T) {
	d := opened(t, "Get")
	d.act(key.History)
	d.says("this method was not called from here yet")
	d.look.Env.Calls = func() (screen.Calls, error) { return nil, errors.New("no home") }
	d.act(key.History)
	d.says("the history could not be read: no home")
	d.act(key.Send)
	d.says("the history could not be written: no home")
	d.look.Env.Calls = nil
	d.act(key.History)
	d.says("there is no history here")
}
