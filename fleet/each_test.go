package fleet_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gctl-dev/gctl/fleet"
)

func TestEachDoesAllOnceAndNotAllAtOnce(t *testing.T) {
	var mu sync.Mutex
	done := map[int]int{}
	var busy, most atomic.Int64
	fleet.Each(5000, func(i int) {
		now := busy.Add(1)
		defer busy.Add(-1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		mu.Lock()
		done[i]++
		mu.Unlock()
	})
	for i := range 5000 {
		if done[i] != 1 {
			t.Errorf("%d was done %d times", i, done[i])
		}
	}
	if most.Load() > 96 {
		t.Errorf("%d at once", most.Load())
	}
	fleet.Each(0, func(int) { t.Error("there is nothing to do") })
}

// All wait for the one that runs last: whoever waits must not keep its place.
func TestEachIsNotHeldUpByThoseThatHang(t *testing.T) {
	last := make(chan struct{})
	const n = 300
	var freed atomic.Int64
	fleet.Each(n, func(i int) {
		if i == n-1 {
			close(last)
			return
		}
		select {
		case <-last:
			freed.Add(1)
		case <-time.After(20 * time.Second):
		}
	})
	if freed.Load() != n-1 {
		t.Errorf("%d of %d were freed by the last", freed.Load(), n-1)
	}
}
