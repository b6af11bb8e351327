package tui

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoregistry"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
	"github.com/gctl-dev/gctl/rpc"
	"github.com/gctl-dev/gctl/tui/key"
	"github.com/gctl-dev/gctl/tui/screen"
)

// calling is a dashboard with a call under way, and what is closed when it begins and
// when it is cancelled.
func calling(t *testing.T) (run *headless, cancelled chan struct{}) {
	t.Helper()
	begun, cancelled := make(chan struct{}), make(chan struct{})
	run = open(t, trouble(), Options{
		Place: "invoke/cart gctl.control.v1.ControlService/ListBreakers",
		Env: screen.Env{Method: func(_ context.Context, _, service string) (*screen.Method, error) {
			return &screen.Method{
				Service: service, Desc: controlv1.File_api_gctl_control_v1_control_proto.Services().Get(0).Methods().ByName("ListBreakers"), Types: protoregistry.GlobalTypes,
				Call: func(ctx context.Context, _ string, _ *rpc.Invocation) (*rpc.Result, error) {
					close(begun)
					<-ctx.Done()
					close(cancelled)
					return nil, ctx.Err()
				},
			}, nil
		}},
	}, 120, 30)
	run.do(run.m.deliver(screen.Act{Action: key.Send}))
	<-begun
	if strings.Contains(text(run), "● CALL") {
		t.Errorf("the call is on the screen:\n%s", text(run))
	}
	return run, cancelled
}

func saysSoon(t *testing.T, run *headless, want string) {
	t.Helper()
	if err := run.until(func() bool { return strings.Contains(text(run), want) }); err != nil {
		t.Fatalf("%v: it does not say %q:\n%s", err, want, text(run))
	}
}

func still(t *testing.T, cancelled chan struct{}) {
	t.Helper()
	select {
	case <-cancelled:
		t.Fatal("the call is cancelled")
	default:
	}
}

const listBreakers = "gctl.control.v1.ControlService/ListBreakers"

// A call that is left by [ runs on, which is said as long as it does, and can be come
// back to and cancelled.
func TestACallThatIsLeftRunsOnAndIsSeenTo(t *testing.T) {
	run, cancelled := calling(t)
	run.send(press('['))
	saysSoon(t, run, listBreakers+" runs on; ] leads back to it")
	saysSoon(t, run, "● CALL")
	still(t, cancelled)
	run.send(press(']'))
	if strings.Contains(text(run), "● CALL") {
		t.Errorf("the call is on the screen:\n%s", text(run))
	}
	for range 2 { // esc warns first
		run.do(run.m.escape())
	}
	<-cancelled
	run.send(press('['))
	if err := run.until(func() bool { return !strings.Contains(text(run), "CALL") }); err != nil {
		t.Errorf("%v\n%s", err, text(run))
	}
}

// The same for one that is left by the command line.
func TestACallThatIsLeftByTheCommandLine(t *testing.T) {
	run, cancelled := calling(t)
	for _, r := range ":events cart" {
		run.send(press(r))
	}
	run.send(enter())
	saysSoon(t, run, listBreakers+" runs on; [ leads back to it")
	saysSoon(t, run, "● CALL")
	still(t, cancelled)
}

// A call whose page is gone is cancelled, and that is said.
func TestACallWhosePageIsGoneIsCancelled(t *testing.T) {
	run, cancelled := calling(t)
	run.send(press('['))
	run.do(run.m.open(screen.Place{Screen: "events"}))
	<-cancelled
	saysSoon(t, run, listBreakers+" is cancelled: its page is gone")
	if strings.Contains(text(run), "● CALL") {
		t.Errorf("the call is said to run:\n%s", text(run))
	}
}
