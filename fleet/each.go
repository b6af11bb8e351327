package fleet

import (
	"sync"
	"time"
)

const (
	// eachAtOnce is how many calls of Each compute at a time: enough to hide the
	// network, few enough to leave each its share of the processor.
	eachAtOnce = 96
	// eachSlow is when a call counts as waiting, not as computing.
	eachSlow = 250 * time.Millisecond
)

// Each calls do with 0 to n-1 and returns when all calls have. At most 96 are
// busy at a time. One that takes longer than 250 ms is taken to wait for a peer
// and gives its place to the next, so that peers that hang hold up nobody; do
// must have a limit of its own.
func Each(n int, do func(i int)) {
	places := make(chan struct{}, eachAtOnce)
	var all sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			leave := sync.OnceFunc(func() { <-places })
			slow := time.AfterFunc(eachSlow, leave)
			do(i)
			slow.Stop()
			leave()
		})
	}
	all.Wait()
}
