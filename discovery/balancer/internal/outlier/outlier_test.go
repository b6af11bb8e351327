package outlier_test

import (
	"testing"
	"time"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

func TestNobodyIsEjectedWhereAllAreWell(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(30*time.Second, 300)
	w.expect()
}

func TestTheOneThatFailsIsEjectedAtOnce(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 300)
	bad := w.members[2]
	bad.serve = failing
	before := bad.calls
	w.run(3*time.Second, 300)
	w.expect("m2 out failures for 5s")
	if n := bad.calls - before; n != 5 {
		t.Errorf("%d calls failed, want 5: with the fifth in a row it is out", n)
	}
}

func TestTheOneThatFailsIsEjectedWhereCallsAreRare(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.run(time.Minute, 2)
	w.members[1].serve = failing
	w.run(8*time.Second, 2)
	w.expect("m1 out failures for 5s")
}

func TestTheOneThatFailsSometimesIsEjected(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 600)
	w.members[4].serve = every(8, failing)
	w.run(3*time.Second, 600)
	w.expect("m4 out failures for 5s")
}

func TestWhatFailsEverywhereIsNobodysFault(t *testing.T) {
	for name, s := range map[string]server{"all calls": failing, "half of them": every(2, failing), "some": every(7, failing)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, usual(), repeat(6, well)...)
			w.run(5*time.Second, 300)
			for _, m := range w.members {
				m.serve = s
			}
			w.run(20*time.Second, 300)
			w.expect()
		})
	}
}

func TestAllAreLetBackWhereTheOthersFailToo(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 300)
	w.members[0].serve = failing
	w.run(time.Second, 300)
	w.expect("m0 out failures for 5s")
	for _, m := range w.members {
		m.serve = failing
	}
	w.run(3*time.Second, 300)
	w.expect("m0 in")
}

func TestAtMostTheShareIsOut(t *testing.T) {
	for n, most := range map[int]int{1: 0, 2: 1, 3: 1, 6: 3} {
		w := newWorld(t, usual(), repeat(n, well)...)
		w.run(5*time.Second, 300)
		bad := (n + 1) / 2
		if n == 6 {
			bad = 2 // three of six are as many as not
		}
		for _, m := range w.members[:bad] {
			m.serve = failing
		}
		w.run(2*time.Second, 300)
		out := 0
		for _, m := range w.members {
			if m.State() != outlier.InRotation {
				out++
			}
		}
		if want := min(most, bad); out > want {
			t.Errorf("%d of %d are out, want at most %d", out, n, want)
		}
		if n == 6 && out != 2 || n == 2 && out != 1 {
			t.Errorf("%d of %d are out, though %d fail", out, n, bad)
		}
	}
}

func TestTheOneThatIsSlowIsEjected(t *testing.T) {
	for name, s := range map[string]server{"always": taking(200 * time.Millisecond), "every other call": every(2, taking(100*time.Millisecond))} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, usual(), repeat(6, well)...)
			w.run(5*time.Second, 500)
			w.members[3].serve = s
			w.run(3*time.Second, 500)
			w.expect("m3 out slow for 5s")
		})
	}
}

func TestWhatIsSlowEverywhereIsNobodysFault(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 300)
	for _, m := range w.members {
		m.serve = taking(300 * time.Millisecond)
	}
	w.run(20*time.Second, 300)
	w.expect()
}

func TestALittleSlowerIsNotSlow(t *testing.T) {
	w := newWorld(t, usual(), append(repeat(5, well), taking(20*time.Millisecond))...)
	w.run(20*time.Second, 300)
	w.expect()
}

// A member may happen to get the heavy calls.
func TestCallsAreComparedWithThoseOfTheirMethod(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, taking(300*time.Millisecond))...)
	w.method = "Report"
	w.run(5*time.Second, 60)
	for _, m := range w.members[:2] {
		m.serve = well
	}
	for range 200 { // m2 gets the reports, the others the rest
		for i, m := range w.members {
			w.method = map[bool]string{true: "Report", false: "Get"}[i == 2]
			w.begin(m, false)
		}
		w.pass(20 * time.Millisecond)
	}
	w.expect()
}

