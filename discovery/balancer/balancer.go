package balancer

import (
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/pickfirst"

	"github.com/gctl-dev/gctl/discovery/balancer/internal/outlier"
)

// ejecting is the balancer of one channel. The connections are kept by grpc-go's
// own policies, one pick_first for each endpoint; it stands between them and the
// channel and decides which of them get calls.
//
// All decisions are taken by one goroutine (run). Others leave it what is new and
// send a signal.
type ejecting struct {
	balancer.ClientConn // the channel; UpdateState is intercepted

	child   balancer.Balancer
	epoch   time.Time
	signal  chan struct{} // there is something to look at
	answers chan answer   // of health checks
	quit    chan struct{}
	ended   chan struct{}
	urgent  atomic.Bool // do not wait for the next regular judgement
	asleep  atomic.Bool // no timer runs; a call must wake the goroutine

	top       sync.Mutex  // held while the children are called
	direct    atomic.Bool // by the channel
	gathering atomic.Bool // there are states of children to be fetched

	mu        sync.Mutex
	cfg       Config
	monitor   *Monitor
	group     *outlier.Group
	endpoints map[key]*endpoint
	latest    *balancer.State // from the children, not looked at yet
	shown     balancer.State  // the last one looked at
	judged    time.Duration
}

// now returns the time since the balancer was made.
func (b *ejecting) now() time.Duration { return time.Since(b.epoch) }

// wallTime returns the moment that now called d.
func (b *ejecting) wallTime(d time.Duration) time.Time { return b.epoch.Add(d) }

// notify makes the goroutine look.
func (b *ejecting) notify() {
	select {
	case b.signal <- struct{}{}:
	default: // it is about to
	}
}

func (b *ejecting) hurry() {
	b.urgent.Store(true)
	b.notify()
}

// wake is called for each call; it costs a load as long as there are others.
func (b *ejecting) wake() {
	if b.asleep.Load() && b.asleep.CompareAndSwap(true, false) {
		b.notify()
	}
}

// UpdateClientConnState implements balancer.Balancer.
func (b *ejecting) UpdateClientConnState(s balancer.ClientConnState) (err error) {
	monitor, _ := s.ResolverState.Attributes.Value(monitorKey{}).(*Monitor)
	b.mu.Lock()
	if cfg, ok := s.BalancerConfig.(*parsed); ok {
		b.cfg = cfg.Config
		b.group.Configure(cfg.outlier())
	}
	b.monitor = monitor
	b.mu.Unlock()
	if monitor != nil {
		monitor.current.Store(b)
	}
	b.notify()
	b.down(func() {
		err = b.child.UpdateClientConnState(balancer.ClientConnState{
			// pick_first then takes a server that says NOT_SERVING for not connected.
			ResolverState: pickfirst.EnableHealthListener(s.ResolverState),
		})
	})
	return err
}

// UpdateState implements balancer.ClientConn for the children. With a thousand
// endpoints that connect at once the states come faster than pickers can be made;
// then only the last one counts.
func (b *ejecting) UpdateState(s balancer.State) {
	b.mu.Lock()
	b.latest = &s
	b.mu.Unlock()
	b.notify()
}

// ResolverError implements balancer.Balancer.
func (b *ejecting) ResolverError(err error) { b.down(func() { b.child.ResolverError(err) }) }

// UpdateSubConnState implements balancer.Balancer. It is not called: SubConns
// have listeners.
func (b *ejecting) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle implements balancer.Balancer.
func (b *ejecting) ExitIdle() { b.down(b.child.ExitIdle) }

// Close implements balancer.Balancer.
func (b *ejecting) Close() {
	close(b.quit)
	<-b.ended
	b.down(b.child.Close)
	b.mu.Lock()
	monitor := b.monitor
	b.mu.Unlock()
	if monitor != nil {
		monitor.current.CompareAndSwap(b, nil)
	}
}
