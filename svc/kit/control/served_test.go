package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/svc/kit/control"
)

// setFault tries a fault of a method.
func setFault(t *testing.T, s *control.Server, method string) error {
	t.Helper()
	_, err := s.SetFault(t.Context(), &controlv1.SetFaultRequest{
		Name: "f", Fault: &controlv1.Fault{Method: method, Percentage: 1, Code: 1}, Mutation: lasts(time.Hour),
	})
	return err
}

func TestNamesThatAreNoneAreAnsweredWithThoseThatThereAre(t *testing.T) {
	s := start(t, newInstance().options())
	end := func(name string) error {
		_, err := s.SetFault(t.Context(), &controlv1.SetFaultRequest{Name: name, Mutation: lasts(time.Hour)})
		return err
	}
	_, breaker := s.SetBreakerOverride(t.Context(), &controlv1.SetBreakerOverrideRequest{Name: "user/raed", Override: open, Mutation: lasts(time.Hour)})
	_, limit := s.SetLimit(t.Context(), &controlv1.SetLimitRequest{Name: "rate", Mutation: lasts(time.Hour)})
	before := end("f")
	if err := setFault(t, s, "a.B/*"); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		`fault.method: no service "test.echo" is served here; did you mean test.Echo/Call?`:                      setFault(t, s, "test.echo/Call"),
		`fault.method: no service "x" is served here; there are a.B, grpc.health.v1.Health and test.Echo`:        setFault(t, s, "x/*"),
		`fault.method: test.Echo has no method "Cal"; there is Call`:                                             setFault(t, s, "test.Echo/Cal"),
		`fault.method: grpc.health.v1.Health has no method "check"; there are Check, List and Watch`:             setFault(t, s, "grpc.health.v1.Health/check"),
		`fault.method: no service "x\x1b[2J" is served here; there are a.B, grpc.health.v1.Health and test.Echo`: setFault(t, s, "x\x1b[2J/*"),
		`no breaker is called "user/raed"; there are mail/send, user/read and user/write`:                        breaker,
		`no limit is called "rate"; there are concurrency and rate/default`:                                      limit,
		`no fault is called "f"; there is none`:                                                                  before,
		`no fault is called "g"; there is f`:                                                                     end("g"),
	} {
		if got := status.Convert(err).Message(); got != want {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}

func TestWhatAnErrorListsIsBounded(t *testing.T) {
	o := newInstance().options()
	o.Services = func() map[string]grpc.ServiceInfo {
		all := map[string]grpc.ServiceInfo{}
		for n := range 1000 {
			all[fmt.Sprintf("s%03d", n)] = grpc.ServiceInfo{Methods: []grpc.MethodInfo{{Name: "Call"}}}
		}
		return all
	}
	s := start(t, o)
	for _, method := range []string{"x/*", "x/Call"} {
		if text := status.Convert(setFault(t, s, method)).Message(); !strings.Contains(text, "980 more") || len(text) > 500 {
			t.Errorf("%d bytes: %s", len(text), text)
		}
	}
}

// A server may pass on methods that it does not know itself.
func TestOfAServiceWithoutMethodsAnyCanFail(t *testing.T) {
	o := newInstance().options()
	o.Services = func() map[string]grpc.ServiceInfo { return map[string]grpc.ServiceInfo{"passed.On": {}} }
	s := start(t, o)
	for method, want := range map[string]codes.Code{"passed.On/Any": codes.OK, "passed.On/*": codes.OK, "*": codes.OK, "other.On/Any": codes.InvalidArgument} {
		if err := setFault(t, s, method); status.Code(err) != want {
			t.Errorf("%s: %v, want %v", method, err, want)
		}
	}
}
