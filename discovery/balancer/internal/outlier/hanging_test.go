package outlier_test

import (
	"testing"
	"time"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// givenUp is a server that hangs, with callers that wait so long.
func givenUp(after time.Duration, o outlier.Outcome) server {
	return func(int) (time.Duration, outlier.Outcome) { return after, o }
}

// Least_request sends one that hangs a call now and then, and its caller has
// given up long before the health check has: no call is in flight at that time.
func TestACallerThatGivesUpBeforeTheHealthCheckDoes(t *testing.T) {
	for name, o := range map[string]outlier.Outcome{"at its deadline": outlier.Expired, "of its own will": outlier.Abandoned} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, usual(), repeat(3, well)...)
			w.probe = 500 * time.Millisecond
			w.run(5*time.Second, 100)
			bad := w.members[0]
			bad.dead, bad.serve = true, givenUp(300*time.Millisecond, o)
			w.begin(bad, false)
			for range 200 {
				w.begin(w.members[1], false)
				w.begin(w.members[2], false)
				w.pass(5 * time.Millisecond)
			}
			w.expect("m0 out hanging for 5s")
		})
	}
}

func TestACallerThatGivesUpOnAMemberThatIsAliveDoesNoHarm(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.probe = 500 * time.Millisecond
	w.run(5*time.Second, 100)
	bad := w.members[0]
	bad.serve = givenUp(300*time.Millisecond, outlier.Abandoned)
	w.begin(bad, false)
	w.pass(2 * time.Second)
	bad.serve = well
	if w.group.Busy() {
		t.Error("the group is busy with a call that was explained")
	}
	bad.dead = true // what is over says nothing about now
	w.pass(20 * time.Second)
	w.run(5*time.Second, 100)
	w.expect()
}

// Where nobody else is called there is nobody to compare with; in the end the call
// is forgotten, and the group may rest.
func TestACallThatHungIsForgotten(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.probe = 500 * time.Millisecond
	w.run(5*time.Second, 100)
	bad := w.members[0]
	bad.dead, bad.serve = true, givenUp(300*time.Millisecond, outlier.Abandoned)
	w.begin(bad, false)
	w.pass(2 * time.Second)
	w.expect()
	if !w.group.Busy() {
		t.Error("the group rests though a member owes an answer")
	}
	w.pass(10 * time.Second)
	if w.group.Busy() {
		t.Error("the group is busy with a call of long ago")
	}
	w.run(5*time.Second, 1)
	bad.serve = hanging
	w.run(2*time.Second, 100)
	w.expect("m0 out hanging for 5s")
}

// A sibling that is idle, or has only a watch, does not speak for the one that
// hangs.
func TestOnlySiblingsThatAreCalledAreAsked(t *testing.T) {
	w := newWorld(t, usual(), repeat(4, well)...)
	w.probe = 500 * time.Millisecond
	w.run(5*time.Second, 100)
	w.stream, w.members[2].serve = true, hanging
	w.begin(w.members[2], false)
	w.stream = false
	bad := w.members[0]
	bad.dead, bad.serve = true, hanging
	w.begin(bad, false)
	for range 200 {
		w.begin(w.members[1], false)
		w.pass(5 * time.Millisecond)
	}
	w.expect("m0 out hanging for 5s")
}

// A machine that is suddenly busy makes all slow, but not hang.
func TestTheOneThatHangsIsEjectedThoughAllAreSlow(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.probe = 500 * time.Millisecond
	w.run(5*time.Second, 300)
	for _, m := range w.members {
		m.serve = taking(150 * time.Millisecond)
	}
	bad := w.members[5]
	bad.serve, bad.dead = hanging, true
	w.run(4*time.Second, 300)
	w.expect("m5 out hanging for 5s")
}

// Many watches do not hide the calls that hang behind them.
func TestTheOneThatHangsIsEjectedThoughItHasManyWatches(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.run(5*time.Second, 100)
	bad := w.members[0]
	bad.serve, w.stream = hanging, true
	for range 1000 {
		w.begin(bad, false)
	}
	bad.dead, w.stream = true, false
	w.run(2*time.Second, 100)
	w.expect("m0 out hanging for 5s")
}

// A moment in which the caller's own machine stands still is no reason to think
// better of one that fails.
func TestAMomentWithoutAnswersReleasesNobody(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 300)
	bad := w.members[5]
	bad.serve = failing
	w.run(time.Second, 300)
	w.expect("m5 out failures for 5s")
	for _, m := range w.members[:5] {
		m.serve = taking(300 * time.Millisecond)
		w.begin(m, false)
		m.serve = well
	}
	w.pass(time.Second)
	w.run(time.Second, 300)
	w.expect()
}
