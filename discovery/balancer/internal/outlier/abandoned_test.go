package outlier_test

import (
	"testing"
	"time"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// Calls are so rare that hardly two of one member are in flight at once: what ended
// is the evidence, or there is none.
func TestTheOneWhoseCallersGiveUpIsEjected(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		o     outlier.Outcome
		want  []string
	}{
		"long after the others answer":           {200 * time.Millisecond, outlier.Abandoned, []string{"m3 out slow for 5s"}},
		"before that says anything":              {20 * time.Millisecond, outlier.Abandoned, nil},
		"long after, but the end says nothing":   {200 * time.Millisecond, outlier.Neutral, nil},
		"as soon as it is later than usual":      {30 * time.Millisecond, outlier.Abandoned, []string{"m3 out slow for 5s"}},
		"at deadlines that other calls exceed":   {200 * time.Millisecond, outlier.Expired, []string{"m3 out failures for 5s"}},
		"as soon as they have asked, out of fun": {0, outlier.Abandoned, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, usual(), repeat(6, well)...)
			w.run(5*time.Second, 60)
			w.members[3].serve = givenUp(c.after, c.o)
			w.run(6*time.Second, 18)
			w.expect(c.want...)
		})
	}
}

// A deadline is a failure, and a sign of slowness where failures are too few to
// tell: five in a row are not reached, nor is their share beyond chance.
func TestCallsThatExpireAreSlowToo(t *testing.T) {
	cfg := usual()
	cfg.Consecutive, cfg.FailureMargin = 1000, 1
	w := newWorld(t, cfg, repeat(6, well)...)
	w.run(5*time.Second, 60)
	w.members[3].serve = givenUp(200*time.Millisecond, outlier.Expired)
	w.run(6*time.Second, 18)
	w.expect("m3 out slow for 5s")
}

func TestWhereAllCallersGiveUpNobodyIsEjected(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 60)
	for _, m := range w.members {
		m.serve = givenUp(300*time.Millisecond, outlier.Abandoned)
	}
	w.run(20*time.Second, 60)
	w.expect()
}

func TestAllAreLetBackWhereCallersGiveUpOnTheOthersToo(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 60)
	w.members[3].serve = givenUp(200*time.Millisecond, outlier.Abandoned)
	w.run(1500*time.Millisecond, 60)
	w.expect("m3 out slow for 5s")
	for _, m := range w.members {
		m.serve = givenUp(300*time.Millisecond, outlier.Abandoned)
	}
	w.run(3*time.Second, 60)
	w.expect("m3 in")
}

// Where calls are rare, too, and none is answered any more.
func TestOneIsLetBackThoughNoCallIsAnswered(t *testing.T) {
	cfg := usual()
	cfg.BaseEjection = time.Minute
	w := newWorld(t, cfg, repeat(2, well)...)
	w.run(5*time.Second, 60)
	w.members[0].serve = taking(200 * time.Millisecond)
	w.run(2*time.Second, 60)
	w.expect("m0 out slow for 1m0s")
	w.pass(20 * time.Second)
	w.members[1].serve = givenUp(200*time.Millisecond, outlier.Abandoned)
	for range 12 { // fewer than three are known of at any time, but for those that were given up
		w.call()
		w.pass(800 * time.Millisecond)
	}
	w.expect("m0 in")
}

// A call that is given up early is not a quick one.
func TestCallsThatAreGivenUpEarlyDoNotHideTheSlowOnes(t *testing.T) {
	w := newWorld(t, usual(), repeat(6, well)...)
	w.run(5*time.Second, 60)
	w.members[3].serve = func(n int) (time.Duration, outlier.Outcome) {
		if n%4 == 0 {
			return 40 * time.Millisecond, outlier.Answered
		}
		return time.Millisecond, outlier.Abandoned
	}
	w.run(5*time.Second, 120)
	w.expect("m3 out slow for 5s")
}

// What is usual becomes what callers wait for: then only one that is slower than
// that is slow.
func TestCallsThatWereGivenUpMoveWhatIsUsual(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.run(5*time.Second, 60)
	for _, m := range w.members {
		m.serve = givenUp(300*time.Millisecond, outlier.Abandoned)
	}
	w.run(10*time.Second, 60)
	c := &outlier.Call{}
	w.members[0].Begin(c, w.group.Method(w.method), w.now, false, false)
	if usual := c.Usual(); usual < 300*time.Millisecond || usual > 400*time.Millisecond {
		t.Errorf("usual are %v, where callers wait 300 ms", usual)
	}
}

func TestAStreamThatItsCallerEndsIsNotSlow(t *testing.T) {
	w := newWorld(t, usual(), repeat(3, well)...)
	w.run(5*time.Second, 60)
	w.stream = true
	w.members[1].serve = givenUp(time.Second, outlier.Abandoned)
	w.run(10*time.Second, 20)
	w.expect()
}

func TestATrialCallThatIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		want  string
	}{
		"late":  {200 * time.Millisecond, "m2 out failures for 10s"},
		"early": {5 * time.Millisecond, "m2 in"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, usual(), repeat(6, well)...)
			w.run(5*time.Second, 300)
			bad := w.members[2]
			bad.serve = failing
			w.run(time.Second, 300)
			tried := bad.calls
			bad.serve = func(n int) (time.Duration, outlier.Outcome) {
				if n == tried { // the first call on trial
					return c.after, outlier.Abandoned
				}
				return well(n)
			}
			w.run(5*time.Second, 300)
			w.expect("m2 out failures for 5s", "m2 on trial", c.want)
		})
	}
}
