package outlier

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxMethods bounds what a client that makes up method names can cost.
	maxMethods = 256
	// enough calls of a method were seen to know what is usual.
	enough = 20
	// buckets of latencies, four to each power of two of microseconds.
	buckets = 4 * 33
)

// Method is what is usual for the calls of one method, over all members. Calls
// are compared with others of their method only, so a member that happens to get
// the heavy ones is not slow.
type Method struct {
	fresh   [buckets]atomic.Uint32 // since the last fold
	decayed [buckets]float32       // the Group's
	median  atomic.Int64           // ns, 0 as long as it is unknown
	limit   atomic.Int64           // ns beyond which a call is slow, 0 as long as it is unknown
}

// methods finds a Method by its name.
type methods struct {
	byName sync.Map // string: *Method
	count  atomic.Int32
}

// get returns the Method of a name; nil when there are too many.
func (ms *methods) get(name string) *Method {
	if m, ok := ms.byName.Load(name); ok {
		return m.(*Method) //nolint:forcetypeassert // nothing else is stored
	}
	if ms.count.Load() >= maxMethods {
		return nil
	}
	m, known := ms.byName.LoadOrStore(name, &Method{})
	if !known {
		ms.count.Add(1)
	}
	return m.(*Method) //nolint:forcetypeassert // nothing else is stored
}

// observe notes the latency of an answered call.
func (m *Method) observe(latency time.Duration) {
	if m != nil {
		m.fresh[bucket(latency)].Add(1)
	}
}

// slow tells whether a latency is beyond what is usual.
func (m *Method) slow(latency time.Duration) bool {
	if m == nil {
		return false
	}
	limit := m.limit.Load()
	return limit > 0 && int64(latency) > limit
}

// known tells whether slow can say yes.
func (m *Method) known() bool { return m != nil && m.limit.Load() > 0 }

// fold takes the fresh latencies in, after the older ones have lost weight, and
// derives the median and the limit. A method that is not called keeps both.
func (m *Method) fold(decay float32, cfg *Config) {
	var total float32
	for i := range m.decayed {
		m.decayed[i] = m.decayed[i]*decay + float32(m.fresh[i].Swap(0))
		total += m.decayed[i]
	}
	if total < enough {
		return
	}
	var sum float32
	for i := range m.decayed {
		if sum += m.decayed[i]; sum >= total/2 {
			median := upper(i)
			m.median.Store(int64(median))
			m.limit.Store(max(int64(cfg.SlowFloor), int64(cfg.SlowFactor*float64(median))))
			return
		}
	}
}

// bucket returns the number of the bucket of a latency. Four buckets to a power
// of two make an error of 25 % at most.
func bucket(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 1))
	exp := bits.Len64(us) - 1
	sub := us << 2 >> exp & 3
	return min(4*exp+int(sub), buckets-1)
}

// upper returns the latency at which a bucket ends.
func upper(i int) time.Duration {
	exp, sub := i/4, i%4
	return time.Duration(uint64(5+sub)<<exp/4+1) * time.Microsecond
}
