// Package controltest holds the conformance suite of the control API,
// gctl.control.v1.ControlService, for those who serve it: with svc/kit/control
// over parts of their own, or with a server of their own.
package controltest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// patience is how long the suite waits for what must happen.
const patience = 20 * time.Second

// Fixture is a server of the control API under test, and the means to look
// behind it. A part that is nil is one that the server does not have: its calls
// must be UNIMPLEMENTED. No change is in force.
type Fixture struct {
	// Dial opens one more connection to the server; the suite closes it.
	Dial func(t *testing.T) *grpc.ClientConn
	// Actor is who the suite is to the server, as a Change says it.
	Actor string

	Breakers *Breakers
	Limits   *Limits
	Faults   *Faults
	// Level returns the least level that is logged.
	Level func() slog.Level
	// Serving tells what health says.
	Serving func() bool
	// Drains counts the drains that were started. The instance reports every step,
	// and serves the control API for 3 s at least once it drains.
	Drains func() int

	// Log returns what was logged about changes so far, in any format; not looked
	// at if nil.
	Log func() string
	// MaxChanges is how many changes can be in force at once; not tested if 0 or
	// without Faults.
	MaxChanges int
	// Stop begins to stop the server; not tested if nil.
	Stop func()
}

// Breakers is what the suite needs of breakers.
type Breakers struct {
	// Name and Target of a closed breaker.
	Name, Target string
	// Override is what the breaker really does.
	Override func() controlv1.BreakerOverride
	// Trip makes the breaker open by itself, with its next probe due already.
	Trip func()
	// Moves counts the changes of state of all breakers.
	Moves func() int
}

// Limits is what the suite needs of limits.
type Limits struct {
	// Rate and Concurrency name one limit of each kind; empty where there is none.
	Rate, Concurrency string
	// Settings is what a limit really does.
	Settings func(name string) *controlv1.LimitSettings
}

// Faults is what the suite needs of faults.
type Faults struct {
	// Method is the full method that Call calls, "package.Service/Method". It
	// answers at once unless there is a fault.
	Method string
	Call   func(context.Context) error
	// Other is a method that is served too; empty where there is none. Neither Call
	// nor Health calls it.
	Other string
	// Health calls grpc.health.v1.Health/Check; nil where that is not served.
	Health func(context.Context) error
}

// Run runs the suite. Each test gets a server of its own from open, which ends
// with the test.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	run := func(name string, test func(*testing.T, *client)) {
		t.Run(name, func(t *testing.T) { test(t, connect(t, open(t))) })
	}
	has := open(t)
	leases(t, has, open)
	run("a part that is not there is UNIMPLEMENTED", testParts)
	run("changes in force are listed", testListChanges)
	if has.Breakers != nil {
		run("breakers are listed", testListBreakers)
		run("an unknown breaker is NOT_FOUND", testUnknownBreaker)
		run("reading moves no breaker", testReading)
		run("the state of a breaker is not in its etag", testStateEtag)
		run("a watch sends a snapshot, then numbered deltas", testWatch)
		run("a watch is of the target that was asked for", testWatchTarget)
		run("a slow watch holds up nobody and gets the last state", testWatchSlow)
		if has.Stop != nil {
			run("a watch ends when the server stops", testWatchStop)
		}
	}
	if has.Limits != nil {
		run("limits are listed and keep to their kind", testLimits)
	}
	if has.Faults != nil {
		run("a fault meets the calls that it names", testFault)
		run("what is no fault is refused", testBadFault)
		run("a fault of what nobody serves is refused", testUnservedFault)
		run("a fault that is not there cannot be ended", testUnknownFault)
		if has.MaxChanges > 0 {
			run("the number of changes is bounded", testMaxChanges)
		}
	}
	if has.Drains != nil {
		run("a drain tells its steps in order", testDrain)
		run("a drain goes on without its caller, and another joins", testDrainAlone)
		run("a drain is checked like any change", testDrainChecks)
	}
}

// leases runs the tests that every kind of resource passes. Those that wait for
// the end of a change wait together.
func leases(t *testing.T, has Fixture, open func(*testing.T) Fixture) {
	var waits sync.WaitGroup
	defer waits.Wait()
	for _, s := range subjects(has) {
		run := func(test test) {
			t.Run(s.resource+"/"+test.name, func(t *testing.T) { test.run(t, connect(t, open(t)), s) })
		}
		for _, test := range waiting(has) {
			waits.Go(func() { run(test) })
		}
		for _, test := range quick() {
			run(test)
		}
	}
}