func TestAStreamThatLastsIsNotSlow(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.run(5*time.Second, 100)
	w.stream = true
	w.members[1].serve = hanging // as a watch does
	w.run(5*time.Second, 20)
	w.stream = false
	w.members[1].serve = well
	w.run(5*time.Second, 100)
	w.expect()
}

func TestTheOneThatHangsIsEjectedThoughNoCallEnds(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 300)
	bad := w.members[5]
	bad.serve, bad.dead = hanging, true
	before := bad.calls
	w.run(time.Second, 300)
	w.expect("m5 out hanging for 5s")
	if n := bad.calls - before; n > 30 {
		t.Errorf("it got %d calls", n)
	}
	// No call is spent on finding out that it still hangs.
	before = bad.calls
	w.run(21*time.Second, 300)
	w.expect("m5 out hanging for 10s", "m5 out hanging for 15s")
	if bad.calls != before {
		t.Errorf("it got %d calls while it did not answer a health check", bad.calls-before)
	}
}

func TestASingleCallThatHangsIsEnough(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.run(5*time.Second, 100)
	bad := w.members[0]
	bad.dead, bad.serve = true, hanging
	w.begin(bad, false)
	for range 100 { // least_request gives it no second one
		w.begin(w.members[1], false)
		w.begin(w.members[2], false)
		w.pass(5 * time.Millisecond)
	}
	w.expect("m0 out hanging for 5s")
}

// The last call that was answered ends after the first one that hangs began, and
// those that hang end by their deadlines, one after the other.
func TestCallsThatHangOverlapWithOthers(t *testing.T) {
	cfg := usual()
	cfg.Consecutive = 1000 // that the calls fail is not the point
	w := newWorld(t, cfg, repeat(3, well)...)
	w.run(5*time.Second, 100)
	bad := w.members[0]
	bad.serve = taking(20 * time.Millisecond)
	w.begin(bad, false)
	w.pass(10 * time.Millisecond)
	bad.dead = true
	bad.serve = func(int) (time.Duration, outlier.Outcome) { return 400 * time.Millisecond, outlier.Failed }
	for i := range 200 {
		if i%40 == 0 { // so rarely that the share of failures says nothing yet
			w.begin(bad, false)
		}
		w.begin(w.members[1], false)
		w.begin(w.members[2], false)
		w.pass(5 * time.Millisecond)
	}
	w.expect("m0 out hanging for 5s")
}

func TestAHeavyCallToAMemberThatIsAliveDoesNoHarm(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.run(5*time.Second, 100)
	w.members[0].serve = taking(2 * time.Second)
	w.begin(w.members[0], false)
	for range 300 {
		w.begin(w.members[1], false)
		w.begin(w.members[2], false)
		w.pass(5 * time.Millisecond)
	}
	w.members[0].serve = well
	w.run(2*time.Second, 100)
	w.expect()
}

func TestWhereAllHangNobodyIsEjected(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.run(5*time.Second, 100)
	for _, m := range w.members {
		m.serve, m.dead = hanging, true
	}
	w.run(10*time.Second, 100)
	w.expect()
}

// What was found out while all hung does not count when they are well again.
func TestAnOldHealthCheckIsForgotten(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.run(5*time.Second, 100)
	stuck := func(int) (time.Duration, outlier.Outcome) { return 3 * time.Second, outlier.Answered }
	for _, m := range w.members {
		m.serve, m.dead = stuck, true
	}
	w.run(2*time.Second, 20)
	for _, m := range w.members {
		m.serve, m.dead = well, false
	}
	w.run(10*time.Second, 100)
	w.members[0].serve = taking(2 * time.Second) // a heavy call
	w.begin(w.members[0], false)
	for range 300 {
		w.begin(w.members[1], false)
		w.begin(w.members[2], false)
		w.pass(5 * time.Millisecond)
	}
	w.expect()
}

func TestOfTwoTheOneThatHangsIsEjected(t *testing.T) {
	w := newWorld(t, usual(), repeat(2, well)...)
	w.run(5*time.Second, 100)
	w.members[1].serve, w.members[1].dead = hanging, true
	w.run(2*time.Second, 100)
	w.expect("m1 out hanging for 5s")
}

