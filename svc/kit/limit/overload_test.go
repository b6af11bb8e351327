package limit_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gctl-dev/gctl/svc/kit/limit"
)

// capacity of the simulated server with ten workers, in calls a second.
const capacity = 1000

// concurrency returns the status of the concurrency limit.
func concurrency(t *testing.T, set *limit.Set) limit.Status {
	t.Helper()
	for _, s := range set.Status() {
		if s.Kind == limit.Concurrency {
			return s
		}
	}
	t.Fatal("there is no concurrency limit")
	return limit.Status{}
}

// keeps checks that latency is bounded and that hardly any work is lost.
func keeps(t *testing.T, what string, r result, p99 time.Duration, goodput float64) {
	t.Helper()
	got := r.quantile(.99)
	t.Logf("%s: p50 %v, p99 %v, goodput %.0f/s, %d refused", what, r.quantile(.5), got, r.goodput(), r.rejected)
	if got > p99 {
		t.Errorf("%s: p99 = %v, want at most %v", what, got, p99)
	}
	if r.goodput() < goodput {
		t.Errorf("%s: %.0f answers a second, want at least %.0f", what, r.goodput(), goodput)
	}
}

// Three times the load that a server can take makes its latency grow without
// end. The limit keeps it under three times that of an idle server, with nearly
// all of the work that it can do done.
func TestOverloadDoesNotCollapse(t *testing.T) {
	three := load{rate: 3 * capacity, during: 5 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		r := newServer(10, steady).run(t, unlimited, three)
		if p99 := r.quantile(.99); p99 < 5*time.Second {
			t.Errorf("without a limit p99 = %v: that is no overload", p99)
		}
	})
	for _, workers := range []int{4, 10, 30} {
		t.Run(strconv.Itoa(workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { overload(t, workers) })
		})
	}
}

// overload goes from half of what the workers can do to three times that, and
// back.
func overload(t *testing.T, workers int) {
	t.Helper()
	capacity := workers * 100
	set := newSet(t, "4..200")
	s := newServer(workers, steady)
	run := func(rate, seconds int) result {
		return s.run(t, set.UnaryConcurrency, load{rate: rate, during: time.Duration(seconds) * time.Second})
	}
	quiet := run(capacity/2, 3)
	keeps(t, "half of it", quiet, 20*time.Millisecond, 0.45*float64(capacity))
	run(3*capacity, 2) // it takes that long to learn
	for range 3 {
		keeps(t, "three times", run(3*capacity, 3), 30*time.Millisecond, 0.95*float64(capacity))
	}
	if now := concurrency(t, set); now.Current <= workers || now.Current > 5*workers/2 || now.InFlight != 0 {
		t.Errorf("limit = %+v, want a little more than %d in flight", now, workers)
	}
	after := run(capacity/2, 3)
	keeps(t, "half of it again", after, 20*time.Millisecond, 0.45*float64(capacity))
	if quiet.rejected > 0 || after.rejected > 0 {
		t.Errorf("%d and %d calls were refused at half of the load", quiet.rejected, after.rejected)
	}
}

// A limit that never saw the server idle has to find out by a probe.
func TestOverloadFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "4..200")
		s := newServer(10, steady)
		s.run(t, set.UnaryConcurrency, load{rate: 3 * capacity, during: 2 * time.Second})
		keeps(t, "then", s.run(t, set.UnaryConcurrency, load{rate: 3 * capacity, during: 14 * time.Second}), 30*time.Millisecond, 0.95*capacity)
	})
}

// Work of very different length needs no other settings.
func TestOverloadOfUnevenWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "4..200")
		s := newServer(10, func(_ string, r *rand.Rand) time.Duration {
			return time.Duration(r.ExpFloat64() * float64(10*time.Millisecond))
		})
		s.run(t, set.UnaryConcurrency, load{rate: capacity / 2, during: 3 * time.Second})
		s.run(t, set.UnaryConcurrency, load{rate: 3 * capacity, during: 3 * time.Second})
		// The work alone has its 99th percentile at 46 ms.
		keeps(t, "then", s.run(t, set.UnaryConcurrency, load{rate: 3 * capacity, during: 10 * time.Second}), 80*time.Millisecond, 0.9*capacity)
	})
}

