package invoke_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// opened is a page of a method, its schema there.
func opened(t *testing.T, name string, change ...func(*desk)) *desk {
	t.Helper()
	d := sit(t, "shop shop.v1.Shop/"+name, change...)
	d.sees("FORM shop.v1.Order")
	return d
}

func TestAUnaryCallShowsItsAnswer(t *testing.T) {
	d := opened(t, "Get")
	d.sees("nothing was sent yet: ctrl+s sends")
	d.fill("id", "o-1")
	d.act(key.Send)
	d.sees("✓ OK", "shop-1", `"id": "o-1"`)
	if strings.Count(d.shown(), `"id": "o-1"`) != 2 {
		t.Errorf("the request and the answer are not both shown:\n%s", d.shown())
	}
	_, lines := d.s.Describe(d.look)
	text := strings.Join(lines, "\n")
	for _, want := range []string{"x-served-by: shop", "x-raw-bin: AQI=", "x-cost: 7", "Number of the order."} {
		if !strings.Contains(text, want) {
			t.Errorf("d lacks %q:\n%s", want, text)
		}
	}
}

// What is on the screen then is not what would be called.
func TestNothingIsCalledFromThePast(t *testing.T) {
	d := opened(t, "Get")
	d.fill("id", "o-1")
	d.look.Live = false
	d.act(key.Send)
	d.says("not sent: this is the past, and it would be called now: 0 comes back to now")
	d.sees("nothing was sent yet")
	d.look.Live = true
	d.act(key.Send)
	d.sees("✓ OK")
}

func TestAStatusIsShownWithItsDetails(t *testing.T) {
	d := opened(t, "Get")
	d.fill("id", "missing")
	d.act(key.Send)
	d.sees("✗ NOT_FOUND (5)", "no such order", "GONE (shop.v1)")
}

func TestResponsesComeAsTheyAreSentAndTheNewestIsSeen(t *testing.T) {
	d := opened(t, "Watch")
	d.fill("count", "40")
	d.on("gift")
	d.act(key.Mark, key.Send)
	d.sees("40 messages", "#40", `"count": 40`)
	d.lacks("#1 ")
	d.act(key.NextPane, key.NextPane, key.Top)
	d.sees("#1 ")
	d.lacks("#40")
	d.act(key.Bottom)
	d.sees("#40")
}

func TestACallIsCancelledByEscAfterItWasSaid(t *testing.T) {
	d := opened(t, "Watch")
	d.fill("count", "1")
	d.on("gift")
	d.act(key.Mark, key.Send)
	d.sees("1 message")
	escape := func() bool {
		cmd, did := d.s.Escape(d.look)
		d.run(cmd)
		return did
	}
	if !escape() {
		t.Fatal("esc leaves a call that is under way")
	}
	d.says("esc again cancels it")
	if !escape() {
		t.Fatal("the second esc leaves")
	}
	d.sees("! cancelled", "cancelled from here after 1 message")
	if escape() {
		t.Error("esc does not leave when the call has ended")
	}
}

func TestASecondSendOfAUnaryCallIsRefused(t *testing.T) {
	d := opened(t, "Get")
	d.fill("id", "slow")
	d.act(key.Send, key.Send)
	d.says("a call is under way")
}

func TestRequestsOfAStreamAreSentOneByOne(t *testing.T) {
	d := opened(t, "Put")
	d.fill("id", "a")
	d.act(key.Send)
	d.sees("open", "1 sent")
	d.act(key.Send, key.Send)
	d.sees("3 sent")
	d.act(key.HalfClose)
	d.sees("✓ OK", `"count": 3`)
	d.lacks("before the requests were ended")
	d.act(key.HalfClose)
	d.says("no call is under way")
}

func TestTheServerMayEndACallEarly(t *testing.T) {
	d := opened(t, "Put")
	d.fill("id", "enough")
	d.act(key.Send)
	d.sees("✓ OK", "the server ended the call before the requests were ended")
}

func TestBothWays(t *testing.T) {
	d := opened(t, "Chat")
	d.fill("id", "hello")
	d.act(key.Send)
	d.sees("#1 ", "1 sent")
	d.act(key.Send)
	d.sees("#2 ")
	d.act(key.HalfClose)
	d.sees("✓ OK", "2 messages")
	d.act(key.Send) // a new call
	d.sees("1 message")
}

func TestWhoCannotBeReached(t *testing.T) {
	d := opened(t, "Get", func(d *desk) {
		d.look.Env.Method = wrong(t, fleet.Instance{ID: "gone-1", Addr: "127.0.0.1:1"})
	})
	d.act(key.Send)
	d.sees("✗ no call", "127.0.0.1:1", "hint: ")
}

