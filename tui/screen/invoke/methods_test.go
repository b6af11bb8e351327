package invoke_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/fleet"
	"github.com/gctl-dev/gctl/reflection"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// listed is the list of the methods of the shop.
func listed(t *testing.T, change ...func(*desk)) *desk {
	t.Helper()
	return sit(t, "shop", append(change, func(d *desk) {
		d.look.Snap = catalog(t, fleet.Instance{ID: "shop-1", Service: "shop", Addr: "127.0.0.1:1"})
	})...)
}

func TestTheMethodsOfAService(t *testing.T) {
	d := listed(t)
	d.sees("METHOD", "GRPC SERVICE", "Get", "shop.v1.Shop")
	if text := d.status(); text != "2/2 methods" {
		t.Errorf("the status is %q", text)
	}
	if f := d.s.Focus(d.look); f.Service != "shop" || f.Method != "shop.v1.Shop/Get" {
		t.Errorf("the focus is %+v", f)
	}
	if raw, err := json.Marshal(d.s.Data(d.look)); err != nil || string(raw) != `[{"method":"Get","service":"shop.v1.Shop"},{"method":"Watch","service":"shop.v1.Shop"}]` {
		t.Errorf("the data are %s, %v", raw, err)
	}
	cmd, ok := d.s.SortBy("n", d.look)
	if !ok || len(d.s.Letters()) != 1 {
		t.Fatal("it cannot be sorted")
	}
	d.run(cmd)
	d.until(func() bool { return strings.Index(d.shown(), "Watch") < strings.Index(d.shown(), "Get") })
	d.run(d.s.Copy(d.look))
	d.says("shop.v1.Shop/Watch") // the cursor stays at its place
	d.said = nil
	d.hear(screen.Click{Y: 1, Twice: true})
	d.says("invoke/shop shop.v1.Shop/Watch")
	d.run(d.s.SetFilter("nosuch", d.look))
	d.sees(`0 of 2 match "nosuch".`, "esc clears the filter")
	if d.s.Filter() != "nosuch" {
		t.Errorf("the filter is %q", d.s.Filter())
	}
}

func TestTheMethodsCannotBeHad(t *testing.T) {
	d := listed(t, func(d *desk) {
		d.look.Env.Methods = func(context.Context, string) ([]reflection.MethodName, error) {
			return nil, &fleet.Error{What: "shop serves no reflection", Hint: "pass --protoset"}
		}
	})
	d.sees("✗ shop serves no reflection", "pass --protoset")
	d.look.Env.Methods = func(context.Context, string) ([]reflection.MethodName, error) { return nil, errors.New("gone") }
	d.act(key.Refresh)
	d.sees("✗ gone", "ctrl+r asks again")
	d.look.Env.Methods = func(context.Context, string) ([]reflection.MethodName, error) { return nil, nil }
	d.act(key.Refresh)
	d.sees("shop serves no methods.", "gctl describe shop")
	d.look.Env.Methods = nil
	d.sees("In a recording nobody can be called.")
}

func TestNoCatalog(t *testing.T) {
	d := sit(t, "shop", func(d *desk) {
		d.look.Snap = failing(t)
	})
	d.sees("No catalog: refused", "gctl doctor")
}