// A database that has become three times slower leaves a third of the capacity,
// not the little that fits the old latency.
func TestASlowerBackendIsNotTakenForAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "2..200")
		var factor atomic.Int64
		factor.Store(1)
		s := newServer(10, func(m string, r *rand.Rand) time.Duration {
			return time.Duration(factor.Load()) * steady(m, r)
		})
		usual := load{rate: capacity * 7 / 10, during: 5 * time.Second}
		keeps(t, "usual", s.run(t, set.UnaryConcurrency, usual), 30*time.Millisecond, 0.65*capacity)
		factor.Store(3)
		s.run(t, set.UnaryConcurrency, usual)
		keeps(t, "slower", s.run(t, set.UnaryConcurrency, usual), 90*time.Millisecond, 0.95*capacity/3)
		factor.Store(1)
		s.run(t, set.UnaryConcurrency, load{rate: usual.rate, during: time.Second})
		healed := s.run(t, set.UnaryConcurrency, usual)
		keeps(t, "healed", healed, 30*time.Millisecond, 0.65*capacity)
		if healed.rejected > 0 {
			t.Errorf("%d calls were refused though the database is as fast as before", healed.rejected)
		}
	})
}

// What a server can do is let in: many calls in flight, and more of the slow
// ones than before, are not trouble.
func TestHealthyLoadIsLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "10..200")
		s := newServer(1000, func(method string, r *rand.Rand) time.Duration {
			if strings.HasSuffix(method, "List") {
				return 10 * steady(method, r)
			}
			return steady(method, r)
		})
		for _, lists := range []int{0, 10, 80, 10} {
			r := s.run(t, set.UnaryConcurrency, load{rate: 1500, during: 3 * time.Second, method: func(i int) string {
				if i%100 < lists {
					return "/test.Work/List"
				}
				return "/test.Work/Do"
			}})
			if r.rejected > 0 {
				t.Errorf("with %d %% of slow calls %d were refused", lists, r.rejected)
			}
		}
		if now := concurrency(t, set); now.Current != 200 || now.Rejected != 0 {
			t.Errorf("limit = %+v", now)
		}
	})
}

func TestConcurrencyInShadow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "4..20,shadow")
		s := newServer(10, steady)
		r := s.run(t, set.UnaryConcurrency, load{rate: 2 * capacity, during: 2 * time.Second})
		now := concurrency(t, set)
		if r.rejected > 0 || len(r.ok) != 2*2*capacity {
			t.Errorf("%d were let in, %d were refused", len(r.ok), r.rejected)
		}
		if now.Rejected < capacity || now.Admitted+now.Rejected != int64(len(r.ok)) || now.InFlight != 0 {
			t.Errorf("counted = %+v", now)
		}
	})
}

// Equal bounds fix the limit, and bounds can be changed under load.
func TestFixedConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := newSet(t, "5")
		s := newServer(10, steady)
		r := s.run(t, set.UnaryConcurrency, load{rate: 2 * capacity, during: 2 * time.Second})
		keeps(t, "five at a time", r, 12*time.Millisecond, 0.45*capacity)
		if r.goodput() > 0.55*capacity || concurrency(t, set).Current != 5 {
			t.Errorf("%.0f answers a second with five at a time; %+v", r.goodput(), concurrency(t, set))
		}
		if err := set.Set("concurrency", limit.Settings{MinConcurrency: 10, MaxConcurrency: 10}); err != nil {
			t.Fatal(err)
		}
		keeps(t, "ten at a time", s.run(t, set.UnaryConcurrency, load{rate: 2 * capacity, during: 2 * time.Second}), 12*time.Millisecond, 0.9*capacity)
		if err := set.Reset("concurrency"); err != nil || concurrency(t, set).Current != 5 {
			t.Errorf("after Reset: %v, %+v", err, concurrency(t, set))
		}
	})
}