func TestWhatTheContextDoesNotAllow(t *testing.T) {
	d := opened(t, "Get", func(d *desk) {
		d.look.Env.Method = refusing(d.look.Env.Method)
	})
	d.act(key.Send)
	d.says("not sent: the context is read-only; choose another")
	if text := d.calls.text(); text != "" {
		t.Errorf("the history has %s", text)
	}
}

func TestAProtectedContextAsksForTheName(t *testing.T) {
	d := opened(t, "Get", func(d *desk) { d.look.Protected = true })
	d.fill("id", "o-1")
	d.act(key.Send)
	d.sees("protected: type shop and enter to send")
	if !d.s.Typing() {
		t.Fatal("keys are not taken as they are")
	}
	d.types("shap", "enter")
	d.sees("nothing was sent: shop was not what was typed")
	d.lacks("✓ OK")
	d.types("backspace", "backspace", "op", "enter")
	d.sees("✓ OK")
	d.act(key.Send) // once is enough
	d.lacks("protected:")
}

func TestAWrongFormIsNotSent(t *testing.T) {
	d := opened(t, "Get")
	d.fill("count", "many")
	d.sees("✗ wrong", "a whole number", "not to be sent: count")
	d.act(key.Send)
	d.says("not sent: ")
	d.sees("nothing was sent yet")
}

func TestLeavingThePageEndsTheCall(t *testing.T) {
	d := opened(t, "Watch")
	d.on("gift")
	d.act(key.Mark, key.Send)
	d.sees("open")
	d.jobs.Close()
	d.group.Wait() // the call has ended, or this hangs
}

func TestWhereNobodyCanBeAsked(t *testing.T) {
	d := sit(t, "nowhere Get")
	d.sees("✗ no instance of nowhere", "start one")
	d = sit(t, "shop Get", func(d *desk) { d.look.Env.Method = nil })
	d.sees("In a recording nobody can be called.")
}

func TestTheSchemaIsAskedFor(t *testing.T) {
	d := sit(t, "shop shop.v1.Shop/Get")
	d.sees("Asking for the schema of shop.v1.Shop/Get")
	d.sees("FORM shop.v1.Order")
	d.fill("id", "kept")
	d.act(key.Refresh)
	d.until(func() bool { return !d.jobs.Busy("ask") })
	d.sees(`"id": "kept"`)
	d.fill("count", "many")
	d.act(key.Refresh)
	d.says("the schema is the one from before: first mend count")
	d.sees(`"id": "kept"`, "✗ wrong")
	if f := d.s.Focus(d.look); f.Service != "shop" || f.Method != "shop.v1.Shop/Get" {
		t.Errorf("the focus is %+v", f)
	}
}

func TestTheWordOfAServiceOrOfAMethod(t *testing.T) {
	d := sit(t, "shop.v1.Shop/Get")
	d.sees("FORM shop.v1.Order")
	d = sit(t, "")
	d.sees("Which method is to be called?")
	d = sit(t, "shop")
	d.sees("Asking the catalog")
	known := sit(t, "shop", func(d *desk) {
		d.look.Snap = catalog(t, fleet.Instance{ID: "shop-1", Service: "shop", Addr: "127.0.0.1:1"})
	})
	known.sees("METHOD", "Get", "Watch")
	known.run(known.s.SetFilter("watch", known.look))
	known.until(func() bool { return !strings.Contains(known.shown(), "Get ") })
	known.act(key.Enter)
	known.says("invoke/shop shop.v1.Shop/Watch")
	other := sit(t, "Get", func(d *desk) {
		d.look.Snap = catalog(t, fleet.Instance{ID: "shop-1", Service: "shop", Addr: "127.0.0.1:1"})
	})
	other.sees("FORM shop.v1.Order")
	if p := other.s.Place(); p != (screen.Place{Screen: "invoke", Subject: "shop shop.v1.Shop/Get"}) {
		t.Errorf("the place is %v", p)
	}
}

func TestOfManyMessagesTheLatestAreKept(t *testing.T) {
	d := opened(t, "Watch")
	d.fill("count", "5000")
	d.act(key.Send)
	d.sees("✓ OK", "5000 messages", "! the first 4000 were dropped", "#5000 ")
	d.act(key.PrevPane, key.Top)
	d.sees("#4001 ")
}