func TestRefusalsMakeAMemberBusyButNotAnOutlier(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.run(5*time.Second, 300)
	bad := w.members[1]
	bad.serve = refusing
	w.run(2*time.Second, 300)
	w.expect()
	if idle, busy := w.members[0].Load(), bad.Load(); busy < idle+10 {
		t.Errorf("load of the one that refuses is %d, of another %d", busy, idle)
	}
	bad.serve = well
	w.run(5*time.Second, 300)
	if load := bad.Load(); load > 1 {
		t.Errorf("load is %d long after the last refusal", load)
	}
}

func TestAMemberIsBackAfterItsTrial(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 300)
	bad := w.members[2]
	bad.serve = failing
	w.run(time.Second, 300)
	bad.serve = well
	before := bad.calls
	w.run(4*time.Second-10*time.Millisecond, 300)
	if bad.calls != before {
		t.Error("it got calls before its time was over")
	}
	w.run(time.Second, 300)
	w.expect("m2 out failures for 5s", "m2 on trial", "m2 in")
}

func TestEjectionsGrowAreBoundedAndForgotten(t *testing.T) {
	cfg := usual()
	cfg.MaxEjection = 12 * time.Second
	w := newWorld(t, cfg, repeat(6, well)...)
	w.run(5*time.Second, 300)
	bad := w.members[2]
	bad.serve = failing
	w.run(5300*time.Millisecond, 300)
	w.expect("m2 out failures for 5s", "m2 on trial", "m2 out failures for 10s")
	w.run(11*time.Second, 300)
	w.expect("m2 on trial", "m2 out failures for 12s")
	bad.serve = well
	w.run(15*time.Second, 300)
	w.expect("m2 on trial", "m2 in")
	w.run(3*cfg.MaxEjection, 300) // as many as there were
	bad.serve = failing
	w.run(time.Second, 300)
	w.expect("m2 out failures for 5s")
}

func TestATrialCallThatIsSlowEndsTheTrial(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 300)
	bad := w.members[2]
	bad.serve = failing
	w.run(time.Second, 300)
	bad.serve = taking(10 * time.Second)
	before := bad.calls
	w.run(6*time.Second, 300)
	w.expect("m2 out failures for 5s", "m2 on trial", "m2 out failures for 10s")
	if n := bad.calls - before; n != 1 {
		t.Errorf("the trial took %d calls, want 1", n)
	}
}

func TestAStreamOnTrialDoesNotBlockIt(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 300)
	bad := w.members[2]
	bad.serve = failing
	w.run(time.Second, 300)
	bad.serve, w.stream = hanging, true
	w.run(10*time.Second, 300)
	w.expect("m2 out failures for 5s", "m2 on trial", "m2 in")
}

func TestANewConnectionIsANewChance(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 300)
	bad := w.members[2]
	bad.serve = failing // as calls to a process that was killed do
	w.run(time.Second, 300)
	w.group.SetReady(bad.Member, false, w.now)
	w.run(time.Second, 300)
	w.group.SetReady(bad.Member, true, w.now)
	bad.serve = well
	w.run(time.Second, 300)
	w.expect("m2 out failures for 5s", "m2 on trial", "m2 in")
}

func TestThoseThatLeaveTakeTheShareWithThem(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 300)
	for _, m := range w.members[:2] {
		m.serve = failing
	}
	w.run(time.Second, 300)
	w.expect("m1 out failures for 5s", "m0 out failures for 5s")
	for _, m := range w.members[:2] {
		m.serve = well
	}
	for _, m := range w.members[3:] {
		m.gone = true
		w.group.Leave(m.Member)
	}
	w.run(time.Second, 300) // two of three are more than half
	w.expect("m1 on trial", "m1 in")
}

func TestMethodNamesAreBounded(t *testing.T) {
	g := outlier.NewGroup(usual())
	known := map[*outlier.Method]bool{}
	for i := range 1000 {
		known[g.Method(string(rune('a'+i)))] = true
	}
	if n := len(known); n > 257 { // and nil
		t.Errorf("%d methods are kept", n)
	}
}
