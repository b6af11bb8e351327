package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gctl-dev/gctl/svc/kit/breaker"
)

func TestGroups(t *testing.T) {
	c := newClient(t, breaker.Options{})
	ok := func(context.Context) error { return nil }
	for _, method := range []string{create, get, "/user.v1.UserService/UpdateUser", "/other.Service/Get"} {
		if err := c.run(t.Context(), method, ok); err != nil {
			t.Error(err)
		}
	}
	var names []string
	for _, s := range c.set.Status() {
		names = append(names, fmt.Sprint(s.Name, " ", s.Counts.Requests))
	}
	if got := strings.Join(names, ", "); got != "user/default 1, user/read 1, user/write 2" {
		t.Errorf("breakers: %s", got)
	}
}

func TestOnlyTheFailingGroupOpens(t *testing.T) {
	c := newClient(t, breaker.Options{})
	for range 20 {
		_ = c.run(t.Context(), create, func(context.Context) error { return errDown })
	}
	if reached := c.call(1, nil); reached != 1 {
		t.Error("reads are rejected where writes fail")
	}
}

func TestCallsAboutTheServerPassBy(t *testing.T) {
	c := newClient(t, breaker.Options{})
	for _, method := range []string{
		"/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		"/grpc.channelz.v1.Channelz/GetServers", "/gctl.control.v1.ControlService/ListBreakers",
	} {
		for range 30 {
			if err := c.run(t.Context(), method, func(context.Context) error { return errDown }); !errors.Is(err, errDown) {
				t.Fatalf("%s: %v", method, err)
			}
		}
	}
	if got := c.set.Status(); len(got) != 0 {
		t.Errorf("breakers: %+v", got)
	}
}

func TestManyMethodsShareOneBreaker(t *testing.T) {
	c := newClient(t, breaker.Options{})
	for round := range 2 {
		for i := range 1500 { // more than are remembered
			method := fmt.Sprintf("/other.Service/Method%d", i)
			if err := c.run(t.Context(), method, func(context.Context) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.only(); got.Name != "user/default" || got.Counts.Successes != int64(round+1)*1500 {
			t.Errorf("status = %+v", got)
		}
	}
}

func TestConnectionsToOneTargetShareBreakers(t *testing.T) {
	c := newClient(t, breaker.Options{Group: func(string) string { return "all" }})
	c.call(20, errDown)
	c.unary = c.set.UnaryClientInterceptor("user")
	if reached := c.call(1, nil); reached != 0 {
		t.Error("another connection to the target passes its open breaker")
	}
	c.unary = c.set.UnaryClientInterceptor("order")
	if reached := c.call(1, nil); reached != 1 {
		t.Error("another target is rejected")
	}
	var names []string
	for _, s := range c.set.Status() {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, " "); got != "order/all user/all" {
		t.Errorf("breakers: %s", got)
	}
}