func TestOnlyUnaryCallsHaveALimit(t *testing.T) {
	for name, want := range map[string]time.Duration{"Get": 10 * time.Second, "Watch": 0, "Put": 0, "Chat": 0} {
		got := make(chan time.Duration, 1)
		d := opened(t, name, func(d *desk) {
			open := d.look.Env.Method
			d.look.Env.Method = func(ctx context.Context, name, service string) (*screen.Method, error) {
				m, err := open(ctx, name, service)
				m.Call = func(_ context.Context, _ string, inv *rpc.Invocation) (*rpc.Result, error) {
					got <- inv.MaxTime
					return nil, errors.New("that was it")
				}
				return m, err
			}
		})
		d.act(key.Send)
		d.sees("✗ no call", "that was it")
		if limit := <-got; limit != want {
			t.Errorf("%s may take %v, want %v", name, limit, want)
		}
	}
}

func TestAnInstanceIsChosen(t *testing.T) {
	asked := make(chan string, 2)
	d := opened(t, "Get", func(d *desk) {
		open := d.look.Env.Method
		d.look.Env.Method = func(ctx context.Context, name, service string) (*screen.Method, error) {
			m, err := open(ctx, name, service)
			m.Instances = append(m.Instances, fleet.Instance{ID: "shop-2", Addr: "127.0.0.1:2", Version: "v2"})
			call := m.Call
			m.Call = func(ctx context.Context, instance string, inv *rpc.Invocation) (*rpc.Result, error) {
				asked <- instance
				return call(ctx, "", inv)
			}
			return m, err
		}
	})
	d.act(key.Send)
	d.sees("✓ OK")
	d.act(key.Instance)
	d.sees("any", "2 instances", "shop-1", "shop-2", "v2", "127.0.0.1:2")
	d.act(key.Down, key.Down, key.Enter)
	d.says("shop-2 is called from now on")
	if text := d.status(); text != "unary to shop-2" {
		t.Errorf("the status is %s", text)
	}
	d.act(key.Send)
	d.until(func() bool { return len(asked) == 2 })
	if first, second := <-asked, <-asked; first != "" || second != "shop-2" {
		t.Errorf("%q and %q were called", first, second)
	}
	if got := d.copied(0); got != "gctl call shop.v1.Shop/Get --service shop --instance shop-2 --context test" {
		t.Errorf("the command is %s", got)
	}
}

func TestTheCallAsData(t *testing.T) {
	d := opened(t, "Watch")
	d.fill("count", "2")
	if raw, ok := d.s.Data(d.look).(json.RawMessage); !ok || string(raw) != "{\n  \"count\": 2\n}" {
		t.Errorf("before the call it is %s", raw)
	}
	d.act(key.Send)
	d.sees("✓ OK")
	raw, err := json.Marshal(d.s.Data(d.look))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"method":"shop.v1.Shop/Watch"`, `"instance":"shop-1"`, `"messages":[{"count":1},{"count":2}]`, `"x-cost":["7"]`, `"code":"OK"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the data lack %s: %s", want, raw)
		}
	}
}

func TestHintsAreOfWhatCanBeDoneNow(t *testing.T) {
	d := sit(t, "shop shop.v1.Shop/Put")
	hints := func(want ...key.Action) {
		t.Helper()
		has := map[key.Action]bool{}
		for _, h := range d.s.Hints() {
			has[h.Action] = true
		}
		for _, a := range want {
			if !has[a] {
				t.Errorf("the hints lack %s: %v", a, d.s.Hints())
			}
		}
	}
	hints(key.Refresh)
	d.sees("FORM")
	hints(key.Send, key.Add, key.Remove, key.Mark, key.History, key.Save, key.Copy)
	d.act(key.Enter)
	hints(key.Enter, key.Back, key.NextPane)
	d.types("esc")
	d.act(key.Send)
	hints(key.HalfClose, key.Back)
	d.act(key.NextPane, key.Enter)
	hints(key.Back)
	d.types("esc")
	d.run(d.s.Copy(d.look))
	hints(key.Filter)
}

func TestWhatTheSchemaLacks(t *testing.T) {
	d := opened(t, "Get", func(d *desk) {
		open := d.look.Env.Method
		d.look.Env.Method = func(ctx context.Context, name, service string) (*screen.Method, error) {
			m, err := open(ctx, name, service)
			m.Lacks = []string{"shop.v1.Secret"}
			return m, err
		}
	})
	if text := d.status(); !strings.Contains(text, "! the schema lacks 1 type") || !strings.Contains(text, "unary to 1 instance of shop") {
		t.Errorf("the status is %s", text)
	}
}
